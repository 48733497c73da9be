/**
 * Corrupted images as a folder: `<corruption>/<severity>/<class>/<image>`, and `corrupted.json`, which says what they were
 * made with.
 *
 * @module
 */

import { join } from "@std/path";
import { hasContent, makeFolder, PARTIAL, readIfThere, replaceFile } from "../../formats/base/files.ts";
import { parseJson } from "../../formats/base/json.ts";
import { takeLock } from "../../formats/base/lock.ts";
import { lazyThread } from "../../formats/base/thread.ts";
import type { ImageSource, StoredImage } from "../../formats/images/mod.ts";
import type { WriteProgress } from "../command/progress.ts";
import type { CorruptFunctions, CorruptRequest } from "./corrupt_thread.ts";
import { type CorruptionName, corruptionNames } from "./corruptions.ts";

/** Raised when the same seed gives other images. */
const VERSION = 1;

const CONFIGURATION = "corrupted.json";
const LOCK = ".corrupted.lock";

/** What is made of images. */
export interface CorruptPlan extends Pick<CorruptRequest, "seed" | "size" | "format" | "exifOrientation"> {
  readonly corruptions: readonly CorruptionName[];
  /** From 1, the mildest, to 5. */
  readonly severities: readonly number[];
  /** Only so many of the first images. */
  readonly limit?: number;
  /** Threads, 1 or more. */
  readonly workers: number;
}

/** What was made of how many images. */
export interface CorruptedImages extends WriteProgress {
  /** Whether the signal ended it early. */
  readonly stopped: boolean;
  /** Images that could not be decoded, and why. */
  readonly failed: readonly { readonly key: string; readonly reason: string }[];
  /** Files that were written. */
  readonly files: number;
}

/**
 * Corrupts images, or what of that is not done yet.
 *
 * @param folder The folder; it is made if it is not there.
 * @param source The images.
 * @param plan What is made of them.
 * @param watch A signal that stops the run, and whom to tell of each image.
 * @returns What was done.
 * @throws {Deno.errors.AlreadyExists} If the folder was begun with other settings, or holds something else.
 * @throws {Deno.errors.Busy} If another process writes there.
 * @throws {Error} If a file cannot be written, or the source cannot be read.
 */
export async function writeCorrupted(
  folder: string,
  source: ImageSource,
  plan: CorruptPlan,
  watch: { readonly signal?: AbortSignal; readonly onProgress?: (progress: WriteProgress) => void } = {},
): Promise<CorruptedImages> {
  const subject = `Cannot write corrupted images to "${folder}"`;
  makeFolder(folder, subject);
  using _lock = takeLock(join(folder, LOCK), subject);
  begin(folder, plan, subject);
  const total = Math.min(await source.count(), plan.limit ?? Infinity);
  const failed: { key: string; reason: string }[] = [];
  let [done, before, files] = [0, 0, 0];
  const images = source.read({ end: total })[Symbol.asyncIterator]();

  let hasFailed = false;
  /** Takes images one after the other until there are no more; the first failure ends all. */
  async function work(): Promise<void> {
    const call = lazyThread<CorruptFunctions>(new URL("./corrupt_thread.ts", import.meta.url), subject);
    while (!hasFailed && !watch.signal?.aborted) {
      const { value: image, done: isLast } = await images.next();
      if (isLast) break;
      const lacking = filesOf(folder, source, image, plan).filter(({ path }) => !hasContent(path));
      const reason = await corrupt(image, lacking);
      if (reason !== null) failed.push({ key: image.key, reason });
      else files += lacking.length;
      if (lacking.length === 0) before++;
      done++;
      watch.onProgress?.({ done, before, total, rejected: failed.length });
    }

    async function corrupt({ key, bytes }: StoredImage, lacking: CorruptRequest["files"]): Promise<string | null> {
      if (lacking.length === 0) return null;
      if ("unreadable" in bytes) return bytes.unreadable;
      const { seed, size, format, exifOrientation } = plan;
      return await call("corrupt", { key, bytes, files: lacking, seed, size, format, exifOrientation });
    }
  }

  try {
    const fail = (error: unknown) => {
      hasFailed = true;
      throw error;
    };
    const ends = await Promise.allSettled(Array.from({ length: plan.workers }, () => work().catch(fail)));
    const failure = ends.find((end) => end.status === "rejected");
    if (failure) throw failure.reason;
  } finally {
    await images.return?.();
  }
  return { done, before, total, rejected: failed.length, stopped: done < total, failed, files };
}

/** Says what the folder is made with, or finds that this was done. */
function begin(folder: string, { seed, size, format, exifOrientation }: CorruptPlan, subject: string): void {
  const path = join(folder, CONFIGURATION);
  const wanted: Record<string, unknown> = {
    version: VERSION,
    seed,
    size: size?.join("x") ?? null,
    format,
    exifOrientation,
  };
  const text = readIfThere(path);
  if (text !== undefined) {
    const found = Object(parseJson(text, `${subject}: its ${CONFIGURATION} is not JSON`));
    const other = Object.keys(wanted).find((name) => found[name] !== wanted[name]);
    if (other === undefined) return;
    throw new Deno.errors.AlreadyExists(
      `${subject}: it was begun with ${other} ${found[other] ?? "unset"}, not ${wanted[other] ?? "unset"}`,
    );
  }
  const foreign = [...Deno.readDirSync(folder)].map(({ name }) => name).sort().find((name) =>
    name !== LOCK && !name.endsWith(PARTIAL)
  );
  if (foreign !== undefined) {
    throw new Deno.errors.AlreadyExists(`${subject}: it holds "${foreign}" and no ${CONFIGURATION}`);
  }
  replaceFile(path, `${JSON.stringify(wanted)}\n`);
}

/** The files that are made of an image. */
function filesOf(
  folder: string,
  source: ImageSource,
  image: StoredImage,
  { corruptions, severities, format }: CorruptPlan,
): CorruptRequest["files"] {
  const name = nameOf(source, image, format);
  return corruptionNames.filter((corruption) => corruptions.includes(corruption)).flatMap((corruption) =>
    severities.map((severity) => ({ path: join(folder, corruption, `${severity}`, ...name), corruption, severity }))
  );
}

/**
 * Where an image is under a severity: its key where that begins with the class's folder, else the class and the key as one
 * name. An extension that is not the format's is kept before it, so that no two images have one name.
 */
function nameOf({ classes }: ImageSource, { key, label }: StoredImage, format: CorruptPlan["format"]): string[] {
  const className = label === null ? undefined : classes?.[label] ?? `${label}`;
  const parts = key.split("/");
  const isFolder = className === undefined || parts[0] === className;
  const name = isFolder ? parts : [className, parts.join("_")];
  const hasExtension = format === "png" ? /\.png$/i : /\.jpe?g$/i;
  name.push(hasExtension.test(key) ? name.pop()! : `${name.pop()}.${format === "png" ? "png" : "jpg"}`);
  // What came from a file must not lead out of the folder.
  return name.map((part) => /^\.*$/.test(part) ? "_" : part.replaceAll(/[/\\\p{Cc}]/gu, "_"));
}
