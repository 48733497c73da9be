/**
 * Whether a training does the same on 1, 2 and 4 ranks: `deno task bench:ranks`.
 *
 * A ResNet-8 takes 20 steps on scenes, with `--sync-bn` and all that is drawn by chance for an image, as one process and on
 * ranks that MPICH's `mpiexec` starts, each number of ranks twice. Weights must lie within 1e-4 of those of one process,
 * and the same number of ranks must end with the same bits. Ranks share one machine here: images a second say what they
 * cost, not what they gain.
 *
 * @module
 */

import { join } from "@std/path";
import { sha256OfFile } from "../formats/base/byte_source.ts";
import { writeScenes } from "../pipeline/scenes/write_scenes.ts";
import { ranksCommand } from "../tests/mpi.ts";
import { taskArguments, taskCommand } from "../tests/pipeline/task.ts";
import { weightDifference } from "../tests/pipeline/training/weight_difference.ts";
import { describeMachine } from "./machine.ts";
import { readBenchOptions } from "./options.ts";
import { formatTable } from "./table.ts";

const RANKS = [1, 2, 4];
const IMAGES = 160;
const BATCH = 16;
const TRAINING = [
  ...["--network", "resnet8", "--size", "16", "--batch", `${BATCH}`, "--epochs", "2", "--warmup-epochs", "1"],
  ...["--lr", "0.001", "--erasing", "0.5", "--sync-bn"],
];

/** Of the weights' length. */
const MOST_DIFFERENCE = 1e-4;

readBenchOptions("bench:ranks", {});
try {
  await ranksCommand("MPICH", 1, ["--version"]).output();
} catch (error) {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
  console.error("Cannot start ranks: install MPICH");
  Deno.exit(2);
}
console.log(describeMachine());

const root = Deno.makeTempDirSync({ prefix: "ranks-" });
await writeScenes(join(root, "scenes"), { seed: 0, split: "train", start: 0, images: IMAGES });
const rows: string[][] = [];
let isKept = true;
for (const ranks of RANKS) {
  const runs = [await train(ranks, "first"), await train(ranks, "second")];
  const difference = await weightDifference(join(root, "1 first"), join(root, `${ranks} first`));
  const [first, second] = await Promise.all(runs.map(({ folder }) => sha256OfFile(join(folder, "last.safetensors"))));
  isKept &&= difference <= MOST_DIFFERENCE && first === second;
  const { images, exchanging } = runs[1];
  const sameBits = first === second ? "the same" : "other bits";
  rows.push([
    `${ranks}`,
    `${BATCH / ranks}`,
    ranks === 1 ? "-" : difference.toExponential(1),
    sameBits,
    images,
    exchanging,
  ]);
}
console.log(formatTable([
  ["ranks", "images of each", "weights from one process", "twice", "images/s", "exchanging"],
  ...rows,
]));
Deno.removeSync(root, { recursive: true });
if (!isKept) Deno.exit(1);

/** Trains to the end, and gives what the summary says. */
async function train(ranks: number, name: string): Promise<{ folder: string; images: string; exchanging: string }> {
  const folder = join(root, `${ranks} ${name}`);
  const args = [join(root, "scenes", "images"), ...TRAINING, "--output", folder];
  const command = ranks === 1 ? taskCommand("train", args) : ranksCommand("MPICH", ranks, taskArguments("train", args));
  const { code, stdout, stderr } = await command.output();
  if (code !== 0) throw new Error(`Cannot train on ${ranks} ranks: ${new TextDecoder().decode(stderr)}`);
  const out = new TextDecoder().decode(stdout);
  return {
    folder,
    images: /([\d.]+) images\/s/.exec(out)![1],
    exchanging: /exchanging gradients (\d+ %)/.exec(out)?.[1] ?? "-",
  };
}
