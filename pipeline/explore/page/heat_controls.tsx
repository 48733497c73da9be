/**
 * Which heat map lies over the image, and how opaque.
 *
 * @module
 */

import { useMemo } from "preact/hooks";
import { heatPixels } from "../../pictures/heat_map.ts";
import type { ScoredClass } from "../../../formats/labels/multi_label.ts";
import type { NameList } from "./names.ts";
import { HeatMap } from "./stage.tsx";

/** Steps of the legend's scale. */
const LEGEND = 64;

/**
 * The choice of a heat map.
 *
 * @param props The class that is shown, -1 for none; the classes that the map holds, the surest first; the opacity.
 */
export function HeatControls({ heat, held, classes, opacity, onHeat, onOpacity }: {
  readonly heat: number;
  readonly held: readonly ScoredClass[];
  readonly classes: NameList;
  readonly opacity: number;
  onHeat(index: number): void;
  onOpacity(opacity: number): void;
}) {
  const scale = useMemo(() => heatPixels(Array.from({ length: LEGEND }, (_, step) => step / (LEGEND - 1))), []);
  const absent = heat >= 0 && held.every(({ class: index }) => index !== heat);
  return (
    <section class="panel heat-controls" aria-label="Heat map">
      <div class="field">
        <label for="heat">Heat map of</label>
        <select id="heat" value={heat} onChange={(event) => onHeat(Number(event.currentTarget.value))}>
          <option value={-1}>no class</option>
          {absent && <option value={heat}>{classes.short(heat)} (in no cell)</option>}
          {held.map(({ class: index, score }) => (
            <option key={index} value={index}>{classes.short(index)} · {score.toFixed(2)}</option>
          ))}
        </select>
      </div>
      <div class="field">
        <label for="opacity">Opacity</label>
        <input
          id="opacity"
          type="range"
          min={0}
          max={1}
          step={0.05}
          value={opacity}
          onInput={(event) => onOpacity(event.currentTarget.valueAsNumber)}
        />
      </div>
      <div class="legend">
        <span class="number">0 %</span>
        <HeatMap picture={{ grid: [1, LEGEND], pixels: scale }} name="Scale of the heat map, 0 to 100 %" opacity={1} />
        <span class="number">100 %</span>
      </div>
    </section>
  );
}
