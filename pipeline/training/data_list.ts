/**
 * What a run is trained on, a line for each image, mask and file of label maps, in the run's folder: so that a run that
 * goes on finds that something is another now, and what.
 *
 * @module
 */

import { readIfThere, replaceFile } from "../../formats/base/files.ts";
import { formatSourceImage, type SourceImage } from "../../formats/labels/mod.ts";
import { formatCount, formatNumberOf } from "../command/numbers.ts";

/** Lines that are written in one go. */
const LINES = 4096;

/**
 * Writes the list.
 *
 * @param path The file, which is replaced.
 * @param data What is trained on, in order.
 * @throws {Error} If it cannot be written.
 */
export function writeDataList(path: string, data: Iterable<SourceImage>): void {
  replaceFile(path, pieces(data));
}

function* pieces(data: Iterable<SourceImage>): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  let lines: string[] = [];
  for (const image of data) {
    if (lines.push(formatSourceImage(image)) < LINES) continue;
    yield encoder.encode(lines.join(""));
    lines = [];
  }
  yield encoder.encode(lines.join(""));
}

/**
 * Finds the first line that is another now.
 *
 * @param path The file that {@linkcode writeDataList} wrote.
 * @param data What is to be trained on.
 * @returns A phrase; undefined if there is no difference, or no such file.
 */
export function findDataDifference(path: string, data: Iterable<SourceImage>): string | undefined {
  const before = readIfThere(path);
  if (before === undefined) return undefined;
  let place = 0;
  let index = 0;
  for (const image of data) {
    const line = formatSourceImage(image);
    if (!before.startsWith(line, place)) {
      const end = before.indexOf("\n", place);
      const was = end < 0 ? "absent" : describe(before.slice(place, end));
      return `number ${formatCount(index)} of its data was ${was}, is ${describe(line)}`;
    }
    place += line.length;
    index++;
  }
  if (place === before.length) return undefined;
  return `there were more than ${formatNumberOf(index, "image or file", "images and files")}, the next of them ${
    describe(before.slice(place).split("\n", 1)[0])
  }`;
}

function describe(line: string): string {
  try {
    const [key, label, bytes]: [string, number | null, number] = JSON.parse(line);
    return `${JSON.stringify(key)} (${label === null ? "" : `label ${label}, `}${formatNumberOf(bytes, "byte")})`;
  } catch {
    return JSON.stringify(line);
  }
}
