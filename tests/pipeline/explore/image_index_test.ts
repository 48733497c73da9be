import { assert, assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { writeLargeFolder } from "../../../bench/query/large_folder.ts";
import { imageNetClassNames } from "../../../pipeline/model/class_names.ts";
import { openExplorer } from "../../../pipeline/explore/explorer.ts";
import { type ImageFilter, readFilter } from "../../../pipeline/explore/filter.ts";
import { indexImages } from "../../../pipeline/explore/image_index.ts";
import { RequestError } from "../../../pipeline/explore/request_error.ts";
import { openLabelDatabase } from "../../../pipeline/query/database.ts";
import { findQueryFiles } from "../../../pipeline/query/query_files.ts";
import { contents } from "../task.ts";
import { multiLabel, scoreClasses } from "../../../formats/labels/mod.ts";
import { smallMetadata } from "../../formats/labels/fixture.ts";
import { ask, comparedFolder, exploredFolder, exploredRows, withServer } from "./explored_folder.ts";

const NEVER = new AbortController().signal;

const filterOf = (query: string): ImageFilter => readFilter(new Map(new URLSearchParams(query)));

/** A hundred rows, those of the second folder in another order and without the first ten. */
function hundredRows() {
  const keys = Array.from({ length: 100 }, (_, index) => `${index % 2 ? "Dogs" : "cats"}/it's ${index}.jpg`);
  const [rows, others] = [exploredRows(keys), exploredRows(keys, 3).slice(10).reverse()];
  others.forEach((row, index) => index % 2 && row.topClass.set(rows.find(({ key }) => key === row.key)!.topClass));
  return { rows, others };
}

Deno.test("an image index finds what a loop over all rows finds, in every order", async () => {
  const { rows, others } = hundredRows();
  const second = new Map(others.map((row) => [row.key, row]));
  const { images } = exploredFolder();
  const explorer = await openExplorer({
    labels: comparedFolder(rows),
    images,
    compare: comparedFolder(others),
    selection: "selection.txt",
  });
  const known = rows.map((row, place) => {
    const scored = scoreClasses(row, smallMetadata()).filter(({ score }) => score >= 0.01)
      .map((one) => ({ ...one, score: Math.fround(one.score) }));
    const own = row.label === 0 ? scored.find((one) => one.class === 8)?.score ?? 0 : null;
    const rival = scored.find((one) => one.class !== 8)?.score ?? 0;
    const other = second.get(row.key);
    return {
      ...row,
      place,
      own,
      margin: own === null ? null : Math.fround(own - rival),
      carried: (index: number, threshold: number) =>
        scored.some((one) => one.class === index && one.score >= Math.fround(threshold)),
      classes: (threshold: number) => scored.filter(({ score }) => score >= Math.fround(threshold)).length,
      scored,
      differs: other !== undefined && other.topClass[0] !== row.topClass[0],
    };
  });
  type Known = typeof known[number];
  const orders: Record<string, (a: Known, b: Known, threshold: number) => number> = {
    key: () => 0,
    suspicious: (a, b) =>
      a.own === null || b.own === null
        ? Number(a.own === null) - Number(b.own === null)
        : a.own - b.own || a.margin! - b.margin!,
    "least-confident": (a, b) => (a.scored[0]?.score ?? -1) - (b.scored[0]?.score ?? -1),
    "most-classes": (a, b, threshold) => b.classes(threshold) - a.classes(threshold),
  };
  const filters: [string, (row: Known) => boolean][] = [
    ["", () => true],
    ["class=8", (row) => row.carried(8, 0.3)],
    ["class=8&threshold=0.25", (row) => row.carried(8, 0.25)],
    ["label=1", (row) => row.label === 1],
    ["key=T'S 1", (row) => row.key.includes("it's 1")],
    ["key=dogs&label=1", (row) => row.key.startsWith("Dogs") && row.label === 1],
    ["where=width > 150 AND given = 'pier'", (row) => row.width > 150 && row.label === 0],
    [
      "where=score[1] > 0.85 OR label IS NULL -- both",
      (row) => row.scored[0]?.score > 0.85 || row.label === null,
    ],
    [
      "where=top_probability[1] > 0.5 AND top_class[1] IS DISTINCT FROM class[1]",
      (row) => row.topProbability[0] > 0.5 && row.topClass[0] !== row.scored[0]?.class,
    ],
    ["where=name = 'pier'&class=8", (row) => row.scored[0]?.class === 8 && row.carried(8, 0.3)],
    ["where=classes = 2 AND place >= 20", (row) => row.classes(0.3) === 2 && row.place >= 20],
    [
      "where=self_confidence < 0.05 AND margin < -0.32",
      (row) => row.own !== null && row.own < 0.05 && row.margin! < -0.32,
    ],
    ["differs=1", (row) => row.differs],
    [
      "class=11&threshold=0.05&label=0&key=9",
      (row) => row.carried(11, 0.05) && row.label === 0 && row.key.includes("9"),
    ],
  ];
  try {
    for (const [query, holds] of filters) {
      for (const [order, compare] of Object.entries(orders)) {
        const filter = filterOf(`${query}&order=${order}`);
        const found = await explorer.index.find(filter, NEVER);
        const expected = known.filter(holds).sort((a, b) => compare(a, b, filter.threshold));
        assertEquals(
          Array.from({ length: found.length }, (_, position) => found.at(position)),
          expected.map(({ place }) => place),
          `${query} ${order}`,
        );
        const keys = (await Array.fromAsync(explorer.index.keys(filter, NEVER))).flat();
        assertEquals(keys, expected.map(({ key }) => key));
      }
      if (query !== "") assertEquals(known.some(holds) && !known.every(holds), true, `${query} chooses nothing or all`);
    }
    assertEquals(await explorer.index.rowOf(0, rows[42].key), 42);
    assertEquals(await explorer.index.rowOf(1, rows[42].key), others.findIndex(({ key }) => key === rows[42].key));
    assertEquals(await explorer.index.rowOf(1, rows[0].key), undefined);
    assertEquals(await explorer.index.firstUnknown([rows[1].key, "none", rows[2].key]), "none");
    assertEquals(await explorer.index.firstUnknown(rows.map(({ key }) => key)), undefined);
  } finally {
    await explorer.close();
  }
});

Deno.test("filters that a page has given up are interrupted, and do not hold up its next one", async () => {
  const [row] = exploredRows(["0.jpg"]);
  const labels = comparedFolder(Array.from({ length: 12_000 }, (_, index) => ({ ...row, key: `${1e6 + index}.jpg` })));
  await withServer({ labels, images: exploredFolder().images }, async (url) => {
    await ask(`${url}api/rows?key=nothing`);
    const time = async (query: string) => {
      const start = performance.now();
      return { total: (await ask(url + query)).json.total, milliseconds: performance.now() - start };
    };
    const long = (least: number) =>
      `api/rows?where=${encodeURIComponent(`levenshtein(repeat(key, 25), repeat(reverse(key), 25)) < ${least}`)}`;
    const whole = await time(long(0));
    assertEquals(whole.total, 0);
    const controllers = [1, 2, 3, 4].map(() => new AbortController());
    const given = controllers.map(({ signal }, index) =>
      fetch(url + long(-1 - index), { signal }).then(() => "answered", () => "given up")
    );
    await new Promise((resolve) => setTimeout(resolve, whole.milliseconds / 10));
    for (const controller of controllers) controller.abort();
    assertEquals(await Promise.all(given), controllers.map(() => "given up"));
    const next = await time("api/rows?key=1000007");
    assertEquals(next.total, 1);
    assert(next.milliseconds < whole.milliseconds, `${next.milliseconds} ms, the long filter ${whole.milliseconds} ms`);
  });
});

Deno.test("a condition reads nothing but the images, and writes nothing", async () => {
  const { labels, images } = exploredFolder();
  const selection = join(Deno.makeTempDirSync(), "selection.txt");
  const part = join(labels, "part-00000.parquet");
  const log = `enable_logging(storage = 'file', storage_path = '${part}')`;
  const copy = `COPY (SELECT 1) TO '${part}' (FORMAT parquet, USE_TMP_FILE false)`;
  const explorer = await openExplorer({ labels, images, selection });
  const before = contents(labels);
  try {
    for (
      const condition of [
        `(SELECT count(*) FROM ${log}) > 0`,
        `EXISTS (FROM ${log})`,
        `key IN (SELECT 'a' FROM ${log})`,
        `label = ANY (SELECT 1 FROM ${log})`,
        `len(ARRAY(SELECT 1 FROM ${log})) > 0`,
        `${log} IS NULL`,
        "enable_logging() IS NULL",
        "enable_profiling() IS NULL",
        "force_checkpoint()",
        "query('SELECT 1') IS NULL",
        `query('${copy.replaceAll("'", "''")}') IS NULL`,
        "json_execute_serialized_sql('') IS NULL",
        "read_text('/etc/passwd') IS NOT NULL",
        "read_blob('/etc/passwd') IS NOT NULL",
        "read_csv('/etc/passwd') IS NOT NULL",
        `read_parquet('${part}') IS NOT NULL`,
        "(FROM read_text('/etc/passwd')) IS NOT NULL",
        "glob('/etc/*') IS NOT NULL",
        "getenv('HOME') IS NOT NULL",
        "label_comparison() = 'names'",
        copy,
        `true; ${copy}`,
        `true); ${copy}; SELECT (true`,
        `true) UNION ALL (SELECT 1 FROM ${log}`,
        `true) FROM images, ${log} WHERE (true`,
        `true) FROM ${log} --`,
        `true /* */) FROM ${log} /*`,
        `true\n) FROM ${log} WHERE (\ntrue`,
        `EXPLAIN ANALYSE ${copy}`,
        `CALL ${log}`,
        `ATTACH '${part}' AS p`,
        "SET threads = 1",
        "PRAGMA version",
        "INSTALL httpfs",
        "EXECUTE p",
        "$1 = key",
        "CASE WHEN true THEN (SELECT true) END",
        "list_transform([1], lambda x: (SELECT x)) IS NULL",
        "true ORDER BY key",
        "true QUALIFY true",
      ]
    ) {
      const filter = readFilter(new Map([["where", condition]]));
      const { status } = await assertRejects(
        () => explorer.index.find(filter, NEVER),
        RequestError,
        undefined,
        condition,
      );
      assertEquals(status, 400);
      assertEquals(contents(labels), before, condition);
    }
    const found = await explorer.index.find(filterOf("where=key IS NOT NULL"), NEVER);
    assertEquals(found.length, 12);
  } finally {
    await explorer.close();
  }
});

Deno.test("only filters that name a score wait for the scores, and one that is given up waits no more", async () => {
  const { labels, rows } = exploredFolder();
  const files = findQueryFiles(labels);
  const database = await openLabelDatabase(files, labels);
  await database.rows("CREATE TABLE explored_label_classes AS FROM label_classes");
  const gate = Promise.withResolvers<void>();
  const slow = {
    ...database,
    eachPart: async (statement: (before: number) => string) => {
      await gate.promise;
      await database.eachPart(statement);
    },
  };
  const index = indexImages(slow, files.files, rows.length);
  const waiting = [
    "class=8",
    "order=suspicious",
    "order=most-classes&label=1",
    "where=score[1] > 0",
    "where=label = margin",
  ];
  const answered: string[] = [];
  const answers = waiting.map(async (query) => {
    await index.find(filterOf(query), NEVER);
    answered.push(query);
  });
  const givenUp = new AbortController();
  const abandoned = assertRejects(() => index.find(filterOf("class=9"), givenUp.signal), Error, "Nobody waits");
  for (
    const query of ["", "key=cats", "label=1", "label=0&key=dogs", "where=given = 'pier' OR top_probability[1] > 0.5"]
  ) {
    assert((await index.find(filterOf(query), NEVER)).length > 0, query);
    assert((await Array.fromAsync(index.keys(filterOf(query), NEVER))).length > 0, query);
  }
  assertEquals(await index.rowOf(0, rows[3].key), 3);
  await assertRejects(() => index.find(filterOf("where=scores > 1"), NEVER), RequestError, "scores");
  givenUp.abort(new Error("Nobody waits"));
  await abandoned;
  assertEquals(answered, []);
  assert(!index.isScored());
  gate.resolve();
  await Promise.all(answers);
  assertEquals(answered.sort(), waiting.toSorted());
  assert(index.isScored());
  await index.close();
  database.close();
});

Deno.test("closing an explorer interrupts the scores that it computes", async () => {
  const labels = Deno.makeTempDirSync();
  writeLargeFolder(labels, 12_000, await imageNetClassNames());
  const selection = join(Deno.makeTempDirSync(), "selection.txt");
  const explorer = await openExplorer({ labels, images: exploredFolder().images, selection });
  const { ready, find, isScored } = explorer.index;
  const interrupted = assertRejects(() => ready, Error, "Interrupted");
  assertEquals((await find(filterOf("label=0"), NEVER)).length, 12);
  await explorer.close();
  await interrupted;
  assert(!isScored());
  Deno.removeSync(labels, { recursive: true });
});

Deno.test("images are scored in their own rows where a folder's files are looked at one after the other", async () => {
  const labels = Deno.makeTempDirSync();
  const folder = writeLargeFolder(labels, 12_500, await imageNetClassNames());
  const selection = join(Deno.makeTempDirSync(), "selection.txt");
  const explorer = await openExplorer({ labels, images: exploredFolder().images, selection });
  try {
    // Maps repeat.
    const known = new Map<unknown, ReadonlySet<number>>();
    const carriedBy = (place: number) => {
      const row = folder.row(place);
      const found = known.get(row.score) ?? new Set(multiLabel(row, folder.metadata).map((one) => one.class));
      known.set(row.score, found);
      return found;
    };
    const carried = Array.from({ length: 12_500 }, (_, place) => carriedBy(place));
    for (const index of new Set([3, 10_001, 12_499].flatMap((place) => [...carried[place]]))) {
      const found = await explorer.index.find(filterOf(`class=${index}`), NEVER);
      const expected = carried.flatMap((classes, place) => classes.has(index) ? [place] : []);
      assertEquals(Array.from({ length: found.length }, (_, position) => found.at(position)), expected);
    }
  } finally {
    await explorer.close();
  }
  const database = await openLabelDatabase(findQueryFiles(labels), labels);
  const count =
    "SELECT count(*) AS images, count(DISTINCT key) AS keys, sum(length(scored)) AS classes FROM image_scores";
  const before = await database.rows(count);
  await database.keepScores();
  assertEquals(await database.rows(count), before);
  assertEquals(before[0].images, 12_500);
  database.close();
  Deno.removeSync(labels, { recursive: true });
});
