/**
 * Options that several commands take, and what is meant where nothing is said.
 *
 * @module
 */

import { choice, count, flag, number, text } from "./option_kinds.ts";

/** The folder of label maps that commands write and read unless another one is named. */
export const LABELS_FOLDER = "labels";

/** `--batch`. */
export const batch = count({ help: "images of a step; default by the adapter. Changes no result" });

/** `--workers`. */
export const workers = count({ help: "threads that decode; default all cores but one. Changes no result" });

/** `--no-tune`. */
export const noTune = flag({
  help:
    "take the kernels that layers' shapes choose; default those measured to be\nfastest here, and in a long run measure what was not. Changes no result",
});

/** `--limit`, of images. */
export const limit = count({ help: "only the first N images" });

/** `--storage`. */
export const storage = choice(["f32", "f16"], {
  value: "TYPE",
  help: "f32 or f16 for what is between layers; default f32. f16 takes half the memory\nof an adapter that has it",
});

/** `--exif-orientation`. */
export const exifOrientation = flag({
  help: "turn images as their EXIF orientation says; default as they are stored, as\ntorchvision's loader gives them",
});

/** `--rows-per-file`. */
export function rowsPerFile(rows: number) {
  return count({ help: `images per part file, and what a kill can lose; default ${rows}` });
}

/** `--seed`, from 0; the help says what it is the seed of. */
export function seed(of: string) {
  return count({ least: 0, default: 0, help: of });
}

/** `--threshold`, a probability. */
export function threshold(help: string) {
  return number({ value: "P", range: [0, 1], expected: "a probability, 0 to 1", help });
}

/** `--classes`: the file of the names of an annotator's or a model's classes. */
export function classNames(of: string) {
  return text({
    value: "FILE",
    help: `names of the ${of}'s classes: one per line, or tab-separated with a header\n` +
      "(index, wnid, name); default its folder's, else ImageNet's if there are 1,000",
  });
}

/** `--boxes`; the help begins with what they are for. */
export function boxes(help: string) {
  return text({
    value: "FILE",
    help:
      `${help}: ImageNet's (a folder or tar of XML files, LOC_*_solution.csv),\nCOCO's instances_*.json, or CSV with the ` +
      "header key,class,top,left,height,width; the\nkey with or without its extension, the class a wnid, a name or an " +
      "index, the others\nfractions of the image",
  });
}
