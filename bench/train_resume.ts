/**
 * Whether a training that is killed ends as one that is not: `deno task bench:resume [--kills N] [--seed S]`.
 *
 * A ResNet-8 is trained on scenes of 32 pixels with all that keeps a state from step to step: AdamP, an average of the
 * weights, gradients of two batches added up, CutMix, dropout and drop path. The same command is then killed (SIGKILL) at
 * random moments, every other time when a checkpoint is being written, started again each time, and at last left to end.
 * Weights, state and summary must have the same SHA-256.
 *
 * @module
 */

import { join } from "@std/path";
import { randomWords } from "../formats/base/random_words.ts";
import { sha256OfFile } from "../formats/base/byte_source.ts";
import { PARTIAL } from "../formats/base/files.ts";
import { count } from "../pipeline/command/option_kinds.ts";
import { writeScenes } from "../pipeline/scenes/write_scenes.ts";
import { readCheckpoint } from "../pipeline/training/checkpoint.ts";
import { taskCommand } from "../tests/pipeline/task.ts";
import { describeMachine } from "./machine.ts";
import { readBenchOptions } from "./options.ts";
import { formatTable } from "./table.ts";

const IMAGES = 128;
const EPOCHS = 14;
const CHECKPOINT = "last.safetensors";

/** Checkpoints, one an update, that a process may live through at most, and milliseconds that it lives on then. */
const MOST_CHECKPOINTS = 3;
const MOST_DELAY = 400;

/** Between looks at the folder, milliseconds. */
const INTERVAL = 1;

const OPTIONS = {
  kills: count({ default: 20, help: "how often the training is killed" }),
  seed: count({ least: 0, default: 0, help: "other moments for each integer" }),
};

const { kills, seed } = readBenchOptions("bench:resume", OPTIONS);
console.log(describeMachine());

const root = Deno.makeTempDirSync({ prefix: "resume-" });
const scenes = join(root, "scenes");
await writeScenes(scenes, { seed: 0, split: "train", start: 0, images: IMAGES });
const [whole, killed] = ["whole", "killed"].map((name) => join(root, name));
const start = performance.now();
await runToEnd(whole);
console.log(`${EPOCHS} epochs of ${IMAGES} images, uninterrupted: ${seconds(start)}`);

const restarted = performance.now();
const next = randomWords([seed]);
const places: string[] = [];
let torn = 0;
for (let kill = 0; kill < kills; kill++) {
  const delay = kill % 2 === 0 ? next() % MOST_DELAY : undefined;
  const place = await killOnce(killed, { checkpoints: 1 + next() % MOST_CHECKPOINTS, delay });
  if (place === undefined) throw new Error(`The training ended before kill ${kill}`);
  if (fileTime(join(killed, CHECKPOINT + PARTIAL)) !== undefined) torn++;
  places.push(place);
}
await runToEnd(killed);
console.log(
  `killed ${kills} times, ${torn} of them with half a checkpoint beside the last whole one, which was after epoch.step ` +
    `${places.join(", ")}: ${seconds(restarted)}`,
);

const rows: string[][] = [];
let isSame = true;
for (const name of ["model.safetensors", CHECKPOINT, "summary.csv"]) {
  const [first, second] = await Promise.all([whole, killed].map((folder) => sha256OfFile(join(folder, name))));
  isSame &&= first === second;
  rows.push([name, first, first === second ? "the same" : second]);
}
console.log(formatTable([["", "SHA-256, uninterrupted", "killed"], ...rows]));
Deno.removeSync(root, { recursive: true });
if (!isSame) Deno.exit(1);

function command(output: string): Deno.Command {
  return taskCommand("train", [
    ...[join(scenes, "images"), "--output", output, "--save-minutes", "0", "--quiet"],
    ...["--network", "resnet8", "--size", "32", "--batch", "8", "--accumulate", "2", "--epochs", `${EPOCHS}`],
    ...["--optimizer", "adamp", "--ema", "0.99", "--cutmix", "1", "--drop-path", "0.1", "--dropout", "0.1"],
  ]);
}

async function runToEnd(output: string): Promise<void> {
  const { code, stderr } = await command(output).output();
  if (code !== 0) throw new Error(`The training failed: ${new TextDecoder().decode(stderr)}`);
}

/**
 * Kills a run some time after some checkpoints, or without a `delay` as soon as the next one is being written; gives the
 * last whole one's place, or undefined if the run ended before.
 */
async function killOnce(
  output: string,
  { checkpoints, delay }: { readonly checkpoints: number; readonly delay?: number },
): Promise<string | undefined> {
  const process = command(output).spawn();
  const ended = process.output();
  let hasEnded = false;
  process.status.then(() => hasEnded = true);
  const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
  const checkpoint = join(output, CHECKPOINT);
  let last = fileTime(checkpoint);
  for (let seen = 0; seen < checkpoints && !hasEnded;) {
    await pause(INTERVAL);
    const time = fileTime(checkpoint);
    if (time === last) continue;
    last = time;
    seen++;
  }
  if (delay !== undefined) await pause(delay);
  else while (fileTime(checkpoint + PARTIAL) === undefined && !hasEnded) await pause(INTERVAL);
  if (hasEnded) return undefined;
  process.kill("SIGKILL");
  await ended;
  const { epoch, step } = (await readCheckpoint(checkpoint))!.position;
  return `${epoch}.${step}`;
}

/** When a file was written; undefined if there is none. */
function fileTime(path: string): number | undefined {
  try {
    return Deno.statSync(path).mtime?.getTime();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function seconds(start: number): string {
  return `${((performance.now() - start) / 1000).toFixed(0)} s`;
}
