/**
 * The numbers of a report, asked of the tables and functions that `deno task query` has.
 *
 * @module
 */

import type { ClassCount } from "../charts/class_count_chart.ts";
import type { LabelDatabase } from "../query/database.ts";
import { type LabelCoverage, labelCoverage, whyNoneIsKnown } from "../query/reports.ts";

/** An image whose label the annotator doubts. */
export interface SuspiciousImage {
  readonly key: string;
  /** Names of classes: the label's, and the annotator's best. */
  readonly given: string;
  readonly says: string;
  readonly selfConfidence: number;
  readonly margin: number;
}

/** Two classes that images carry together. */
export interface ClassPair {
  readonly name: string;
  readonly otherName: string;
  readonly images: number;
  readonly lift: number;
}

/** What images say of a class. */
export interface ClassFigures {
  readonly name: string;
  /** Images that it is the best class of, and its mean score there; null where there are none. */
  readonly images: number;
  readonly meanScore: number | null;
  readonly carried: number;
  readonly labelled: number;
  /** The share of the images labelled so of which the classifier says the same as a whole. */
  readonly agreement: number | null;
  readonly instead: string | null;
}

/** All numbers of a report. */
export interface LabelFindings extends LabelCoverage {
  readonly threshold: number;
  /** Images by number of classes, ascending. */
  readonly counts: readonly (ClassCount & { readonly images: number })[];
  /** Mean probability of the classifier's best class of the whole image; null without images. */
  readonly confidence: number | null;
  /** Why no label can be compared with the annotator's, if none can be. */
  readonly whyNoneIsKnown?: string;
  /** The share of comparable images whose label is the classifier's best class; null if there are none. */
  readonly agreement: number | null;
  /** The first of those whose label's class is not in the image while another one is surer, the most doubtful first. */
  readonly suspicious: readonly SuspiciousImage[];
  readonly suspiciousImages: number;
  readonly pairs: readonly ClassPair[];
  /** How many pairs there are. */
  readonly pairCount: number;
  readonly classFigures: readonly ClassFigures[];
  /** How many classes there are figures of. */
  readonly classCount: number;
  /** Keys of images with more than one class, drawn at random by the seed. */
  readonly severalClasses: readonly string[];
}

/** How many rows of each list are shown. */
export interface FindingLimits {
  readonly suspicious: number;
  readonly pairs: number;
  readonly classes: number;
  readonly severalClasses: number;
}

/**
 * Asks for the numbers.
 *
 * @param database Label maps.
 * @param options The least score of a class that an image carries, the seed, and how much of the lists is shown.
 * @returns The numbers.
 */
export async function readFindings(
  database: LabelDatabase,
  { threshold, seed, limits }: { readonly threshold: number; readonly seed: number; readonly limits: FindingLimits },
): Promise<LabelFindings> {
  await database.keepScores();
  const unseen = `self_confidence < ${threshold} AND margin < 0`;
  const coverage = await labelCoverage(database);
  const counts = await database.rows(`FROM classes_per_image(${threshold})`);
  const [{ confidence }] = await database.rows("SELECT avg(top_probability[1]) AS confidence FROM labels");
  const [{ count: suspiciousImages }] = coverage.known === 0 ? [{ count: 0 }] : await database.rows(
    `SELECT count(*) AS count FROM suspicious() WHERE ${unseen}`,
  );
  const suspicious = coverage.known === 0
    ? []
    : await database.rows(`FROM suspicious() WHERE ${unseen} LIMIT ${limits.suspicious}`);
  const pairs = await database.rows(`SELECT *, count(*) OVER () AS pairs FROM co_occurrence(${threshold})
    ORDER BY images DESC, lift DESC, class, other_class LIMIT ${limits.pairs}`);
  const classes = await database.rows(`
    SELECT *, count(*) OVER () AS classes,
      sum(labelled * agreement) OVER () / nullif(sum(labelled) OVER (), 0) AS total_agreement
    FROM per_class(${threshold}) ORDER BY images DESC, class LIMIT ${limits.classes}`);
  const several = await database.rows(`
    SELECT key FROM carried_classes(${threshold}) WHERE length(carried) > 1
    ORDER BY md5(${seed} || ':' || key), key LIMIT ${limits.severalClasses}`);
  return {
    ...coverage,
    threshold,
    counts: counts as unknown as LabelFindings["counts"],
    confidence: confidence as number | null,
    whyNoneIsKnown: await whyNoneIsKnown(database, coverage),
    agreement: classes.length > 0 ? classes[0].total_agreement as number | null : null,
    suspiciousImages: suspiciousImages as number,
    suspicious: suspicious.map(({ annotator_says, self_confidence, ...row }) => ({
      ...row as unknown as Pick<SuspiciousImage, "key" | "given" | "margin">,
      says: annotator_says as string,
      selfConfidence: self_confidence as number,
    })),
    pairs: pairs.map(({ other_name, ...row }) => ({
      ...row as unknown as Omit<ClassPair, "otherName">,
      otherName: other_name as string,
    })),
    pairCount: pairs.length > 0 ? pairs[0].pairs as number : 0,
    classFigures: classes.map(({ mean_score, ...row }) => ({
      ...row as unknown as Omit<ClassFigures, "meanScore">,
      meanScore: mean_score as number | null,
    })),
    classCount: classes.length > 0 ? classes[0].classes as number : 0,
    severalClasses: several.map(({ key }) => key as string),
  };
}
