/**
 * An image with a heat map over it, whose cells can be pointed at, and a crop box that is dragged.
 *
 * @module
 */

import { printable } from "../../../formats/base/printable.ts";
import { useLayoutEffect, useRef } from "preact/hooks";
import { type Box, boxBetween, dragBox, type Grip } from "./crop_box.ts";
import { Picture } from "./picture.tsx";

/** A cell of a label map. */
export interface Cell {
  readonly row: number;
  readonly column: number;
}

/** A picture of one pixel a cell. */
export interface CellPicture {
  /** `[H, W]`. */
  readonly grid: readonly [height: number, width: number];
  /** RGBA `[H, W, 4]`. */
  readonly pixels: Uint8ClampedArray<ArrayBuffer>;
}

/** What a stage shows. */
interface StageProps {
  /** The image's key. */
  readonly image: string;
  /** What it is called to tell it from others: `A`, or nothing if it is alone. */
  readonly name: string;
  /** Width of the image divided by its height, both in pixels. */
  readonly aspect: number;
  /** The picture is there. */
  onPicture(picture: HTMLImageElement): void;
  readonly grid: readonly [height: number, width: number];
  readonly heat: CellPicture | null;
  /** What the heat map is of. */
  readonly heatName: string;
  /** Of the heat map, 0 to 1. */
  readonly opacity: number;
  /** The cell that is pointed at. */
  readonly cell: Cell | null;
  readonly box: Box;
  onCell(cell: Cell | null): void;
  onBox(box: Box): void;
}

/** A place in the image, in fractions of its width and height. */
interface Place {
  readonly x: number;
  readonly y: number;
}

/** A drag that is under way. */
interface Drag {
  readonly pointer: number;
  readonly from: Place;
  /** The box that is dragged and what is held of it; null where a new one is drawn. */
  readonly held: { readonly box: Box; readonly grip: Grip } | null;
}

const GRIPS: readonly Grip[] = ([-1, 0, 1] as const)
  .flatMap((y) => ([-1, 0, 1] as const).map((x) => ({ x, y })))
  .filter(({ x, y }) => x !== 0 || y !== 0);

const ARROWS: Record<string, { readonly x: -1 | 0 | 1; readonly y: -1 | 0 | 1 }> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
};

/** How far a key moves the crop box, and with Alt, in fractions of the image. */
const STEP = 0.02;
const SMALL_STEP = 0.002;

/** How far a pointer goes until it draws a new box, in fractions of the image. */
const DRAWN = 0.02;

/** An image, its heat map and its crop box. */
export function Stage(props: StageProps) {
  const { image, name, aspect, grid: [rows, columns], heat, heatName, opacity, cell, box, onCell, onBox, onPicture } =
    props;
  const stage = useRef<HTMLDivElement>(null);
  const drag = useRef<Drag | null>(null);

  function placeOf(event: PointerEvent): Place {
    const { left, top, width, height } = stage.current!.getBoundingClientRect();
    return { x: (event.clientX - left) / width, y: (event.clientY - top) / height };
  }

  function begin(event: PointerEvent) {
    if (event.button !== 0) return;
    point(placeOf(event));
    const grip = gripOf(event.target);
    // A finger on the image beside the box scrolls the page.
    if (!grip && event.pointerType === "touch") return;
    if (grip) event.preventDefault();
    if (grip) (event.target as HTMLElement).closest<HTMLElement>(".crop")!.focus();
    stage.current!.setPointerCapture(event.pointerId);
    drag.current = { pointer: event.pointerId, from: placeOf(event), held: grip && { box, grip } };
  }

  function point({ x, y }: Place) {
    const inside = [x, y].every((fraction) => fraction >= 0 && fraction < 1);
    onCell(inside ? { row: Math.floor(y * rows), column: Math.floor(x * columns) } : null);
  }

  function move(event: PointerEvent) {
    const place = placeOf(event);
    point(place);
    if (drag.current?.pointer !== event.pointerId) return;
    const { from, held } = drag.current;
    const by = { x: place.x - from.x, y: place.y - from.y };
    if (held) onBox(dragBox(held.box, held.grip, by));
    else if (Math.hypot(by.x, by.y) > DRAWN) onBox(boxBetween(from, place));
  }

  function end(event: PointerEvent) {
    if (drag.current?.pointer === event.pointerId) drag.current = null;
  }

  function moveBox(event: KeyboardEvent) {
    const arrow = ARROWS[event.key];
    if (!arrow || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const step = event.altKey ? SMALL_STEP : STEP;
    // Shift moves the right and lower edges.
    const grip: Grip = event.shiftKey ? { x: arrow.x === 0 ? 0 : 1, y: arrow.y === 0 ? 0 : 1 } : { x: 0, y: 0 };
    onBox(dragBox(box, grip, { x: arrow.x * step, y: arrow.y * step }));
  }

  function moveCell(event: KeyboardEvent) {
    if (event.key === "Escape" && cell) {
      event.stopPropagation();
      return onCell(null);
    }
    const arrow = ARROWS[event.key];
    if (!arrow || event.altKey || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const { row, column } = cell ?? middle(rows, columns);
    onCell({
      row: Math.min(Math.max(row + arrow.y, 0), rows - 1),
      column: Math.min(Math.max(column + arrow.x, 0), columns - 1),
    });
  }

  return (
    <div
      class="stage"
      ref={stage}
      style={{ aspectRatio: String(aspect), "--aspect": String(aspect) }}
      onPointerDown={begin}
      onPointerMove={move}
      onPointerUp={end}
      onPointerCancel={end}
      onPointerLeave={(event) => event.pointerType === "mouse" && onCell(null)}
    >
      <Picture kind="image" image={image} alt={`Image ${printable(image)}`} onPicture={onPicture} />
      {heat && <HeatMap picture={heat} name={heatName} opacity={opacity} />}
      <div
        class="cells"
        tabIndex={0}
        role="application"
        aria-label={`Cells of the label map${name && ` ${name}`}: arrow keys go from cell to cell`}
        onKeyDown={moveCell}
        onFocus={(event) => event.currentTarget.matches(":focus-visible") && onCell(cell ?? middle(rows, columns))}
        onBlur={() => onCell(null)}
      />
      {cell && (
        <div
          class="cell"
          style={{
            left: `${100 * cell.column / columns}%`,
            top: `${100 * cell.row / rows}%`,
            width: `${100 / columns}%`,
            height: `${100 / rows}%`,
          }}
        />
      )}
      <div
        class="crop"
        tabIndex={0}
        role="application"
        aria-label={`Crop box${
          name && ` ${name}`
        }: arrow keys move it, with Shift they change its size, with Alt by less`}
        onKeyDown={moveBox}
        style={{
          left: `${100 * box.left}%`,
          top: `${100 * box.top}%`,
          width: `${100 * box.width}%`,
          height: `${100 * box.height}%`,
        }}
      >
        {GRIPS.map(({ x, y }) => <span key={`${x} ${y}`} class="grip" data-x={x} data-y={y} />)}
      </div>
    </div>
  );
}

/** What of the crop box an element is: null if it is none of it. */
function gripOf(target: EventTarget | null): Grip | null {
  if (!(target instanceof HTMLElement)) return null;
  if (target.classList.contains("crop")) return { x: 0, y: 0 };
  if (!target.classList.contains("grip")) return null;
  return GRIPS.find(({ x, y }) => target.dataset.x === String(x) && target.dataset.y === String(y)) ?? null;
}

function middle(rows: number, columns: number): Cell {
  return { row: Math.floor(rows / 2), column: Math.floor(columns / 2) };
}

/**
 * Cells as a canvas of one pixel each, enlarged without smoothing.
 *
 * @param props The pixels, what they show, and their opacity.
 */
export function HeatMap({ picture: { grid: [height, width], pixels }, name, opacity }: {
  readonly picture: CellPicture;
  readonly name: string;
  readonly opacity: number;
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    canvas.current!.getContext("2d")!.putImageData(new ImageData(pixels, width, height), 0, 0);
  }, [pixels, width, height]);
  return (
    <canvas class="heat" ref={canvas} width={width} height={height} role="img" aria-label={name} style={{ opacity }} />
  );
}
