/**
 * How long questions take on a million label maps: `deno task bench:query`. Fails if an answer is wrong, or a report
 * and the scores that it needs take three minutes.
 *
 * A folder is generated, and deleted afterwards; at fp8_e4m3, k = 5 and 15 x 15 cells it takes 2 GB. Every answer is first
 * compared with what the generator knows.
 *
 * @module
 */

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { MULTI_LABEL_THRESHOLD } from "../formats/labels/mod.ts";
import { poolLabels } from "../kernels/operations/label_pooling/mod.ts";
import { imageNetClassNames } from "../pipeline/model/class_names.ts";
import { count } from "../pipeline/command/option_kinds.ts";
import { formatCount, formatDuration, formatNumberOf } from "../pipeline/command/numbers.ts";
import { type LabelDatabase, openLabelDatabase } from "../pipeline/query/database.ts";
import { findQueryFiles } from "../pipeline/query/query_files.ts";
import { describeMachine } from "./machine.ts";
import { readBenchOptions } from "./options.ts";
import { type LargeFolder, writeLargeFolder } from "./query/large_folder.ts";
import { countRows } from "./query/row_counts.ts";
import { formatTable } from "./table.ts";
import { median } from "./timing.ts";

/** Seconds that a report may take, with the scores that are computed for it. */
const WANTED = 180;

/** Images a class in the balanced subset. */
const PER_CLASS = 500;

/** A question, and what its answer must be. */
interface Question {
  readonly name: string;
  readonly isReport: boolean;
  readonly sql: string;
  check(rows: Awaited<ReturnType<LabelDatabase["rows"]>>): void;
}

const options = readBenchOptions("bench:query", {
  images: count({ default: 1_000_000, help: "label maps" }),
  rounds: count({ default: 3, help: "times that each question is asked" }),
});

const path = Deno.makeTempDirSync({ prefix: "relabel_query_" });
try {
  const slow = await measure(path, options);
  if (slow) Deno.exitCode = 1;
} finally {
  Deno.removeSync(path, { recursive: true });
}

async function measure(path: string, { images, rounds }: typeof options): Promise<boolean> {
  console.log(describeMachine());
  const start = performance.now();
  const folder = writeLargeFolder(path, images, await imageNetClassNames());
  console.log(
    `${formatCount(images)} label maps, ${(folder.bytes / 1e9).toFixed(2)} GB, generated in ` +
      `${formatDuration((performance.now() - start) / 1000)}; medians of ${formatNumberOf(rounds, "round")}`,
  );
  const questions = askedOf(folder, images);
  const seconds = new Map<string, number[]>(
    ["open", "scores of all images", ...questions.map(({ name }) => name)].map((name) => [name, []]),
  );
  const time = async <Result>(name: string, action: () => Promise<Result>): Promise<Result> => {
    const start = performance.now();
    const result = await action();
    seconds.get(name)!.push((performance.now() - start) / 1000);
    return result;
  };
  for (let round = 0; round < rounds; round++) {
    const database = await time("open", () => openLabelDatabase(findQueryFiles(path), path));
    await time("scores of all images", () => database.keepScores());
    for (const { name, sql, check } of questions) check(await time(name, () => database.rows(sql)));
    database.close();
  }
  const rows = [...seconds].map((
    [name, values],
  ) => [name, ...[median(values), Math.min(...values), Math.max(...values)].map((value) => value.toFixed(2))]);
  console.log(formatTable([["seconds", "median", "fastest", "slowest"], ...rows]));
  const scores = median(seconds.get("scores of all images")!);
  return questions.some(({ name, isReport }) => isReport && scores + median(seconds.get(name)!) >= WANTED);
}

function askedOf(folder: LargeFolder, images: number): Question[] {
  const expected = countRows(folder, images, MULTI_LABEL_THRESHOLD);
  const { metadata } = folder;
  const middle = folder.row(Math.floor(images / 2));
  const crop = { top: 0.1, left: 0.2, height: 0.5, width: 0.6 };
  const { k, grid, classes, dtype } = metadata;
  const target = poolLabels({ count: 1, k, grid, classes, dtype, class: middle.class, score: middle.score }, [crop]);
  const number = (value: unknown) => Number(value);
  return [
    {
      name: "multi-label",
      isReport: true,
      sql: "SELECT class, images, with_others FROM multi_label_classes()",
      check(rows) {
        const found = new Map(rows.map((row) => [row.class, [row.images, row.with_others]]));
        assertEquals(found.size, expected.carried.size);
        for (const [index, counts] of expected.carried) {
          assertEquals(found.get(index), [counts.images, counts.withOthers]);
        }
      },
    },
    {
      name: "suspicious",
      isReport: true,
      sql: "FROM suspicious() LIMIT 20",
      check: (rows) => {
        assertEquals(rows.map((row) => row.self_confidence), new Array(20).fill(0));
        const margins = rows.map((row) => number(row.margin));
        assertEquals(margins, margins.toSorted((a, b) => a - b));
        assertAlmostEquals(margins[0], -expected.mostDoubted, 1e-6);
      },
    },
    {
      name: "co-occurrence",
      isReport: true,
      sql: "FROM co_occurrence()",
      check(rows) {
        const pairs = new Map(rows.map((row) => [`${row.class} ${row.other_class}`, row.images]));
        assertEquals(pairs, expected.pairs);
      },
    },
    {
      name: "per-class",
      isReport: true,
      sql: "FROM per_class()",
      check(rows) {
        assertEquals(
          new Map(rows.filter((row) => row.images !== 0).map((row) => [row.class, row.images])),
          expected.best,
        );
        const agreed = rows.reduce((sum, row) => sum + number(row.agreement ?? 0) * number(row.labelled), 0);
        assertAlmostEquals(agreed, expected.agreed, 1e-3);
      },
    },
    {
      name: `balanced ${PER_CLASS}`,
      isReport: true,
      sql: `FROM balanced(${PER_CLASS})`,
      check(rows) {
        assertEquals(new Set(rows.map(({ key }) => key)).size, rows.length);
        const drawn = Map.groupBy(rows, (row) => row.class);
        for (const [index, count] of expected.best) {
          assertEquals(drawn.get(index)?.length, Math.min(count, PER_CLASS));
        }
      },
    },
    {
      name: "an image by its key",
      isReport: false,
      sql: `SELECT class, label FROM labels WHERE key = '${middle.key}'`,
      check: (rows) => assertEquals(rows, [{ class: [...middle.class], label: middle.label }]),
    },
    {
      name: "pool() of one key",
      isReport: false,
      sql: `FROM pool('${middle.key}', ${crop.top}, ${crop.left}, ${crop.height}, ${crop.width})`,
      check(rows) {
        assert(rows.length > 1);
        for (const row of rows.filter((row) => row.class !== null)) {
          assertAlmostEquals(number(row.probability), target[number(row.class)], 1e-7);
        }
      },
    },
    {
      name: "every cell",
      isReport: false,
      sql: "SELECT count(*) AS cells, sum(logit) AS logits FROM cells",
      check([{ cells, logits }]) {
        assertEquals(cells, images * middle.class.length);
        assertAlmostEquals(number(logits) / expected.logits, 1, 1e-9);
      },
    },
  ];
}
