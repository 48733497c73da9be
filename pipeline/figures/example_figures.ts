/**
 * Examples of label maps as figures: the paper's A2, images beside the heat maps of their two best classes, and A3, random
 * crops beside their images, with the original label and the pooled one.
 *
 * @module
 */

import { printable } from "../../formats/base/printable.ts";
import { permutation } from "../../formats/base/permutation.ts";
import { type LabelMaps, scoreClasses } from "../../formats/labels/mod.ts";
import { cropFrame, definitions, type FramedPicture, heatFrame, imageFrame } from "../report/frames.ts";
import type { GalleryImage } from "../report/gallery.ts";
import { html, type Markup } from "../report/markup.ts";

/** Names of what is shown. */
export interface ExampleNames {
  readonly ofClass: (index: number) => string;
  readonly ofLabel: (label: number) => string;
}

/** Width and height of a panel, in which an image lies whole, and what is between panels. */
const PANEL = { width: 180, height: 140 };
const GAP = 10;
/** Between examples in a row. */
const SPACE = 36;
/** Height of a line of text. */
const LINE = 17;
/** Examples of a row. */
const COLUMNS = 2;
/** Classes of a pooled label that are named, those of this probability and more. */
const NAMED = 3;
const LEAST = 0.05;
/** Random rows that examples are chosen from. */
const CANDIDATES = 200;

/**
 * Chooses images that show two classes: of some at random, those whose second class is surest.
 *
 * @param labelMaps The label maps.
 * @param count Images to choose.
 * @param seed Other images for other seeds.
 * @returns Rows, the surest first.
 */
export async function chooseExamples(labelMaps: LabelMaps, count: number, seed: number): Promise<number[]> {
  const scored: { index: number; second: number }[] = [];
  for (const index of permutation(labelMaps.length, { seed })) {
    if (scored.length === CANDIDATES) break;
    const [, second] = scoreClasses(await labelMaps.get(index), labelMaps.metadata);
    scored.push({ index, second: second?.score ?? 0 });
  }
  return scored.sort((a, b) => b.second - a.second || a.index - b.index).slice(0, count).map(({ index }) => index);
}

/**
 * Images beside the heat maps of their two best classes: the paper's figure A2.
 *
 * @param images The images.
 * @param names Names of classes.
 * @returns The figure as SVG.
 */
export function heatMapFigure(images: readonly GalleryImage[], names: ExampleNames): string {
  const frames = framesOf(images);
  const examples = images.map(({ heatMaps }, index): Example => ({
    panels: [
      { frame: imageFrame(frames[index], "Image"), lines: ["input image"] },
      ...heatMaps.slice(0, 2).map((heat) => ({
        frame: heatFrame(frames[index], heat, names.ofClass(heat.class)),
        lines: [`${names.ofClass(heat.class)} ${heat.score.toFixed(2)}`],
      })),
    ],
    lines: [],
  }));
  return figure(frames, examples, { panels: 3, lines: 1 });
}

/**
 * Random crops beside their images, with the original label and the pooled one: the paper's figure A3. Each image is shown
 * with two crops.
 *
 * @param images The images.
 * @param names Names of classes and labels.
 * @returns The figure as SVG.
 */
export function cropFigure(images: readonly GalleryImage[], names: ExampleNames): string {
  const frames = framesOf(images);
  const examples = images.flatMap(({ crops, row }, index) =>
    crops.slice(0, COLUMNS).map(({ crop, best }): Example => {
      const pooled = best.filter(({ probability }, rank) => rank === 0 || probability >= LEAST).slice(0, NAMED)
        .map((one) => `${names.ofClass(one.class)} ${one.probability.toFixed(2)}`).join(", ");
      return {
        panels: [
          { frame: imageFrame(frames[index], "Image with the crop's box", [crop]), lines: [] },
          { frame: cropFrame(frames[index], crop, "Crop"), lines: [] },
        ],
        lines: [`Original: ${row.label === null ? "none" : names.ofLabel(row.label)}`, `ReLabel: ${pooled}`],
      };
    })
  );
  return figure(frames, examples, { panels: 2, lines: 2 });
}

/** Panels side by side, each with lines under it, and lines under all of them. */
interface Example {
  readonly panels: readonly { readonly frame: Markup; readonly lines: readonly string[] }[];
  readonly lines: readonly string[];
}

function framesOf(images: readonly GalleryImage[]): FramedPicture[] {
  return images.map(({ picture, row }, index) => {
    const size = "url" in picture ? picture : { width: row.width || 1, height: row.height || 1 };
    return { id: `image${index}`, picture, width: size.width, height: size.height };
  });
}

function figure(
  frames: readonly FramedPicture[],
  examples: readonly Example[],
  { panels, lines }: { readonly panels: number; readonly lines: number },
): string {
  const across = panels * (PANEL.width + GAP) - GAP;
  const down = PANEL.height + lines * LINE + GAP;
  const width = COLUMNS * across + (COLUMNS - 1) * SPACE + 2 * GAP;
  const height = Math.ceil(examples.length / COLUMNS) * (down + GAP) + GAP;
  const drawn = examples.map((example, index) => {
    const left = GAP + index % COLUMNS * (across + SPACE);
    const top = GAP + Math.floor(index / COLUMNS) * (down + GAP);
    return html`
      <g transform="translate(${left} ${top})">${example.panels.map(({ frame, lines }, place) => {
        const x = place * (PANEL.width + GAP);
        return html`<svg x="${x}" width="${PANEL.width}" height="${PANEL.height}">${frame}</svg>${
          lines.map((line, row) => text(line, x + PANEL.width / 2, row, PANEL.width, "middle"))
        }`;
      })}${example.lines.map((line, row) => text(line, 0, row, across, "start"))}</g>
    `;
  });
  return `${
    html`
      <svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"
        font-family="sans-serif" font-size="12"
        fill="#222"><style>.grey { filter: grayscale(1) } .heat { image-rendering: pixelated } .absent { fill: #ddd }</style>
      <rect width="100%" height="100%" fill="#fff"/>${definitions(frames)}${drawn}</svg>
    `.markup
  }\n`;
}

/** A line under a panel, cut to its width. */
function text(line: string, x: number, row: number, width: number, anchor: "start" | "middle"): Markup {
  const fitting = Math.floor(width / 6);
  const shown = printable(line);
  const cut = shown.length <= fitting ? shown : `${shown.slice(0, fitting - 3)}...`;
  return html`<text x="${x}" y="${PANEL.height + (row + 1) * LINE - 4}" text-anchor="${anchor}">${cut}</text>`;
}
