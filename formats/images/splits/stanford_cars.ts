/**
 * Stanford Cars (Krause et al., 2013), in the three forms in which it is found: annotations of either split in the folder
 * `devkit`, with `cars_train/00001.jpg` and `cars_test/00001.jpg`; the same files without the folder; and all in
 * `cars_annos.mat`, with `car_ims/000001.jpg` and a flag of each image for the split. Classes count from 1. The labels of the
 * test split came later, in `cars_test_annos_withlabels.mat`.
 *
 * @module
 */

import { isFileThere } from "../../base/files.ts";
import { showValue } from "../../base/show_value.ts";
import { type MatValue, readMatFile } from "./mat_file.ts";
import type { Split, SplitLayout } from "./split_layout.ts";

/** The data set. */
export const STANFORD_CARS: SplitLayout = {
  name: "Stanford Cars",
  forms: [["devkit/cars_meta.mat", "cars_train"], ["cars_meta.mat", "cars_train"], ["cars_annos.mat"]],
  splits: ["train", "test"],
  async read(root, split, form) {
    if (form === 2) return await readAll(`${root}/cars_annos.mat`, split);
    const folder = form === 0 ? `${root}/devkit` : root;
    const meta = `${folder}/cars_meta.mat`;
    const classes = namesOf(await readMatFile(meta), meta);
    const withLabels = "cars_test_annos_withlabels.mat";
    const path = split === "train"
      ? `${folder}/cars_train_annos.mat`
      : isFileThere(`${root}/${withLabels}`)
      ? `${root}/${withLabels}`
      : `${folder}/${withLabels}`;
    const images = (await annotationsOf(path)).map((annotation, index) => ({
      key: `cars_${split}/${textOf(annotation, "fname", path, index)}`,
      label: labelOf(annotation, classes, path, index),
    }));
    return { classes, images };
  },
};

async function readAll(path: string, split: string): Promise<Split> {
  const classes = namesOf(await readMatFile(path), path);
  const images = (await annotationsOf(path)).flatMap((annotation, index) => {
    const test = numberOf(annotation, "test", path, index);
    if (test !== 0 && test !== 1) throw wrongField(path, index, "test", annotation.test, "0 or 1");
    if ((test === 1) !== (split === "test")) return [];
    const key = textOf(annotation, "relative_im_path", path, index);
    return [{ key, label: labelOf(annotation, classes, path, index) }];
  });
  return { classes, images };
}

/** An image's struct. */
type Annotation = Readonly<Record<string, MatValue>>;

async function annotationsOf(path: string): Promise<readonly Annotation[]> {
  const value = (await readMatFile(path)).get("annotations");
  if (value?.kind === "structs") return value.elements;
  throw new TypeError(`Cannot read "${path}": it has no structs called annotations`);
}

function namesOf(variables: ReadonlyMap<string, MatValue>, path: string): readonly string[] {
  const value = variables.get("class_names");
  if (value?.kind !== "cells") throw new TypeError(`Cannot read "${path}": it has no cells called class_names`);
  return value.cells.map((cell, index) => {
    if (cell.kind === "text") return cell.text;
    throw new TypeError(`Cannot read "${path}": name ${index + 1} of class_names is ${cell.kind}, expected text`);
  });
}

function textOf(annotation: Annotation, field: string, path: string, index: number): string {
  const value = annotation[field];
  if (value?.kind === "text" && value.text !== "") return value.text;
  throw wrongField(path, index, field, value, "a text");
}

function numberOf(annotation: Annotation, field: string, path: string, index: number): number {
  const value = annotation[field];
  if (value?.kind === "numbers" && value.values.length === 1) return value.values[0];
  throw wrongField(path, index, field, value, "a number");
}

function labelOf(annotation: Annotation, classes: readonly string[], path: string, index: number): number {
  const label = numberOf(annotation, "class", path, index) - 1;
  if (classes[label] !== undefined) return label;
  throw wrongField(path, index, "class", annotation.class, `1 to ${classes.length}`);
}

function wrongField(
  path: string,
  index: number,
  field: string,
  value: MatValue | undefined,
  expected: string,
): TypeError {
  const found = value === undefined
    ? "missing"
    : value.kind === "numbers" && value.values.length === 1
    ? value.values[0]
    : value.kind === "text"
    ? showValue(value.text)
    : value.kind;
  return new TypeError(
    `Cannot read "${path}": the ${field} of annotation ${index + 1} is ${found}, expected ${expected}`,
  );
}
