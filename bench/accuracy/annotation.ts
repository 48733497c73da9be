/**
 * The default annotator on the photographs, compared with timm.
 *
 * @module
 */

import { createAnnotator } from "../../kernels/programs/annotator.ts";
import type { Device } from "../../kernels/engine/device.ts";
import { readAnnotator, readPhotographs } from "../default_annotator.ts";
import { PROFILES, withProfile } from "../device.ts";
import { percent, type Section } from "./section.ts";

/** Logits of the reference that are nearer than this may stand in either order. */
const NEAR = 2e-3;
const RANKS = 5;
const TOP_1 = 0.98;

/**
 * Compares the five best classes of each cell, from JPEG files through this project's decoder.
 *
 * @param device Where.
 * @returns A row for each size and profile.
 */
export async function compareAnnotation(device: Device): Promise<Section> {
  const rows: Section["rows"] = [["size", "profile", "cells", "same order", "but for ties", "top-1", "largest"]];
  const failures: string[] = [];
  const annotator = await readAnnotator();
  const photographs = await readPhotographs();
  for (const size of [224, 448]) {
    for (const profile of PROFILES) {
      const settings = { ...annotator, batch: 1, size: [size, size] as const, k: RANKS, dtype: "fp32" as const };
      const { annotate, close } = await createAnnotator(withProfile(device, profile), settings);
      const total = { cells: 0, same: 0, tied: 0, top1: 0, largest: 0 };
      for (const { image, expected } of photographs) {
        const [map] = await annotate([image]);
        const { same, tied, top1, cells, largest } = compareCells(map, await expected(size));
        total.cells += cells;
        total.same += same;
        total.tied += tied;
        total.top1 += top1;
        total.largest = Math.max(total.largest, largest);
      }
      close();
      const [same, tied, top1] = [total.same, total.tied, total.top1].map((count) => count / total.cells);
      rows.push([size, profile, total.cells, ...[same, tied, top1].map(percent), total.largest.toExponential(1)]);
      if (tied !== 1) failures.push(`the five best classes at ${size}, ${profile} profile`);
      if (!(top1 >= TOP_1)) failures.push(`the best class at ${size}, ${profile} profile`);
    }
  }
  const same = photographs.filter(({ samePixels }) => samePixels).length;
  const title =
    `EfficientNet-Lite0 against timm on ${photographs.length} photographs, of which our decoder gives ${same} ` +
    "Pillow's pixels:\n  cells whose five best classes are the same, all of them but where logits are within 2e-3; " +
    "top-1 at least 98 %";
  return { title, rows, failures };
}

/** `classes` and `scores` are rank-major; those expected have more ranks. */
function compareCells(
  actual: { class: ArrayLike<number>; score: ArrayLike<number> },
  expected: { classes: Float32Array; scores: Float32Array },
) {
  const cells = actual.class.length / RANKS;
  const counts = { cells, same: 0, tied: 0, top1: 0, largest: 0 };
  for (let cell = 0; cell < cells; cell++) {
    let [same, tied] = [true, true];
    for (let at = cell; at < RANKS * cells; at += cells) {
      const { scores } = expected;
      counts.largest = Math.max(counts.largest, Math.abs(actual.score[at] - scores[at]));
      if (actual.class[at] === expected.classes[at]) continue;
      same = false;
      tied &&= isTied(expected, actual.class[at], at, cells);
    }
    if (same) counts.same++;
    if (tied) counts.tied++;
    if (actual.class[cell] === expected.classes[cell]) counts.top1++;
  }
  return counts;
}

/** Whether the reference has the class in this cell too, with nearly the logit of the rank it stands at. */
function isTied(
  { classes, scores }: { classes: Float32Array; scores: Float32Array },
  found: number,
  at: number,
  cells: number,
): boolean {
  for (let other = at % cells; other < classes.length; other += cells) {
    if (classes[other] === found) return Math.abs(scores[other] - scores[at]) < NEAR;
  }
  return false;
}
