import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { parse } from "@std/yaml";
import { balancedRows } from "../../../pipeline/cluster/cluster_plan.ts";
import { readFolderState } from "../../../pipeline/cluster/shard_states.ts";
import { shellBlocks } from "../../document_blocks.ts";
import { slurmTest, startSlurm } from "../../slurm.ts";
import { ROOT, runTask, taskCommand } from "../task.ts";
import { fileHashes } from "./killed_array.ts";

const PAGE = Deno.readTextFileSync(join(ROOT, "docs/cluster.md"));

/** The commands that can be run here. */
const SCRIPT = shellBlocks("docs/cluster.md").flatMap(({ script, reason }) => reason === undefined ? [script] : []);

slurmTest("the page about clusters can be followed word for word on Slurm", async () => {
  await using cluster = await startSlurm(2);
  const home = Deno.makeTempDirSync();
  const denoFolder = Deno.env.get("DENO_DIR") ?? join(Deno.env.get("HOME")!, ".cache/deno");
  const { code, stdout, stderr } = await new Deno.Command("sh", {
    args: ["-euc", SCRIPT.join("")],
    cwd: ROOT,
    env: { ...cluster.env, HOME: home, DENO_DIR: denoFolder },
  }).output();
  const [out, error] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  assertEquals(code, 0, error);
  const labels = join(home, "photo-labels");
  assertStringIncludes(out, "Submitted job 1: 3 shards\nSubmitted job 2: the join after it\n");
  assertStringIncludes(out, `${labels}: one data set\n  images   9 of 9 images in whole part files\n`);
  assertStringIncludes(out, "No defect was found\n");
  assertStringIncludes(out, `${labels}: 9 rows in 3 part files and manifest.json; joined 3 shards\n`);
  assertStringIncludes(out, `${labels}: 9 rows in 3 part files and manifest.json; it was one data set already\n`);
  Deno.removeSync(home, { recursive: true });
});

Deno.test("the page's command for Kubernetes labels each index's shard, which join to one data set", async () => {
  const [, text] = PAGE.match(/^```yaml\n([\s\S]*?)^```$/m)!;
  const manifest = parse(text) as {
    kind: string;
    spec: { completionMode: string; completions: number; template: { spec: { containers: { command: string[] }[] } } };
  };
  const { completionMode, completions, template: { spec: { containers: [{ command }] } } } = manifest.spec;
  assertEquals([manifest.kind, completionMode, command.slice(0, 3)], ["Job", "Indexed", ["deno", "task", "relabel"]]);
  assertEquals(command.at(-1), `auto/${completions}`);

  const data = Deno.makeTempDirSync();
  Deno.symlinkSync(join(ROOT, "assets/photos"), join(data, "images"));
  const [images, list, labels] = ["images", "images.list", "labels"].map((name) => join(data, name));
  const options = ["--size", "64", "--rows-per-file", "2", "--quiet"];
  assertEquals((await runTask("relabel", images, "--write-list", list)).code, 0);
  const args = command.slice(3).map((word) => word.replace(/^\/data/, data).replace(/^auto\/64$/, "auto/3"));
  for (const index of ["0", "1", "2"]) {
    const pod = await taskCommand("relabel", [...args, ...options], { JOB_COMPLETION_INDEX: index }).output();
    assertEquals(pod.code, 0, new TextDecoder().decode(pod.stderr));
  }
  assert(readFolderState(labels).shards.every(({ state }) => state === "whole"));
  assertEquals((await runTask("cluster", "join", labels)).code, 0);
  const whole = join(data, "whole");
  assertEquals((await runTask("relabel", images, "--out", whole, ...options)).code, 0);
  assertEquals(fileHashes(labels), fileHashes(whole));
});

Deno.test("the page's plan for 14 million images is what the command chooses", () => {
  const images = 14_197_122;
  const rows = [...PAGE.matchAll(/^\| ([\d,]+) +\| ([\d,]+) +\| ([\d,]+) +\| ([\d,]+) +\| ([\d,]+) +\|$/gm)]
    .map(([, ...cells]) => cells.map((cell) => Number(cell.replaceAll(",", ""))));
  assertEquals(rows.length, 3);
  for (const [shards, parts, size, files, share] of rows) {
    assertEquals(balancedRows(images, shards), size);
    assertEquals(Math.ceil(images / size), files);
    assertEquals(Math.ceil(files / shards), parts);
    assertEquals(Math.ceil(images / shards), share);
  }
});
