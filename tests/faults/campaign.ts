/**
 * Kills and power cuts: a flow is ended somewhere, its images are changed or not, and it goes on. What it makes then must be
 * what a run that was never ended makes of the same images, or it must be refused with a sentence that says what is another.
 *
 * @module
 */

import { join } from "@std/path";
import { type Random, randomOf } from "../fuzz/random.ts";
import { lockHeldSince } from "../../formats/base/lock.ts";
import { removeIfThere } from "../../formats/base/files.ts";
import { type Operation, watchFileSystem } from "./file_system.ts";
import { type Flow, flows, type Images, IMAGES_AT_FIRST, prepare, resultOf, writeImages } from "./flows.ts";
import { leaveAfterPowerCut } from "./power_cut.ts";

/** How a run is ended. */
export type End = "kill" | "power cut" | "fault";

/** All ways. */
export const ends: readonly End[] = ["kill", "power cut", "fault"];

/** A case. */
export interface Case {
  readonly flow: string;
  readonly end: End;
  /** What was done to the images between the runs, undefined for nothing. */
  readonly change?: string;
  readonly seed: number;
}

/** What became of it. */
export type Outcome = "same bytes" | "refused";

/** Ways to change images between two runs. */
const CHANGES: Readonly<Record<string, (images: Map<string, number>) => void>> = {
  "an early image deleted and a later one added": (images) => {
    images.delete("cat/01.png");
    images.set("eel/11b.png", 40);
  },
  "an image renamed": (images) => {
    images.set("cat/02b.png", images.get("cat/02.png")!);
    images.delete("cat/02.png");
  },
  "an image replaced": (images) => void images.set("cat/00.png", 23),
  "a class added": (images) => {
    images.delete("dog/06.png");
    images.set("cow/0.png", 41);
  },
  "a late image renamed": (images) => {
    images.set("eel/11c.png", images.get("eel/11.png")!);
    images.delete("eel/11.png");
  },
};

/** All changes by name. */
export const changes = Object.keys(CHANGES);

/** What a run that is never ended makes, by flow and change. */
const wholes = new Map<string, ReturnType<typeof runWhole>>();

function wholeRun(name: string, change: string | undefined) {
  const key = `${name} ${change}`;
  const made = wholes.get(key) ?? runWhole(flows[name], change);
  wholes.set(key, made);
  return made;
}

async function runWhole(flow: Flow, change: string | undefined) {
  const images = new Map(IMAGES_AT_FIRST);
  if (change !== undefined) CHANGES[change](images);
  const input = inputOf(images);
  pointTo(input);
  await prepare(INPUT);
  const output = join(Deno.makeTempDirSync(), "out");
  const operations: Operation[] = [];
  let calls = 0;
  const onlooker = {
    beforeCall: () => void calls++,
    onOperation: (operation: Operation) => operations.push(operation),
  };
  await watchFileSystem(onlooker, () => flow.run(INPUT, output));
  return { input, output, result: resultOf(output), operations, calls };
}

/** Where the images of every run are, whatever they are: a link, since some flows note where that is. */
const INPUT = join(Deno.makeTempDirSync(), "images");

function pointTo(images: string): void {
  removeIfThere(INPUT);
  Deno.symlinkSync(images, INPUT);
}

const inputs = new Map<string, string>();

function inputOf(images: Images): string {
  const key = JSON.stringify([...images]);
  const input = inputs.get(key) ?? writeImages(new Map([...images].sort()));
  inputs.set(key, input);
  return input;
}

/**
 * Runs a case.
 *
 * @param given The case.
 * @returns What became of it.
 * @throws {Error} If other bytes were left, or a refusal says nothing, or is none.
 */
export async function runCase({ flow: name, end, change, seed }: Case): Promise<Outcome> {
  const flow = flows[name];
  const random = randomOf(seed);
  const [before, after] = [await wholeRun(name, undefined), await wholeRun(name, change)];
  const folder = Deno.makeTempDirSync();
  const output = join(folder, "out");
  pointTo(before.input);
  try {
    if (end === "kill") await kill(name, output, random);
    else if (end === "power cut") await cutPower(name, output, random);
    else await fail(name, output, random);
    const left = resultOf(output);
    pointTo(after.input);
    try {
      await flow.run(INPUT, output);
    } catch (error) {
      checkRefusal(error as Error, change);
      // Nothing that was done is lost: with the images as they were the flow goes on.
      pointTo(before.input);
      await flow.run(INPUT, output);
      checkSame(resultOf(output), before.result, left);
      return "refused";
    }
    checkSame(resultOf(output), after.result, left);
    return "same bytes";
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Ends a process somewhere, and in one case of three the process that goes on as well. */
async function kill(name: string, output: string, random: Random): Promise<void> {
  do {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        ...["--allow-read", "--allow-write", "--allow-ffi", "--allow-env"],
        new URL("./run_flow.ts", import.meta.url).pathname,
        ...[name, INPUT, output],
      ],
      stdout: "null",
      stderr: "null",
    }).spawn();
    let isOver = false;
    const status = child.status.then(() => isOver = true);
    // Most of a process' time goes by before it writes: what is waited for is that the folder has changed so often.
    let changes = random.below(40);
    for (let last = ""; changes > 0 && !isOver;) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      const now = look(output);
      if (now !== last) changes--;
      last = now;
    }
    if (!isOver) child.kill("SIGKILL");
    await status;
  } while (random.once(3));
}

function look(path: string): string {
  try {
    return Array.from(Deno.readDirSync(path), ({ name }) => `${name} ${Deno.statSync(join(path, name)).size}`).join();
  } catch {
    return "changing";
  }
}

/** Leaves what is there after a power cut at some operation of a run. */
async function cutPower(name: string, output: string, random: Random): Promise<void> {
  const { operations, output: root } = await wholeRun(name, undefined);
  leaveAfterPowerCut(output, operations.slice(0, random.below(operations.length + 1)), random, { root });
}

/** Lets some call of the file system fail. */
async function fail(name: string, output: string, random: Random): Promise<void> {
  const { calls } = await wholeRun(name, undefined);
  await failAt(name, INPUT, output, random.below(calls));
}

/**
 * Lets one call of the file system fail in a run.
 *
 * @param name Of the flow.
 * @param input Its images.
 * @param output Where.
 * @param fails How many calls are made before.
 * @throws {Error} If no sentence tells, or a lock is held.
 */
export async function failAt(name: string, input: string, output: string, fails: number): Promise<void> {
  let call = 0;
  let what = "";
  const beforeCall = (name: string, path: string) => {
    if (call++ !== fails) return;
    what = `${name} of ${path}`;
    throw /^(write|sync|rename|mkdir)/.test(name)
      ? Object.assign(new Error("No space left on device (os error 28)"), { code: "ENOSPC" })
      : Object.assign(new Deno.errors.PermissionDenied("Permission denied (os error 13)"), { code: "EACCES" });
  };
  try {
    await watchFileSystem({ beforeCall }, () => flows[name].run(input, output));
  } catch (error) {
    const { message, stack } = error as Error;
    if (!/^[A-Z][a-z]+ [^]+/.test(message) || /\(os error|[a-z]\.$/.test(message)) {
      throw new Error(`No sentence says that ${what} failed: ${stack}`);
    }
  }
  for (const { name } of isFolder(output) ? Deno.readDirSync(output) : []) {
    if (name.endsWith(".lock") && lockHeldSince(join(output, name))) throw new Error(`${name} is held after ${what}`);
  }
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}

function checkRefusal({ message, stack }: Error, change: string | undefined): void {
  if (change === undefined) throw new Error(`It is refused though its images are the same: ${stack}`);
  if (!/^Cannot (go on|train|resume|transfer) /.test(message) || !/\b(was|were|is|had)\b/.test(message)) {
    throw new Error(`The refusal does not say what is another: ${message}`);
  }
}

function checkSame(
  found: Readonly<Record<string, string>>,
  expected: Readonly<Record<string, string>>,
  left: Readonly<Record<string, string>>,
): void {
  const names = [...new Set([...Object.keys(found), ...Object.keys(expected)])];
  const other = names.find((name) => found[name] !== expected[name]);
  if (other === undefined) return;
  const what = found[other] === undefined ? "is missing" : expected[other] === undefined ? "is too much" : "is another";
  const shown = Object.entries(left).map(([name, bytes]) => `${name} (${atob(bytes).length})`).join(", ");
  throw new Error(`"${other}" ${what}; what was left were ${shown || "no files"}`);
}

/** The cases of a campaign: each flow, end and change as often. */
export function* casesOf(count: number, seed: number, ends: readonly End[]): Generator<Case> {
  const names = Object.keys(flows);
  const random = randomOf(seed);
  for (let index = 0; index < count; index++) {
    const flow = names[index % names.length];
    const change = random.below(5) < 2 ? undefined : random.one(changes);
    yield { flow, end: ends[Math.floor(index / names.length) % ends.length], change, seed: seed + index };
  }
}
