/**
 * What is measured of the logits of images: each measure knows what is true of an image and adds up how well it was met.
 *
 * @module
 */

import { basename } from "@std/path";
import { type ImageClasses, parseMultiLabels, readMultiLabelAnnotations } from "../../formats/evaluation/mod.ts";
import type { StoredImage } from "../../formats/images/mod.ts";
import { bytesOf } from "../../formats/base/bytes.ts";
import { className } from "../model/class_names.ts";
import { formatCount, formatNumberOf } from "../command/numbers.ts";
import { classMeanFigure, createAccuracy } from "./accuracy.ts";
import type { Classified } from "./load_classifier.ts";
import { classPrecisions, meanAveragePrecision } from "./average_precision.ts";
import { corruptionFigures, missingCorruptions } from "./corruption_error.ts";
import type { DataSet } from "./data_set.ts";
import { type CountedImages, type Figure, shareFigure } from "./figures.ts";
import { mapClasses, type ModelClasses } from "./map_classes.ts";
import { type JoinedImages, listFinder, readMultiLabels } from "./multi_label_reader.ts";
import { bestRankOf, rankOf } from "./rank.ts";
import { readJsonFile } from "../../formats/base/files.ts";
import { createClassCounts } from "./class_counts.ts";

/** Something that is measured while images go by, in one process or in several, each with its share of them. */
export interface Measure {
  /** Adds an image and what the model says of it; logits are finite. */
  add(image: StoredImage, classified: Classified): void;
  /** What was added so far, as JSON can hold it. */
  sums(): unknown;
  /** Adds the sums of another process, whose images come after those of this one. */
  merge(sums: unknown): void;
  /** What was found; nothing if no image counted. */
  figures(): Figure[];
  /** What was found of each class, or of each corruption. */
  parts(): Figure[];
  /** What one has to know to read the figures, a sentence each. */
  notes(): string[];
  /** Why no image counted, where none did. */
  readonly nothing: string;
}

/** A data set and the model that is evaluated on it. */
export interface Evaluated {
  readonly dataSet: DataSet;
  readonly model: ModelClasses;
}

/** `285 Egyptian cat`: there are two cranes among ImageNet's classes. */
function partName({ classNames }: ModelClasses, label: number): string {
  return classNames ? `${label} ${className(classNames, label)}` : String(label);
}

/**
 * Measures top-1 and top-5 by the data set's own labels.
 *
 * @param evaluated Data set and model.
 * @param options `attacked`: of the attacked images instead.
 * @returns The measure.
 */
export function labelMeasure({ dataSet, model }: Evaluated, options: { readonly attacked?: boolean } = {}): Measure {
  const { candidates, truthOf } = dataSet;
  const choices = candidates?.length ?? model.classes;
  const prefix = options.attacked ? "FGSM " : "";
  const accuracy = createAccuracy({ prefix, choices, name: (label) => partName(model, label) });
  return {
    add(image, { logits, attacked }) {
      const truth = truthOf(image);
      if (truth) accuracy.add(rankOf(options.attacked ? attacked! : logits, truth.label, candidates), truth.label);
      else accuracy.skip();
    },
    sums: accuracy.sums,
    merge: accuracy.merge,
    figures: accuracy.figures,
    parts: accuracy.classFigures,
    notes: () => [
      ...(candidates
        ? [`Only ${candidates.length} of the model's ${formatNumberOf(model.classes, "class", "classes")} are ranked`]
        : []),
      ...(accuracy.skipped > 0 && accuracy.images > 0
        ? [`${formatNumberOf(accuracy.skipped, "image")} without a label`]
        : []),
    ],
    nothing: "none of its images has a label",
  };
}

/**
 * Measures the errors on ImageNet-C.
 *
 * @param evaluated Data set and model.
 * @returns The measure.
 */
export function corruptionMeasure({ dataSet }: Evaluated): Measure {
  const tallies = new Map<string, Map<number, { images: number; right: number }>>();
  const count = (name: string, severity: number, { images, right }: CountedImages) => {
    const severities = tallies.get(name) ?? new Map<number, { images: number; right: number }>();
    const tally = severities.get(severity) ?? { images: 0, right: 0 };
    tallies.set(name, severities.set(severity, tally));
    tally.images += images;
    tally.right += right;
  };
  return {
    add(image, { logits }) {
      const { label, corruption } = dataSet.truthOf(image)!;
      const { name, severity } = corruption!;
      count(name, severity, { images: 1, right: Number(rankOf(logits, label) > 0) });
    },
    sums: () =>
      [...tallies].flatMap(([name, severities]) => [...severities].map(([severity, tally]) => [name, severity, tally])),
    merge(sums) {
      for (const [name, severity, tally] of sums as [string, number, CountedImages][]) count(name, severity, tally);
    },
    figures: () => corruptionFigures(tallies).overall,
    parts: () => corruptionFigures(tallies).each,
    notes: () => missingCorruptions(tallies),
    nothing: "none of its corruptions counts for mCE",
  };
}

/**
 * Measures how often the top-1 class, or one of the top-5, is among the classes that ReaL's annotators found.
 *
 * @param path `real.json`, or lists of class indices in the same form: by name for ImageNet's validation set, for any other
 *   data set in the order of its images.
 * @param evaluated Data set and model.
 * @returns The measure.
 * @throws {Error} If the file cannot be read, is something else, or has lists of other images.
 */
export async function realMeasure(path: string, { dataSet, model }: Evaluated): Promise<Measure> {
  const subject = `Cannot evaluate with "${path}"`;
  const lists = parseMultiLabels(await readJsonFile(path, subject), { classes: model.classes, subject });
  const listOf = listFinder(lists, await joinedImages(dataSet), subject);
  const accuracy = createAccuracy({ prefix: "ReaL ", choices: model.classes, name: () => "" });
  return {
    add(image, { logits }) {
      const labels = listOf(image);
      if (labels.length > 0) accuracy.add(bestRankOf(logits, labels));
      else accuracy.skip();
    },
    sums: accuracy.sums,
    merge: accuracy.merge,
    figures: accuracy.figures,
    parts: () => [],
    notes: () =>
      accuracy.skipped > 0 ? [`ReaL: ${formatNumberOf(accuracy.skipped, "image")} without a class not counted`] : [],
    nothing: `no image has a class in "${path}"`,
  };
}

/** What a file of lists or annotations is joined with. */
async function joinedImages({ source, count }: DataSet): Promise<JoinedImages> {
  const [first] = await Array.fromAsync(source.read({ end: 1 }));
  return { count, first: first.key };
}

/**
 * Measures multi-label accuracy by the annotations of Shankar et al., with both ways of averaging: over images, and over the
 * images of each class and then over classes.
 *
 * @param path The annotations' file, `human_accuracy_v3.0.0.json`.
 * @param evaluated Data set and model.
 * @returns The measure.
 * @throws {Error} If the file cannot be read or is something else, or the model does not have its classes.
 */
export async function annotationMeasure(path: string, { dataSet, model }: Evaluated): Promise<Measure> {
  const subject = `Cannot evaluate with "${path}"`;
  const { accepted, problematic } = await readMultiLabelAnnotations(path);
  const wnids = [...new Set([...accepted.values()].flat())];
  const indices = mapClasses(wnids, model, { subject });
  const indexOf = new Map(wnids.map((wnid, position) => [wnid, indices[position]]));
  const counts = createClassCounts("images", "right", "unlabelled");
  const { all } = counts;
  return {
    add(image, { logits }) {
      const wnids = accepted.get(basename(image.key));
      if (!wnids) return;
      const right = Number(wnids.some((wnid) => rankOf(logits, indexOf.get(wnid)!) === 0));
      const truth = dataSet.truthOf(image);
      counts.add({ images: 1, right, unlabelled: truth ? 0 : 1 }, truth?.label);
    },
    sums: counts.sums,
    merge: counts.merge,
    figures: () =>
      all.images === 0 ? [] : [
        shareFigure("Shankar, mean of images", all),
        ...(all.unlabelled === 0
          ? [classMeanFigure("Shankar, mean of classes", counts.classes().map(([, tally]) => tally))]
          : []),
      ],
    parts: () =>
      all.unlabelled > 0
        ? []
        : counts.classes().map(([label, tally]) => shareFigure("Shankar", tally, partName(model, label))),
    notes: () => [
      `Shankar: ${formatCount(all.images)} of ${formatNumberOf(accepted.size, "annotated image")} evaluated, ` +
      `${formatCount(problematic)} problematic ones not counted`,
      ...(all.unlabelled > 0 ? ["Shankar: no mean of classes, since images have no label of their own"] : []),
    ],
    nothing: `none of its images is annotated in "${path}"`,
  };
}

/**
 * Measures mAP: the mean over classes of the average precision with which logits rank images. Scores of all images are kept
 * in memory, 4 bytes per image and class.
 *
 * @param path Lists of class indices in ReaL's form, or annotations of COCO.
 * @param evaluated Data set and model.
 * @returns The measure.
 * @throws {Error} If the file cannot be read, is something else, or is of other images or classes.
 */
export async function precisionMeasure(path: string, { dataSet, model }: Evaluated): Promise<Measure> {
  const subject = `Cannot evaluate with "${path}"`;
  const { find, annotated } = await readMultiLabels(path, await joinedImages(dataSet), { model, subject });
  const rows: Float32Array[] = [];
  const truths: ImageClasses[] = [];
  let unannotated = 0;
  const precisions = () => classPrecisions(model.classes, truths, (label) => rows.map((row) => row[label]));
  return {
    add(image, { logits }) {
      const found = find(image);
      if (!found) return void unannotated++;
      rows.push(logits);
      truths.push(found.classes);
    },
    sums: () => [rows.map((row) => bytesOf(row).toBase64()), truths, unannotated],
    merge(sums) {
      const [others, ofOthers, more] = sums as [string[], ImageClasses[], number];
      for (const row of others) rows.push(new Float32Array(Uint8Array.fromBase64(row).buffer));
      truths.push(...ofOthers);
      unannotated += more;
    },
    figures() {
      const found = precisions();
      return found.length === 0 ? [] : [{ measure: "mAP", value: meanAveragePrecision(found), images: rows.length }];
    },
    parts: () =>
      precisions().map(({ label, value, images }) => ({
        measure: "average precision",
        of: partName(model, label),
        value,
        images,
      })),
    notes: () => [
      `mAP: mean over ${formatNumberOf(precisions().length, "class", "classes")} of ${
        formatCount(model.classes)
      } that an image shows`,
      ...(unannotated > 0 ? [`mAP: ${formatNumberOf(unannotated, "image")} without annotations not counted`] : []),
      ...(rows.length < annotated
        ? [`mAP: ${formatCount(rows.length)} of ${formatNumberOf(annotated, "annotated image")} evaluated`]
        : []),
    ],
    nothing: `no image shows a class in "${path}"`,
  };
}
