/**
 * Opening boxes of objects, whichever of the published forms they have:
 *
 * | path | form |
 * | --- | --- |
 * | a folder, a tar or tar.gz | XML files of Pascal VOC's form |
 * | `LOC_train_solution.csv`, `LOC_val_solution.csv` | `ImageId,PredictionString`: `n01978287_1,n01978287 240 170 260 240 ...`, class and edges in turn |
 * | `instances_*.json` | COCO's annotations: `bbox` is left, top, width and height |
 *
 * @module
 */

import { fileError, unreadable, withSubject } from "../base/files.ts";
import { isObject } from "../base/json.ts";
import { readJsonElements } from "../base/json_elements.ts";
import { compareNatural } from "../base/natural_sort.ts";
import { showValue } from "../base/show_value.ts";
import { openByteStream } from "../images/byte_stream.ts";
import { readTar } from "../images/tar.ts";
import { coordinatesOf, type ImageBoxes, type PixelBox } from "./pixel_box.ts";
import { parseVocBoxes } from "./voc_xml.ts";

const LOCALIZATION_HEADER = /^\ufeff?ImageId,PredictionString\r?$/;

/**
 * Opens published boxes.
 *
 * @param path The file or folder.
 * @returns The images with boxes; undefined for a file that is of none of these forms.
 * @throws {Error} If there is no such file or folder. What is wrong in it is thrown when its images are gone through.
 */
export function openPublishedBoxes(path: string): AsyncGenerator<ImageBoxes> | undefined {
  const subject = `Cannot read boxes from "${path}"`;
  const isFolder = withSubject(subject, () => Deno.statSync(path), "there is no such file").isDirectory;
  if (isFolder) return readFolder(path, subject);
  if (/\.(tar|tgz|tar\.gz)$/i.test(path)) return readArchive(path, subject);
  if (/\.json$/i.test(path)) return readCoco(path);
  return isLocalization(path) ? readLocalization(path, subject) : undefined;
}

/** Whether a file begins with the header of ImageNet's tables. */
function isLocalization(path: string): boolean {
  using file = Deno.openSync(path);
  const start = new Uint8Array(64);
  const count = file.readSync(start) ?? 0;
  return LOCALIZATION_HEADER.test(new TextDecoder().decode(start.subarray(0, count)).split("\n")[0]);
}

async function* readFolder(path: string, subject: string): AsyncGenerator<ImageBoxes> {
  let count = 0;
  for (const name of xmlIn(path, "", subject)) {
    const file = `${path}/${name}`;
    const text = await Deno.readTextFile(file).catch((error) => {
      throw fileError(`Cannot read boxes from "${file}"`, error);
    });
    count++;
    yield { key: name.slice(0, -4), ...parseVocBoxes(text, `Cannot read boxes from "${file}"`) };
  }
  if (count === 0) throw new TypeError(`${subject}: no file in it ends in .xml`);
}

/** XML files of a folder and those in it, in natural order. */
function* xmlIn(root: string, folder: string, subject: string): Generator<string> {
  const entries = withSubject(subject, () => [...Deno.readDirSync(`${root}/${folder}`)]);
  for (const { name, isDirectory } of entries.sort((a, b) => compareNatural(a.name, b.name))) {
    if (isDirectory) yield* xmlIn(root, `${folder}${name}/`, subject);
    else if (/\.xml$/i.test(name)) yield folder + name;
  }
}

async function* readArchive(path: string, subject: string): AsyncGenerator<ImageBoxes> {
  const stream = await openByteStream(path);
  try {
    let count = 0;
    for await (const member of readTar(stream)) {
      if (member.kind !== "file" || !/\.xml$/i.test(member.name)) continue;
      count++;
      const text = new TextDecoder().decode(await member.read());
      yield {
        key: member.name.slice(0, -4),
        ...parseVocBoxes(text, `Cannot read boxes from "${member.name}" of "${path}"`),
      };
    }
    if (count === 0) throw new TypeError(`${subject}: no member of it ends in .xml`);
  } finally {
    stream.close();
  }
}

async function* readLocalization(path: string, subject: string): AsyncGenerator<ImageBoxes> {
  const lines = (await Deno.readTextFile(path)).split(/\r?\n/);
  for (const [number, line] of lines.entries()) {
    if (number === 0 || line.trim() === "") continue;
    const place = `${subject}: line ${number + 1}`;
    const [key, ...rest] = line.split(",");
    const words = rest.join(",").trim().split(/\s+/);
    if (key === "" || words.length % 5 !== 0) {
      throw new TypeError(
        `${place} is ${showValue(line)}, expected an image, and a class with four edges for each box`,
      );
    }
    const boxes = Array.from({ length: words.length / 5 }, (_, box): PixelBox => {
      const [name, ...edges] = words.slice(5 * box, 5 * box + 5);
      return { class: name, ...coordinatesOf(edges, place) };
    });
    yield { key, boxes };
  }
}

async function* readCoco(path: string): AsyncGenerator<ImageBoxes> {
  const images = new Map<number, Required<ImageBoxes> & { readonly boxes: PixelBox[] }>();
  const names = new Map<number, string>();
  const annotations: [image: number, category: number, edges: Omit<PixelBox, "class">, place: string][] = [];
  for await (const { name, index, value } of readJsonElements(path)) {
    if (index < 0 || !["images", "annotations", "categories"].includes(name)) continue;
    const place = `${name}[${index}]`;
    if (!isObject(value)) throw unreadable(path, `${place} is ${showValue(value)}, expected an object`);
    const numberOf = (field: string) => {
      const found = value[field];
      if (typeof found === "number") return found;
      throw unreadable(path, `${field} of ${place} is ${showValue(found)}, expected a number`);
    };
    const textOf = (field: string) => {
      const found = value[field];
      if (typeof found === "string" && found !== "") return found;
      throw unreadable(path, `${field} of ${place} is ${showValue(found)}, expected a text`);
    };
    if (name === "images") {
      const file = textOf("file_name");
      const size = { width: numberOf("width"), height: numberOf("height") };
      if (!(size.width > 0 && size.height > 0)) throw unreadable(path, `${place} is ${size.width} x ${size.height}`);
      images.set(numberOf("id"), { key: file.replace(/\.[^./]*$/, ""), size, boxes: [] });
    } else if (name === "categories") {
      names.set(numberOf("id"), textOf("name"));
    } else {
      const { bbox } = value;
      if (!(Array.isArray(bbox) && bbox.length === 4 && bbox.every(Number.isFinite))) {
        throw unreadable(path, `bbox of ${place} is ${showValue(bbox)}, expected left, top, width and height`);
      }
      const [left, top, width, height] = bbox;
      // Some objects are thinner than a pixel, and COCO says a width of 0.
      if (width === 0 || height === 0) continue;
      const edges = coordinatesOf([left, top, left + width, top + height], `Cannot read "${path}": ${place}`);
      annotations.push([numberOf("image_id"), numberOf("category_id"), edges, place]);
    }
  }
  for (const [image, category, edges, place] of annotations) {
    const [of, name] = [images.get(image), names.get(category)];
    if (!of || name === undefined) {
      const missing = of ? `category ${category}` : `image ${image}`;
      throw unreadable(path, `${place} is of ${missing}, which is not in the file`);
    }
    of.boxes.push({ class: name, ...edges });
  }
  yield* images.values();
}
