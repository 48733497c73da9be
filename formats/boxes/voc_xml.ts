/**
 * Boxes in the XML of Pascal VOC, one file per image, as ImageNet publishes them:
 *
 *     <annotation><filename>n01440764_10040</filename><size><width>500</width><height>375</height></size>
 *     <object><name>n01440764</name><bndbox><xmin>4</xmin><ymin>9</ymin><xmax>480</xmax><ymax>370</ymax></bndbox></object>
 *     </annotation>
 *
 * Parts of objects (`<part>`) are no objects. Edges are taken as they stand, from 0 to the size.
 *
 * @module
 */

import { showValue } from "../base/show_value.ts";
import { coordinatesOf, type ImageBoxes } from "./pixel_box.ts";

const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/**
 * Reads the boxes of an image.
 *
 * @param text The file's text.
 * @param subject What messages begin with.
 * @returns Size and boxes.
 * @throws {TypeError} If it is no annotation, or an object lacks its name or its box.
 * @throws {RangeError} If a size or a box is none.
 */
export function parseVocBoxes(text: string, subject: string): Omit<ImageBoxes, "key"> {
  const annotation = contentOf("annotation", text.replace(/<!--.*?-->/gs, ""));
  if (annotation === undefined) throw new TypeError(`${subject}: it has no <annotation>`);
  const size = contentOf("size", annotation);
  const objects = [...annotation.matchAll(/<object>(.*?)<\/object>/gs)];
  const boxes = objects.map(([, object], index) => {
    const place = `${subject}: object ${index}`;
    const whole = object.replace(/<part>.*?<\/part>/gs, "");
    const name = contentOf("name", whole)?.trim();
    if (!name) throw new TypeError(`${place} has no name`);
    const box = contentOf("bndbox", whole);
    if (box === undefined) throw new TypeError(`${place} has no bndbox`);
    const edges = ["xmin", "ymin", "xmax", "ymax"].map((edge) => contentOf(edge, box));
    return { class: decoded(name), ...coordinatesOf(edges, place) };
  });
  if (size === undefined) return { boxes };
  const sides = [contentOf("width", size), contentOf("height", size)];
  const [width, height] = sides.map((side) => side?.trim() ? Number(side) : NaN);
  // Some of ImageNet's say 0 x 0, which is unknown.
  if (width === 0 && height === 0) return { boxes };
  if (width > 0 && height > 0 && width < Infinity && height < Infinity) return { size: { width, height }, boxes };
  const found = sides.map((side) => showValue(side, "nothing"));
  throw new RangeError(`${subject}: its size is ${found.join(" x ")}, expected pixels`);
}

function contentOf(name: string, text: string): string | undefined {
  const start = text.indexOf(`<${name}>`);
  const end = text.indexOf(`</${name}>`, start);
  return start < 0 || end < 0 ? undefined : text.slice(start + name.length + 2, end);
}

function decoded(text: string): string {
  return text.replace(/&(\w+);/g, (whole, name) => ENTITIES[name] ?? whole);
}
