/**
 * Images of a report as SVG: the picture once, and wherever it is shown a reference to it, under a heat map, with boxes
 * drawn on it, or cut to a crop. Crops lie in square frames; others have the image's shape, where it is not too tall.
 *
 * @module
 */

import type { Crop } from "../../kernels/operations/label_pooling/mod.ts";
import { html, type Markup } from "./markup.ts";
import type { HeatMap } from "./gallery.ts";
import type { Picture } from "./pictures.ts";

/** A picture of the page that can be shown several times. */
export interface FramedPicture {
  /** Unique on the page, a letter and digits. */
  readonly id: string;
  readonly picture: Picture;
  /** Width of the image, or of what stands for it; only their ratio matters. */
  readonly width: number;
  readonly height: number;
}

type Part = Pick<Crop, "top" | "left" | "height" | "width">;

/** Colours of the boxes of crops, which their numbers tell apart too (Okabe and Ito, on white). */
const BOX_COLOURS = ["#56b4e9", "#e69f00", "#009e73", "#cc79a7"];

/** Side of the square that has a box's number. */
const TAG = 26;

/** Pixels of the frames' own coordinates along the longer side, so that lines are as thick in all. */
const LONGER = 320;

/** Size of the frame's content in its own coordinates. */
function sizeOf({ width, height }: FramedPicture): { readonly width: number; readonly height: number } {
  const scale = LONGER / Math.max(width, height);
  return { width: round(Math.max(width * scale, 1)), height: round(Math.max(height * scale, 1)) };
}

/** Coordinates to a tenth. */
function round(value: number): number {
  return Math.round(value * 10) / 10;
}

/**
 * What frames refer to: the pictures themselves, once, where they are not seen.
 *
 * @param frames The pictures.
 * @returns The element as HTML.
 */
export function definitions(frames: readonly FramedPicture[]): Markup {
  return html`
    <svg width="0" height="0" class="definitions" aria-hidden="true">
      <defs>${frames.map((frame) => {
        if (!("url" in frame.picture)) return html``;
        const { width, height } = sizeOf(frame);
        return html`
          <image id="${frame.id}" width="${width}" height="${height}" preserveAspectRatio="none" href="${frame.picture
            .url}" />
        `;
      })}</defs>
    </svg>
  `;
}

/**
 * The image, with the boxes of crops if there are any.
 *
 * @param frame The picture.
 * @param seen What is seen, in words.
 * @param crops Parts of it, which are numbered.
 * @returns The element as HTML.
 */
export function imageFrame(frame: FramedPicture, seen: string, crops: readonly Part[] = []): Markup {
  const { width, height } = sizeOf(frame);
  return html`
    <svg class="frame" viewBox="0 0 ${width} ${height}" role="img"
      aria-label="${seen}">${content(frame)}${crops.map((crop, index) => box(crop, index, { width, height }))}${crops
        .map((crop, index) => tag(crop, index, { width, height }))}</svg>
  `;
}

/** The box of a crop: a line that is seen on any image. */
function box(crop: Part, index: number, { width, height }: { width: number; height: number }): Markup {
  const size = html`x="${round(crop.left * width + 2)}" y="${round(crop.top * height + 2)}" width="${
    round(Math.max(crop.width * width - 4, 1))
  }" height="${round(Math.max(crop.height * height - 4, 1))}" fill="none"`;
  return html`
    <rect ${size} stroke="#000" stroke-width="5" />
    <rect ${size} stroke="${colourOf(index)}" stroke-width="3" />
  `;
}

/** Its number, each in another corner, since boxes may begin at the same place. */
function tag(crop: Part, index: number, { width, height }: { width: number; height: number }): Markup {
  const x = round(index % 2 === 0 ? crop.left * width : (crop.left + crop.width) * width - TAG);
  const y = round(index % 4 < 2 ? crop.top * height : (crop.top + crop.height) * height - TAG);
  return html`
    <rect x="${x}" y="${y}" width="${TAG}" height="${TAG}" fill="${colourOf(index)}" />
    <text x="${round(x + TAG / 2)}" y="${round(y + TAG * 0.77)}" text-anchor="middle" font-size="20" font-weight="700"
      fill="#000">${index + 1}</text>
  `;
}

function colourOf(index: number): string {
  return BOX_COLOURS[index % BOX_COLOURS.length];
}

/**
 * The heat map of a class over the grey image: a rectangle per cell.
 *
 * @param frame The picture.
 * @param heatMap What lies on it.
 * @param seen What is seen, in words.
 * @returns The element as HTML.
 */
export function heatFrame(frame: FramedPicture, heatMap: HeatMap, seen: string): Markup {
  const { width, height } = sizeOf(frame);
  const { picture } = heatMap;
  return html`
    <svg class="frame" viewBox="0 0 ${width} ${height}" role="img"
      aria-label="${seen}">${content(frame, "grey")}${"url" in picture
        ? html`
          <image class="heat" width="${width}" height="${height}" preserveAspectRatio="none" data-class="${heatMap
            .class}"
            href="${picture.url}" />
        `
        : undefined}</svg>
  `;
}

/**
 * A part of the image.
 *
 * @param frame The picture.
 * @param crop The part.
 * @param seen What is seen, in words.
 * @returns The element as HTML.
 */
export function cropFrame(frame: FramedPicture, crop: Part, seen: string): Markup {
  const { width, height } = sizeOf(frame);
  const part = {
    width: round(Math.max(crop.width * width, 1)),
    height: round(Math.max(crop.height * height, 1)),
  };
  const [x, y] = [round(crop.left * width), round(crop.top * height)];
  // The inner one cuts off what is beside the crop, which the outer would show where it is not square.
  return html`
    <svg class="frame" viewBox="0 0 ${part.width} ${part.height}" role="img" aria-label="${seen}">
      <svg width="${part.width}" height="${part.height}"
        viewBox="${x} ${y} ${part.width} ${part.height}">${content(frame)}</svg>
    </svg>
  `;
}

function content({ id, picture, width, height }: FramedPicture, className?: string): Markup {
  if ("url" in picture) {
    return html`
      <use href="#${id}" ${className
        ? html`
          class="${className}"
        `
        : undefined} />
    `;
  }
  const size = sizeOf({ id, picture, width, height });
  return html`
    <rect class="absent" width="${size.width}" height="${size.height}" />
  `;
}
