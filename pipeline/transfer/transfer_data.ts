/**
 * The parts of a data set that a transfer uses: one to try settings on, one to train on for that, both together, and the
 * test images.
 *
 * @module
 */

import { join } from "@std/path";
import { readIfThere, replaceFile } from "../../formats/base/files.ts";
import { permutation } from "../../formats/base/permutation.ts";
import { openImages } from "../../formats/images/mod.ts";
import { findLayout } from "../../formats/images/splits/split_source.ts";
import { UsageError } from "../command/command_line.ts";
import { formatCount, formatNumberOf } from "../command/numbers.ts";

/** Images, or those of them whose keys a file lists. */
export interface Part {
  readonly images: string;
  /** A list of keys, one a line. */
  readonly subset?: string;
}

/** The parts of a data set. */
export interface TransferData {
  /** What the trainings of the grid see. */
  readonly fit: Part;
  /** What they are tried on. */
  readonly validation: Part;
  /** Both. */
  readonly both: Part;
  readonly test: Part;
  /** How they came about, a sentence. */
  readonly remark: string;
}

/**
 * Finds the parts of a data set; where it has no validation split, holds out a share of each class.
 *
 * @param images The data set: the folder of one whose splits are known, or images, with those to test on.
 * @param options The test images, the share that is held out, and the folder in which lists of keys are written.
 * @returns The parts.
 * @throws {UsageError} If test images are lacking, or named beside those of the data set.
 * @throws {RangeError} If no image has a label, or too few to hold some out.
 * @throws {Deno.errors.AlreadyExists} If the folder has lists of other images.
 * @throws {Error} If images or lists cannot be read.
 */
export async function openTransferData(
  images: string,
  { test, heldOut, folder }: { readonly test?: string; readonly heldOut: number; readonly folder: string },
): Promise<TransferData> {
  const found = await findLayout(images);
  if (!found) {
    if (test === undefined) {
      throw new UsageError(`Cannot transfer to "${images}": it is no data set whose splits are known, name --test`);
    }
    return await holdOut({ images }, { images: test }, { heldOut, folder });
  }
  if (test !== undefined) {
    throw new UsageError(`Cannot use --test with "${images}": it is ${found.layout.name}, which has a test split`);
  }
  const { name, splits: [train], validation } = found.layout;
  const split = (name: string): Part => ({ images: `${images}:${name}` });
  if (!validation) return await holdOut(split(train), split("test"), { heldOut, folder });
  return {
    fit: split(train),
    validation: split(validation.split),
    both: split(validation.both),
    test: split("test"),
    remark: `Settings are chosen on the validation split of ${name}`,
  };
}

async function holdOut(
  both: Part,
  test: Part,
  { heldOut, folder }: { readonly heldOut: number; readonly folder: string },
): Promise<TransferData> {
  const subject = `Cannot transfer to "${both.images}"`;
  const source = await openImages(both.images);
  const byClass = new Map<number, string[]>();
  for await (const { key, label } of source.list()) {
    if (label === null) continue;
    const keys = byClass.get(label);
    if (keys) keys.push(key);
    else byClass.set(label, [key]);
  }
  if (byClass.size === 0) throw new RangeError(`${subject}: no image has a label`);
  const lists = [...byClass].sort(([a], [b]) => a - b).map(([label, keys]) => {
    // One order for each class, of its number alone: more images elsewhere change nothing in it.
    const order = Array.from(permutation(keys.length, { seed: 0, epoch: label }), (index) => keys[index]);
    // An image must be left to train on.
    const held = Math.min(Math.round(heldOut * keys.length), keys.length - 1);
    return { held: order.slice(0, held), kept: order.slice(held) };
  });
  const held = lists.flatMap(({ held }) => held);
  const kept = lists.flatMap(({ kept }) => kept);
  if (held.length === 0) {
    throw new RangeError(
      `${subject}: of ${formatNumberOf(kept.length, "image")} none can be held out to try settings on`,
    );
  }
  const [fitFile, heldFile] = ["fit.txt", "held-out.txt"].map((name) => join(folder, name));
  writeKeys(fitFile, kept, subject);
  writeKeys(heldFile, held, subject);
  return {
    fit: { images: both.images, subset: fitFile },
    validation: { images: both.images, subset: heldFile },
    both,
    test,
    remark: `Settings are chosen on ${formatNumberOf(held.length, "image")} of ${
      formatCount(held.length + kept.length)
    } that are held out, a share of each class`,
  };
}

/** Writes a list, or finds that it is there: trainings that are done would not be done again with other images. */
function writeKeys(path: string, keys: readonly string[], subject: string): void {
  const text = keys.map((key) => `${key}\n`).join("");
  const before = readIfThere(path);
  if (before === undefined) return replaceFile(path, text);
  if (before === text) return;
  throw new Deno.errors.AlreadyExists(
    `${subject}: "${path}" is of other images than those that are there now; name another folder with --output`,
  );
}
