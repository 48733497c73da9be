/**
 * One image, large: heat maps of a class, the classes of a cell, and the label of a crop.
 *
 * @module
 */

import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { classHeat, heatPixels } from "../../pictures/heat_map.ts";
import type { View } from "./address.ts";
import { fetchMap, type ImageMap, messageOf } from "./api.ts";
import type { Folders } from "../answers.ts";
import { CellPanel } from "./cell_panel.tsx";
import { CropPanel } from "./crop_panel.tsx";
import type { LabelOf } from "./given_label.tsx";
import { differencePixels, largestDifference } from "./heat_difference.ts";
import { HeatControls } from "./heat_controls.tsx";
import type { NameList } from "./names.ts";
import { heldClasses, pooledLabels } from "./pooled.ts";
import { Picture } from "./picture.tsx";
import { type Cell, HeatMap, Stage } from "./stage.tsx";
import type { Navigate } from "./use_address.ts";
import type { LabelMapBatch } from "../../../formats/base/label_map.ts";

/** A map, on its way, or why there is none. */
type Answer = { readonly state: "asked" } | { readonly state: "is"; readonly image: ImageMap } | {
  readonly state: "failed";
  readonly message: string;
};

/** Opacity of heat maps at first. */
const OPACITY = 0.8;

/**
 * The image of a view.
 *
 * @param props The image's `key`, the view, the folders and what is called what.
 */
export function ImageView({ image, view, folders, classes, labelOf, navigate }: {
  readonly image: string;
  readonly view: View;
  readonly folders: Folders;
  readonly classes: NameList;
  readonly labelOf: LabelOf;
  readonly navigate: Navigate;
}) {
  const answers = useMaps(image, folders.folders.length);
  const [cell, setCell] = useState<Cell | null>(null);
  const [opacity, setOpacity] = useState(OPACITY);
  // Maps that were published by others do not say how large their images are.
  const [seen, setSeen] = useState<number | null>(null);
  useEffect(() => {
    setCell(null);
    setSeen(null);
  }, [image]);

  const found = answers.flatMap((answer) => answer.state === "is" ? [answer.image] : []);
  const maps = useMemo(() => found.map(({ map }) => map), answers);
  const label = labelOf(found[0]?.label ?? null);
  const { box, mode, missing, temperature } = view;
  const pooled = useMemo(
    () => maps.length > 0 ? pooledLabels(maps, { box, mode, missing, temperature, given: label.class }) : null,
    [maps, box, mode, missing, temperature, label.class],
  );
  const held = useMemo(() => heldClasses(maps), [maps]);
  const heat = view.heat === null ? held[0]?.class ?? -1 : view.heat;
  const heats = useMemo(() => maps.map((map) => heat >= 0 && heat < map.classes ? classHeat(map, heat) : null), [
    maps,
    heat,
  ]);

  const failures = answers.flatMap((answer) => answer.state === "failed" ? [answer.message] : []);
  if (found.length === 0 || !pooled) {
    const asked = answers.some(({ state }) => state === "asked");
    return asked ? <p class="waiting">Reading the label map …</p> : <Failures messages={failures} />;
  }

  const { width, height } = found[0];
  const aspect = width > 0 && height > 0 ? width / height : seen ?? 1;
  const names = maps.length > 1 ? ["A", "B"] : [""];
  const grid = maps[0].grid;
  const comparable = maps.length === 2 && heats[0] && heats[1] && String(maps[0].grid) === String(maps[1].grid);
  return (
    <>
      <Failures messages={failures} />
      <div class={`image-view ${maps.length > 1 ? "comparing" : ""}`}>
        <div class="stages">
          {maps.map((map, index) => (
            <figure key={names[index]}>
              {names[index] && <figcaption>{folderCaption(folders, index)}</figcaption>}
              <Stage
                image={image}
                name={names[index]}
                aspect={aspect}
                onPicture={({ naturalWidth, naturalHeight }) => setSeen(naturalWidth / naturalHeight)}
                grid={map.grid}
                heat={heats[index] && { grid: map.grid, pixels: heatPixels(heats[index]) }}
                heatName={`Heat map${names[index] && ` ${names[index]}`} of ${
                  heat >= 0 ? classes.short(heat) : "no class"
                }`}
                opacity={opacity}
                cell={cell && cellOf(cell, grid, map)}
                box={box}
                onCell={(pointed) => setCell(pointed && cellOf(pointed, map.grid, maps[0]))}
                onBox={(moved) => navigate({ box: moved }, "replace")}
              />
            </figure>
          ))}
          {comparable && (
            <figure>
              <figcaption>
                <b class="badge">B − A</b> by up to {(100 * largestDifference(heats[0]!, heats[1]!)).toFixed(1)}{" "}
                points, red where B is higher
              </figcaption>
              <div class="stage stage-plain" style={{ aspectRatio: String(aspect), "--aspect": String(aspect) }}>
                <Picture kind="image" image={image} alt="" />
                <HeatMap
                  picture={{ grid, pixels: differencePixels(heats[0]!, heats[1]!) }}
                  name={`Where the heat maps of ${classes.short(heat)} differ`}
                  opacity={opacity}
                />
              </div>
            </figure>
          )}
        </div>
        <HeatControls
          heat={heat}
          held={held}
          classes={classes}
          opacity={opacity}
          onHeat={(index) => navigate({ heat: index }, "replace")}
          onOpacity={setOpacity}
        />
        <CropPanel
          view={view}
          aspect={aspect}
          pooled={pooled}
          heat={heat}
          label={label}
          classes={classes}
          names={names}
          onChange={(change) => navigate(change, "replace")}
        />
        <CellPanel
          cell={cell}
          maps={maps}
          names={names}
          missing={missing}
          temperature={temperature}
          classes={classes}
        />
      </div>
    </>
  );
}

function Failures({ messages }: { readonly messages: readonly string[] }) {
  return <>{messages.map((message) => <p class="failure" role="alert" key={message}>{message}</p>)}</>;
}

function folderCaption({ folders }: Folders, index: number) {
  const { annotator, dtype } = folders[index];
  return (
    <>
      <b class="badge">{"AB"[index]}</b> {annotator.name} · {dtype}
    </>
  );
}

/** The cell of a map at the middle of a cell of another grid. */
function cellOf(
  { row, column }: Cell,
  [height, width]: readonly [number, number],
  { grid }: Pick<LabelMapBatch, "grid">,
) {
  return {
    row: Math.floor((row + 0.5) * grid[0] / height),
    column: Math.floor((column + 0.5) * grid[1] / width),
  };
}

/** The label maps of an image, by folder. Those of the image before are shown until the first of these is there. */
function useMaps(image: string, folders: number): readonly Answer[] {
  const asked = () => Array<Answer>(folders).fill({ state: "asked" });
  const [answers, setAnswers] = useState<{ readonly image: string; readonly answers: readonly Answer[] }>({
    image,
    answers: asked(),
  });
  const latest = useRef(answers);
  useEffect(() => {
    const stop = new AbortController();
    latest.current = { image, answers: asked() };
    const settle = (folder: number, answer: Answer) => {
      if (stop.signal.aborted) return;
      latest.current = { image, answers: latest.current.answers.with(folder, answer) };
      // Both at once, so that nothing moves under the eye.
      if (latest.current.answers.every(({ state }) => state !== "asked")) setAnswers(latest.current);
    };
    for (let folder = 0; folder < folders; folder++) {
      fetchMap(folder, image, stop.signal).then(
        (map) => settle(folder, { state: "is", image: map }),
        (error) => settle(folder, { state: "failed", message: messageOf(error) }),
      );
    }
    return () => stop.abort();
  }, [image, folders]);
  const waiting = useMemo(asked, [image]);
  return answers.image === image ? answers.answers : waiting;
}
