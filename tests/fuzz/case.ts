/**
 * One case: a mutation of a sample, read.
 *
 * @module
 */

import { equal } from "@std/assert";
import { join } from "@std/path";
import { unclearness } from "./clear_error.ts";
import { mutate } from "./mutations.ts";
import { randomOf } from "./random.ts";
import { type Sample, StructureError, type Target } from "./sample.ts";

/** What became of a case. */
export interface CaseResult {
  /**
   * `equal`: read, with the values of the unchanged file; `changed`: read as a whole that the format allows, with other
   * values, since nothing protects the bytes that were changed; `refused`: by a clear error; `defect`: anything else.
   */
  readonly outcome: "equal" | "changed" | "refused" | "defect";
  /** What was done to which sample. */
  readonly mutation: string;
  /** The error's message, and what is wrong with it or with what was read. */
  readonly message?: string;
}

/** A format with its samples and what they hold. */
export interface PreparedTarget {
  readonly target: Target;
  readonly samples: readonly Sample[];
  readonly contents: ReadonlyMap<Sample, unknown>;
  /** Where cases are written. */
  readonly folder: string;
}

/**
 * Makes samples, and reads them unchanged.
 *
 * @param target The format.
 * @param folder An empty folder, where cases are written.
 * @returns What cases need.
 */
export async function prepareTarget(target: Target, folder: string): Promise<PreparedTarget> {
  const samples = await target.samples();
  const contents = new Map<Sample, unknown>();
  for (const sample of samples) {
    contents.set(sample, await target.read(writeCase({ target, folder }, sample, sample.bytes)));
  }
  return { target, samples, contents, folder };
}

/**
 * Runs a case.
 *
 * @param prepared The format.
 * @param seed Which mutation.
 * @returns What became of it.
 */
export async function runCase(prepared: PreparedTarget, seed: number): Promise<CaseResult> {
  const { sample, bytes, what } = mutate(prepared.samples, randomOf(seed));
  const mutation = `${sample.name}: ${what}`;
  const path = writeCase(prepared, sample, bytes);
  try {
    const content = await prepared.target.read(path);
    return { outcome: equal(content, prepared.contents.get(sample)) ? "equal" : "changed", mutation };
  } catch (error) {
    if (error instanceof StructureError) {
      return { outcome: "defect", mutation, message: `It was read, but ${error.message}` };
    }
    const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    const subject = prepared.target.beside ? prepared.folder : path;
    const wrong = unclearness(error, subject);
    if (wrong === undefined) return { outcome: "refused", mutation, message };
    const stack = error instanceof Error
      ? error.stack?.split("\n").slice(1, 4).map((line) => line.trim()).join(" ")
      : "";
    return { outcome: "defect", mutation, message: `${message} [${wrong}] ${stack}` };
  }
}

function writeCase(
  { target: { beside = {} }, folder }: Pick<PreparedTarget, "target" | "folder">,
  sample: Sample,
  bytes: Uint8Array,
): string {
  for (const { name } of Deno.readDirSync(folder)) Deno.removeSync(join(folder, name));
  for (const [name, content] of Object.entries(beside)) Deno.writeFileSync(join(folder, name), content);
  const path = join(folder, sample.name.replaceAll("/", "_"));
  Deno.writeFileSync(path, bytes);
  return path;
}
