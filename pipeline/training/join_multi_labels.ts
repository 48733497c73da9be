/**
 * The classes that the images of a training show, by a file.
 *
 * @module
 */

import type { ImageClasses } from "../../formats/evaluation/mod.ts";
import type { ClassNames } from "../../formats/labels/mod.ts";
import { formatCount, formatNumberOf } from "../command/numbers.ts";
import type { ModelClasses } from "../evaluation/map_classes.ts";
import { readMultiLabels } from "../evaluation/multi_label_reader.ts";
import { readClassNames } from "../model/class_names.ts";
import type { ImageStore } from "./image_store.ts";
import type { RequestedSettings } from "./settings.ts";

/** The classes of the images. */
export interface JoinedMultiLabels extends ModelClasses {
  /** The classes of each image; undefined if the file does not have it. */
  readonly of: readonly (ImageClasses | undefined)[];
  /** What the user should know of the images that are used. */
  remarks(used: readonly number[]): string[];
}

/**
 * Reads which classes images show.
 *
 * @param path The file.
 * @param options The training's.
 * @param sources The images, and the classes that are told apart where that is settled.
 * @returns The classes of the images.
 * @throws {TypeError} If the file is something else, is of other classes, or has one entry for two images.
 */
export async function joinMultiLabels(
  path: string,
  options: RequestedSettings,
  { images, settled }: {
    readonly images: ImageStore;
    readonly settled?: { readonly count: number; readonly names?: ClassNames };
  },
): Promise<JoinedMultiLabels> {
  const subject = `Cannot train on "${options.images}" with "${path}"`;
  const named = options.classes === undefined ? undefined : await readClassNames(options.classes);
  const model = settled
    ? { classes: settled.count, classNames: settled.names }
    : named && { classes: named.name.length, classNames: named };
  const listed = images.classes === null
    ? undefined
    : { classes: images.classes.length, classNames: { name: images.classes } };
  const { keys } = images;
  const joined = { count: keys.length, first: keys[0] };
  const { classes, classNames, annotated, find } = await readMultiLabels(path, joined, { model, listed, subject });
  const owners = new Map<string, string>();
  let known = 0;
  const of = keys.map((key, index) => {
    const found = find({ index, key });
    if (!found) return undefined;
    known++;
    if (found.name === undefined) return found.classes;
    const other = owners.get(found.name);
    if (other !== undefined) {
      throw new TypeError(`${subject}: "${other}" and "${key}" are both found as ${JSON.stringify(found.name)}`);
    }
    owners.set(found.name, key);
    return found.classes;
  });
  return {
    classes,
    ...(classNames ? { classNames } : {}),
    of,
    remarks(used) {
      const count = (isCounted: (classes: ImageClasses) => boolean) =>
        used.filter((index) => isCounted(of[index]!)).length;
      const none = count(({ present }) => present.length === 0);
      const unsure = count(({ unknown }) => unknown.length > 0);
      const ofClasses = formatNumberOf(classes, "class", "classes");
      return [
        ...(none > 0 ? [`${formatNumberOf(none, "image")} show none of ${ofClasses}, and teach that`] : []),
        ...(unsure > 0 ? [`${formatNumberOf(unsure, "image")} may show classes, which are not counted there`] : []),
        ...(known < annotated
          ? [`${formatCount(annotated - known)} of ${formatNumberOf(annotated, "annotated image")} are not there`]
          : []),
      ];
    },
  };
}
