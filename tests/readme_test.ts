import { assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { createLabelMapFile, dequantise, labelMapTypes } from "../formats/labels/mod.ts";
import { fixtureMetadata, fixtureRows } from "./formats/labels/fixture.ts";
import { folderOf, runQuery } from "./pipeline/query/query_folder.ts";
import { permissionsOf, ROOT, runTask } from "./pipeline/task.ts";
import { pythonTest } from "./python.ts";

const README = Deno.readTextFileSync(join(ROOT, "README.md"));
const QUERYING = Deno.readTextFileSync(join(ROOT, "docs/querying.md"));
const PERMISSIONS = Deno.readTextFileSync(join(ROOT, "docs/permissions.md"));
const PACKAGE = `import os, sys
sys.path.insert(0, ${JSON.stringify(join(ROOT, "python"))})
os.chdir(sys.argv[1])
`;

for (const dtype of labelMapTypes) {
  pythonTest(`the Python package gives every value of ${dtype} maps`, ["pyarrow", "torchvision"], async (run) => {
    const folder = Deno.makeTempDirSync();
    const rows = fixtureRows(dtype).slice(0, 20);
    for (const part of [0, 1]) {
      const writer = createLabelMapFile(join(folder, `part-0000${part}.parquet`), fixtureMetadata(dtype));
      for (const row of rows.slice(part * 10, part * 10 + 10)) writer.append(row);
      writer.finish();
    }
    const { key, class: classes, score } = rows[15];
    const program = `${PACKAGE}import json
from relabel_maps import LabelMaps
maps = LabelMaps(".")
row = maps[15]
print(json.dumps([len(maps), row.key, list(row.classes.shape), row.classes.flatten().tolist(), row.score.float().flatten().tolist()]))`;
    const expected = [20, key, [5, 15, 15], [...classes], [...dequantise(score, dtype)]];
    assertEquals(JSON.parse(await run(program, folder)), expected);
  });
}

pythonTest("the README's PyTorch program pools targets of label maps", ["pyarrow", "torchvision"], async (run) => {
  const folder = Deno.makeTempDirSync();
  const photographs = join(ROOT, "assets/photos/single");
  const { code, error } = await runTask("relabel", photographs, "--out", join(folder, "labels"), "--quiet");
  assertEquals(code, 0, error);
  await Deno.symlink(photographs, join(folder, "photos"));
  const [, program] = README.match(/^```python\n([\s\S]*?)^```$/m)!;
  const shown = "[list(images.shape)[1:], list(targets.shape)[1:], float(abs(targets.sum(1) - 1).max()) < 1e-5]";
  const printed = await run(`${PACKAGE}${program}\nimport json\nprint(json.dumps(${shown}))`, folder);
  assertEquals(JSON.parse(printed), [[3, 224, 224], [1000], true]);
});

/** The commands that README shows in blocks, indented or fenced. */
function commandLines(text: string): string[] {
  return text.split("\n").filter((line) => /^(?: {4})?deno task /.test(line)).map((line) => line.trim());
}

/** The words of a command line as a shell takes them, where it only quotes. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(([, double, single, bare]) => double ?? single ?? bare);
}

Deno.test("the first command prints what the README shows, and what it says to do next can be done", async () => {
  const folder = join(Deno.makeTempDirSync(), "labels");
  const { code, out, error } = await runTask("relabel", "assets/photos", "--out", folder);
  assertEquals(code, 0, error);
  const [shown] = README.match(/^ {4}several\/cat-coffee\.jpg .*\n(?: {4}.*\n)+/m)!;
  assertStringIncludes(out, shown.replaceAll(/^ {4}/gm, ""));
  const next = out.split("\n").filter((line) => line.startsWith("  deno task ")).map(wordsOf);
  assertEquals(next.map(([, , task]) => task), ["report", "query", "query", "query"]);
  for (const [, , task, ...args] of next) {
    const { code, error } = await runTask(task as "report" | "query", ...args);
    assertEquals([code, error], [0, ""], args.join(" "));
  }
});

Deno.test("the documents' questions have answers", async () => {
  const keys = ["several/four.jpg", "1.jpg", "2.jpg"];
  const metadata = fixtureMetadata("fp16");
  const rows = keys.map((key, index) => ({ ...fixtureRows("fp16")[index], key }));
  const path = folderOf(rows, metadata);
  const questions = commandLines(README + QUERYING).filter((line) => line.startsWith("deno task query"));
  assertEquals(questions.length, 5);
  for (const line of questions) {
    const args = wordsOf(line).slice(3).filter((word) => word !== "flowers");
    const { code, error } = await runQuery(
      path,
      ...args.map((word) => word === "subset.txt" ? join(path, word) : word),
    );
    assertEquals([code, error], [0, ""], line);
  }
});

Deno.test("the page of permissions names every task that has a network, and no other", () => {
  const users = [...README.matchAll(/^\| `deno task (\w+)/gm)].map(([, task]) =>
    task as Parameters<typeof permissionsOf>[0]
  );
  const connected = users.filter((task) => permissionsOf(task)?.net);
  const named = [...PERMISSIONS.matchAll(/`(\w+)`/g)].map(([, word]) => word);
  assertEquals(users.filter((task) => named.includes(task)).sort(), connected.sort());
});
