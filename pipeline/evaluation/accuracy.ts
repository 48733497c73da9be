/**
 * Top-1 and top-5 accuracy.
 *
 * @module
 */

import { type Figure, shareFigure } from "./figures.ts";
import { type ClassCounts, createClassCounts } from "./class_counts.ts";

/** Ranks of labels, added up. */
export interface Accuracy extends Pick<ClassCounts<CountName>, "sums" | "merge"> {
  /**
   * Counts an image.
   *
   * @param rank Rank of its label, from 0.
   * @param label Its class, where figures are wanted class by class.
   */
  add(rank: number, label?: number): void;
  /** Counts an image that has no label. */
  skip(): void;
  /** Images counted. */
  readonly images: number;
  /** Images without a label. */
  readonly skipped: number;
  /** Top-1 and, with more than 5 classes to choose from, top-5; of all images. */
  figures(): Figure[];
  /** The figures of each class that an image was of. */
  classFigures(): Figure[];
}

/** What is counted: images, how many of them have their label among the best, and those without one. */
type CountName = "images" | "top1" | "top5" | "skipped";

/** Ranks of the top-5. */
const TOP = 5;

/**
 * Makes what ranks are added up in.
 *
 * @param options `prefix` of the measures' names; `choices`: how many classes are ranked; `name` of a class.
 * @returns The empty sums.
 */
export function createAccuracy(
  options: { readonly prefix?: string; readonly choices: number; name(label: number): string },
): Accuracy {
  const { prefix = "", choices, name } = options;
  const counts = createClassCounts<CountName>("images", "top1", "top5", "skipped");
  const figuresOf = ({ images, top1, top5 }: Readonly<Record<CountName, number>>, of?: string): Figure[] => [
    shareFigure(`${prefix}top-1`, { images, right: top1 }, of),
    ...(choices > TOP ? [shareFigure(`${prefix}top-5`, { images, right: top5 }, of)] : []),
  ];
  return {
    add(rank, label) {
      counts.add({ images: 1, top1: Number(rank < 1), top5: Number(rank < TOP) }, label);
    },
    skip: () => counts.add({ skipped: 1 }),
    sums: counts.sums,
    merge: counts.merge,
    get images() {
      return counts.all.images;
    },
    get skipped() {
      return counts.all.skipped;
    },
    figures: () => counts.all.images > 0 ? figuresOf(counts.all) : [],
    classFigures: () => counts.classes().flatMap(([label, counts]) => figuresOf(counts, name(label))),
  };
}

/**
 * The mean over classes of the share that is right in each, which weighs classes equally where images are unequal.
 *
 * @param measure Name of the measure.
 * @param classes Counts of each class that has an image.
 * @returns The mean, and its standard error with the classes as they are: sqrt(sum of p (1 - p) / n) / classes.
 */
export function classMeanFigure(
  measure: string,
  classes: readonly { readonly images: number; readonly right: number }[],
): Figure {
  const figures = classes.map((tally) => shareFigure(measure, tally));
  const sum = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);
  return {
    measure,
    value: sum(figures.map(({ value }) => value)) / classes.length,
    standardError: Math.sqrt(sum(figures.map(({ standardError }) => standardError! ** 2))) / classes.length,
    images: sum(classes.map(({ images }) => images)),
  };
}
