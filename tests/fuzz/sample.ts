/**
 * What is fuzzed: whole files of a format, and the places in them that are worth aiming at.
 *
 * @module
 */

import type { Random } from "./random.ts";

/** A run of bytes that means something: a footer, a directory, a page header. */
export interface Region {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/** A whole file, changed, and how. */
export interface Rewrite {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly what: string;
}

/** A file that reads well. */
export interface Sample {
  /** What it is called. */
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly regions: readonly Region[];
  /** Changes that know the format, such as another value in its JSON with the lengths around it put right. */
  readonly rewrites: readonly ((random: Random) => Rewrite)[];
}

/** A format that is fuzzed. */
export interface Target {
  /** Samples, which every call gives byte for byte; some readers need the files to be made first. */
  samples(): Promise<Sample[]> | Sample[];
  /**
   * Reads a file to its end, as its readers' users do.
   *
   * @param path The file.
   * @returns All that it holds, to be compared.
   * @throws {StructureError} If what the reader gave is not what the format promises.
   * @throws {Error} What the reader throws.
   */
  read(path: string): Promise<unknown>;
  /**
   * Files that lie beside the one that is changed, by name.
   */
  readonly beside?: Readonly<Record<string, Uint8Array>>;
}

/** The reader gave something that its format forbids: it should have refused the file. */
export class StructureError extends Error {
  override readonly name = "StructureError";
}

/** Throws a {@linkcode StructureError} unless something holds. */
export function promise(holds: boolean, what: string): asserts holds {
  if (!holds) throw new StructureError(what);
}
