/**
 * Annotations in MATLAB's files: what is read are values of the kinds that a file may hold.
 *
 * @module
 */

import { type MatValue, readMatFile } from "../../../formats/images/splits/mat_file.ts";
import { promise, type Target } from "../sample.ts";

const FOLDER = new URL("../../fixtures/images/mat/", import.meta.url);
const NAMES = ["cars_meta.mat", "cars_test_annos_withlabels.mat", "cars_annos.mat", "kinds.mat"];

/** MATLAB 5 files, packed and not. */
export const mat: Target = {
  samples: () =>
    NAMES.map((name) => {
      const bytes = Deno.readFileSync(new URL(name, FOLDER));
      const regions = [{ name: "end of the header", start: 124, end: 128 }, {
        name: "first tags",
        start: 128,
        end: 200,
      }];
      return { name, bytes, regions, rewrites: [] };
    }),
  async read(path) {
    const variables = Object.fromEntries(await readMatFile(path));
    Object.values(variables).forEach(checkValue);
    return variables;
  },
};

function checkValue(value: MatValue): void {
  switch (value.kind) {
    case "numbers":
      return promise(value.values.every((number) => typeof number === "number"), "a number is none");
    case "text":
      return promise(typeof value.text === "string", "a text is none");
    case "cells":
      return value.cells.forEach(checkValue);
    case "structs":
      return value.elements.forEach((element) => Object.values(element).forEach(checkValue));
    case "other":
      return promise(value.classNumber >= 0 && value.classNumber < 256, `an array is of class ${value.classNumber}`);
  }
}
