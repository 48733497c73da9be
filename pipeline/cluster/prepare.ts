/**
 * From a command to the scripts of a job array, and to the jobs.
 *
 * @module
 */

import { basename, fromFileUrl, join, resolve } from "@std/path";
import project from "../../deno.json" with { type: "json" };
import {
  type ImageSource,
  type ImageSurvey,
  openImageList,
  openImages,
  writeImageList,
} from "../../formats/images/mod.ts";
import { ifThere, makeFolder, replaceFile } from "../../formats/base/files.ts";
import { lockHeldSince, takeLock } from "../../formats/base/lock.ts";
import { findDifferences } from "../../formats/labels/mod.ts";
import { classNamesOf, openModel } from "../model/model.ts";
import { loadCommandModel } from "../model/command_model.ts";
import type { SlurmCommand } from "./options.ts";
import { formatNumberOf } from "../command/numbers.ts";
import { describeOther } from "../label_folder/other_configuration.ts";
import type { Progress } from "../command/progress.ts";
import { SAMPLE_IMAGES } from "../command/sample_images.ts";
import { balancedRows, clusterFolder, type Plan, readPlan, writePlan } from "./cluster_plan.ts";
import { arrayScript, joinScript } from "./scripts.ts";
import { readFolderState } from "./shard_states.ts";
import { queuedJobs, submit } from "./slurm.ts";
import { ranges } from "./status.ts";

/** The files of a job array. */
export interface Prepared {
  readonly plan: Plan;
  readonly scripts: { readonly array: string; readonly join: string };
  /** Shards that are not whole. */
  readonly shards: readonly number[];
  /** What the images' source says of itself. */
  readonly survey: ImageSurvey;
}

/** The project's folder. */
const ROOT = fromFileUrl(new URL("../../", import.meta.url));

/**
 * Writes the scripts, and submits them if that is asked for.
 *
 * @param command What was asked for.
 * @param progress Where to show how far the list of images is.
 * @returns What was made.
 * @throws {Deno.errors.Busy} If jobs that were submitted for the folder wait or run, or a process writes there.
 * @throws {Error} If the images or the annotator cannot be opened, or the folder has other shards or is one data set.
 */
export async function prepareSlurm(command: SlurmCommand, progress: Progress): Promise<Prepared> {
  const out = resolve(command.relabel.out);
  const subject = `Cannot prepare "${out}"`;
  await checkAnnotator(command, progress);
  const { images = SAMPLE_IMAGES, list } = command.relabel;
  const source = list === undefined ? await openImages(images) : await openImageList(list);
  const folder = clusterFolder(out);
  makeFolder(join(folder, "logs"), subject);
  using _lock = takeLock(join(folder, ".plan.lock"), subject);
  const before = readPlan(out);
  await checkNobodyWrites(out, before, subject);
  const listed = await listImages(command, source, folder, progress);
  const plan = planOf(command, out, listed.images, subject);
  writePlan(out, plan);
  const scripts = writeScripts(command, plan, { out, folder, list: listed.path });
  const unfinished = readFolderState(out).shards.filter(({ state }) => state !== "whole").map(({ index }) => index);
  const prepared = { plan, scripts, shards: unfinished, survey: await source.survey() };
  if (!command.submit) return prepared;
  return { ...prepared, plan: await submitAll(command, out, plan, scripts, unfinished) };
}

/** Opens the annotator's files, and downloads it once where it is on the hub. A device there need not be here. */
async function checkAnnotator({ relabel }: SlurmCommand, progress: Progress): Promise<void> {
  await loadCommandModel(
    { ...relabel, model: relabel.annotator },
    progress,
    async (references, watch) => {
      for (const reference of [references].flat()) {
        const folder = await openModel(reference, watch);
        folder.weights.close();
        if (relabel.classEmbeddings === undefined && relabel.classesFrom === undefined) {
          await classNamesOf(folder, watch.classNames);
        }
      }
    },
  );
}

async function checkNobodyWrites(out: string, before: Plan | undefined, subject: string): Promise<void> {
  const queued = before ? await queuedJobs(before) : [];
  const isOne = queued.length === 1;
  if (queued.length > 0) {
    throw new Deno.errors.Busy(
      `${subject}: job ${queued.join(" and job ")}, submitted for it before, ${
        isOne ? "is" : "are"
      } still in Slurm's ` +
        `queue; wait, or end ${isOne ? "it" : "them"} with scancel ${queued.join(" ")}`,
    );
  }
  for await (const { name } of Deno.readDir(out)) {
    if (/^\.manifest.*\.lock$/.test(name) && lockHeldSince(join(out, name))) {
      throw new Deno.errors.Busy(`${subject}: another process is writing there`);
    }
  }
}

/** The list of images, the user's or a new one, and how many of them count. */
async function listImages(
  { relabel: { list, limit = Infinity, quiet } }: SlurmCommand,
  source: ImageSource,
  folder: string,
  progress: Progress,
): Promise<{ path: string; images: number }> {
  if (list !== undefined) return { path: resolve(list), images: Math.min(await source.count(), limit) };
  const path = join(folder, "images.list");
  const onImage = (count: number) => progress.show(`${formatNumberOf(count, "image")} in ${source.description}`, false);
  const { images } = await writeImageList(source, path, quiet ? undefined : onImage);
  progress.end();
  return { path, images: Math.min(images, limit) };
}

function planOf(
  { shards, relabel: { rowsPerFile } }: SlurmCommand,
  out: string,
  images: number,
  subject: string,
): Plan {
  if (shards > images) {
    throw new RangeError(
      `${subject}: ${formatNumberOf(images, "image")} cannot be shared by ${formatNumberOf(shards, "shard")}`,
    );
  }
  const plan = {
    images,
    shards,
    rowsPerFile: rowsPerFile ?? balancedRows(images, shards),
    name: `relabel-${basename(out).replaceAll(/[^\w.-]+/g, "_")}`,
  };
  const before = ifThere(() => readFolderState(out));
  if (before?.joined) throw new TypeError(`${subject}: it is one data set already, choose another --out`);
  if (before?.shards.some(({ state }) => state !== "missing")) {
    const found = findDifferences(
      { shards: before.shards.length, source: { images: before.images }, rowsPerFile: before.rowsPerFile },
      { shards, source: { images }, rowsPerFile: plan.rowsPerFile },
    );
    if (found.length > 0) {
      throw new TypeError(describeOther(found, { subject, elsewhere: "another folder with --out" }));
    }
  }
  return plan;
}

function writeScripts(
  { relabel, relabelArguments, shards, concurrent, time, sbatch }: SlurmCommand,
  { name, rowsPerFile }: Plan,
  { out, folder, list }: { out: string; folder: string; list: string },
): Prepared["scripts"] {
  const workingFolder = Deno.cwd();
  const settings = { name, folder, workingFolder, time, sbatch };
  const images = relabel.images ?? (relabel.list === undefined ? SAMPLE_IMAGES : undefined);
  const words = [
    ...images === undefined ? [] : [images],
    ...["--list", list, "--out", out, "--rows-per-file", String(rowsPerFile)],
    // A log has no use for pictures, unless they were asked for.
    ...["--show", "0"],
    ...relabelArguments,
  ];
  const scripts = { array: join(folder, "array.sh"), join: join(folder, "join.sh") };
  replaceFile(
    scripts.array,
    arrayScript({ ...settings, out, shards, concurrent, command: taskWords("relabel", words) }),
  );
  const commands = [taskWords("cluster", ["join", out])];
  if (relabel.report) commands.push(taskWords("report", images === undefined ? [out] : [out, images]));
  replaceFile(scripts.join, joinScript({ ...settings, commands }));
  return scripts;
}

/** A task of this project as the words of a command that can be run from anywhere, with no other permissions. */
function taskWords(task: "relabel" | "cluster" | "report", args: readonly string[]): string[] {
  const [, ...words] = project.tasks[task].split(" ");
  return [Deno.execPath(), ...words.slice(0, -1), join(ROOT, words[words.length - 1]), ...args];
}

async function submitAll(
  { concurrent }: SlurmCommand,
  out: string,
  plan: Plan,
  scripts: Prepared["scripts"],
  shards: readonly number[],
): Promise<Plan> {
  const tasks = `--array=${ranges(shards)}${concurrent === undefined ? "" : `%${concurrent}`}`;
  const array = shards.length > 0 ? await submit(scripts.array, [tasks]) : undefined;
  writePlan(out, { ...plan, jobs: { array } });
  const after = array === undefined ? [] : [`--dependency=afterok:${array}`, "--kill-on-invalid-dep=yes"];
  const submitted = { ...plan, jobs: { array, join: await submit(scripts.join, after) } };
  writePlan(out, submitted);
  return submitted;
}
