/**
 * What students are right about as rows of a table.
 *
 * @module
 */

import { formatCount, formatNumberOf, formatPercent, formatSize } from "../command/numbers.ts";
import type { Measure, MeasuredRow } from "./measured_table.ts";
import { meanOf } from "./outcome_statistics.ts";
import type { Arm, StudentOutcomes } from "./students.ts";
import type { StudyPlan } from "./study_plan.ts";

/** What is measured of students. */
export const STUDENT_MEASURES: readonly Measure[] = [{ name: "top1", title: "top-1" }, { name: "real", title: "ReaL" }];

/**
 * A row for each kind of students.
 *
 * @param arms The kinds.
 * @param outcomes What they said of the test images.
 * @param factsOf What is known of a kind without its students.
 * @returns The rows, in the order of the kinds.
 */
export function studentRows(
  arms: readonly Pick<Arm, "name" | "title">[],
  { outcomes }: Pick<StudentOutcomes, "outcomes">,
  factsOf: (name: string) => Readonly<Record<string, number>> = () => ({}),
): MeasuredRow[] {
  return arms.map(({ name, title }) => {
    const students = outcomes.get(name)!;
    const values = (of: "top1" | "real") => students.map((student) => meanOf(student[of]).value);
    return { name, title, facts: factsOf(name), values: { top1: values("top1"), real: values("real") } };
  });
}

/**
 * How students were trained, and what they could be right about at most.
 *
 * @param plan The study's.
 * @param outcomes What they said of the test images.
 * @returns Sentences for the head of a table and below it.
 */
export function studentNotes(
  { recipe: { data, training, trainImages, leastObjects, temperature } }: StudyPlan,
  { ceiling, test }: Pick<StudentOutcomes, "ceiling" | "test">,
): { readonly about: string; readonly note: string } {
  const { network, size, epochs } = training;
  return {
    about: `${network} at ${formatSize(size!)}, ${formatNumberOf(epochs!, "epoch")} of ` +
      `${formatNumberOf(trainImages, "image")} of ${leastObjects} or more objects, ` +
      `${formatCount(test.keys.length)} test images; label maps at temperature ${temperature}.`,
    note:
      `No classifier can reach more than ${formatPercent(ceiling)} top-1: ${data.labelRule}. ReaL accepts each that ` +
      "the image shows",
  };
}
