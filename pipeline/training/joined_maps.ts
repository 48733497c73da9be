/**
 * Label maps of several roots as one, for images whose keys begin with the number of their root.
 *
 * @module
 */

import { classArray, SCORE_ARRAYS } from "../../formats/base/label_map.ts";
import { isTurned, type LabelMaps, mapLength } from "../../formats/labels/mod.ts";
import { placesOf } from "./joined_images.ts";

/** What a training asks of label maps. */
export type TrainingMaps = Pick<
  LabelMaps,
  "metadata" | "classes" | "files" | "length" | "get" | "indexOf" | "batch" | "close"
>;

/** What maps have in common that are pooled by one program. */
const COMMON = ["classes", "k", "grid", "dtype", "layout", "scores", "floor"] as const;

/**
 * Joins label maps.
 *
 * @param all The maps, one or more, in the order of their images' roots; one alone is given back as it is.
 * @param subject What a message begins with.
 * @returns Maps of all roots as one; closing them closes each.
 * @throws {TypeError} If they are of different classes, or stored in different ways.
 */
export function joinLabelMaps(all: readonly LabelMaps[], subject: string): TrainingMaps {
  if (all.length === 1) return all[0];
  const [{ metadata, classes }] = all;
  for (const other of all.slice(1)) {
    const differing = COMMON.find((name) => JSON.stringify(other.metadata[name]) !== JSON.stringify(metadata[name]));
    if (differing !== undefined) {
      throw new TypeError(
        `${subject}: "${other.path}" has ${differing} ${other.metadata[differing]}, and "${all[0].path}" ` +
          `${metadata[differing]}`,
      );
    }
    if (isTurned(other.metadata) !== isTurned(metadata)) {
      throw new TypeError(
        `${subject}: either "${other.path}" or "${all[0].path}" is of images turned by their EXIF orientation`,
      );
    }
    if (JSON.stringify(other.classes?.name) !== JSON.stringify(classes?.name)) {
      throw new TypeError(`${subject}: the classes of "${other.path}" are not those of "${all[0].path}"`);
    }
  }
  const places = placesOf(all.map(({ length }) => length));
  const length = mapLength(metadata);
  return {
    metadata,
    classes,
    files: all.flatMap(({ files }) => files),
    length: places.length,
    get(position) {
      const { root, index } = places.at(position);
      return all[root].get(index);
    },
    async indexOf(key) {
      const slash = key.indexOf("/");
      const root = Number(key.slice(0, slash));
      const index = await all[root].indexOf(key.slice(slash + 1));
      return index === undefined ? undefined : places.start(root) + index;
    },
    async batch(positions) {
      const wanted = Array.from(positions, (position, place) => ({ place, ...places.at(position) }));
      const count = wanted.length;
      const [classOf, scoreOf] = [classArray(metadata.classes), SCORE_ARRAYS[metadata.dtype]];
      const joined = { class: new classOf(count * length), score: new scoreOf(count * length) };
      const batches = await Promise.all(all.map(async (maps, root) => {
        const own = wanted.filter((one) => one.root === root);
        return { own, batch: own.length > 0 ? await maps.batch(own.map(({ index }) => index)) : undefined };
      }));
      for (const { own, batch } of batches) {
        own.forEach(({ place }, at) => {
          joined.class.set(batch!.class.subarray(at * length, (at + 1) * length), place * length);
          joined.score.set(batch!.score.subarray(at * length, (at + 1) * length), place * length);
        });
      }
      const { batch } = batches.find(({ batch }) => batch !== undefined)!;
      return { ...batch!, ...joined, count };
    },
    close: () => all.forEach((maps) => maps.close()),
  };
}
