/**
 * Top-1 and top-5 accuracy.
 *
 * @module
 */

import { type Figure, shareFigure } from "./figures.ts";

/** What was counted, as JSON can hold it: of all images, and of each class that an image was of. */
export interface AccuracySums {
  readonly all: Counts;
  readonly classes: readonly (readonly [label: number, counts: Counts])[];
}

/** Ranks of labels, added up. */
export interface Accuracy {
  /**
   * Counts an image.
   *
   * @param rank Rank of its label, from 0.
   * @param label Its class, where figures are wanted class by class.
   */
  add(rank: number, label?: number): void;
  /** What was counted so far. */
  sums(): AccuracySums;
  /** Adds what was counted elsewhere. */
  merge(sums: AccuracySums): void;
  /** Images counted. */
  readonly images: number;
  /** Top-1 and, with more than 5 classes to choose from, top-5; of all images. */
  figures(): Figure[];
  /** The figures of each class that an image was of. */
  classFigures(): Figure[];
}

/** Images, and how many of them have their label among the best. */
interface Counts {
  images: number;
  top1: number;
  top5: number;
}

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
  const all: Counts = { images: 0, top1: 0, top5: 0 };
  const classes = new Map<number, Counts>();
  const countsOf = (label: number): Counts => {
    const counts = classes.get(label) ?? { images: 0, top1: 0, top5: 0 };
    classes.set(label, counts);
    return counts;
  };
  const count = (counts: Counts, { images, top1, top5 }: Counts) => {
    counts.images += images;
    counts.top1 += top1;
    counts.top5 += top5;
  };
  const figuresOf = ({ images, top1, top5 }: Counts, of?: string): Figure[] => [
    shareFigure(`${prefix}top-1`, { images, right: top1 }, of),
    ...(choices > TOP ? [shareFigure(`${prefix}top-5`, { images, right: top5 }, of)] : []),
  ];
  return {
    add(rank, label) {
      const image = { images: 1, top1: Number(rank < 1), top5: Number(rank < TOP) };
      count(all, image);
      if (label !== undefined) count(countsOf(label), image);
    },
    sums: () => ({ all, classes: [...classes] }),
    merge(sums) {
      count(all, sums.all);
      for (const [label, counts] of sums.classes) count(countsOf(label), counts);
    },
    get images() {
      return all.images;
    },
    figures: () => all.images > 0 ? figuresOf(all) : [],
    classFigures: () =>
      [...classes].sort(([a], [b]) => a - b).flatMap(([label, counts]) => figuresOf(counts, name(label))),
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
