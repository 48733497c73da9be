/**
 * A training's state on disk: safetensors with all that the device holds, and the place in the training as metadata.
 *
 * The tensors are called as the trainer calls them: parameters and running statistics by timm's names, `optimizer.*`,
 * `average.*` (of the weights, where one is kept) and `control`.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { letEventsIn } from "../../formats/base/event_loop.ts";
import { bytesOf } from "../../formats/base/bytes.ts";
import { showValue } from "../../formats/base/show_value.ts";
import { openBytes } from "../../formats/base/byte_source.ts";
import { readParameter, type TensorData, writeSafetensors } from "../../formats/weights/mod.ts";
import { readSafetensors } from "../../formats/weights/safetensors.ts";
import { absent } from "../../formats/base/files.ts";
import type { TrainingState } from "../../kernels/programs/training/training_state.ts";
import { closing } from "../../formats/base/closing.ts";
import { areTexts, isCount } from "../../formats/base/json.ts";

/** A place in a training: what was done before it. */
export interface Position {
  /** The epoch, from 0. */
  readonly epoch: number;
  /** Step of the epoch that comes next. */
  readonly step: number;
  /** Sum of the losses of the epoch's steps so far. */
  readonly lossSum: number;
}

/** A state with its place. */
export interface Checkpoint {
  readonly state: TrainingState;
  readonly position: Position;
  /** SHA-256 of keys and labels of the images. */
  readonly data: string;
  /** What has computed it, in order: each version of the program with its adapter, whose last bits may be others. */
  readonly engines: readonly string[];
}

/**
 * Writes a checkpoint, whole or not at all.
 *
 * @param path The file.
 * @param checkpoint What to write.
 * @param remarks Further entries of the metadata.
 * @throws {Error} If it cannot be written; the old one is kept.
 */
export function writeCheckpoint(
  path: string,
  { state, position, data, engines }: Checkpoint,
  remarks: Readonly<Record<string, string>> = {},
): void {
  writeSafetensors(path, state, {
    position: JSON.stringify(position),
    data,
    engines: JSON.stringify(engines),
    crc32: checksumOf(state),
    ...remarks,
  });
}

/**
 * Reads a checkpoint.
 *
 * @param path The file.
 * @returns The checkpoint; undefined if there is no such file.
 * @throws {TypeError} If it is not a checkpoint, or damaged.
 */
export async function readCheckpoint(path: string): Promise<Checkpoint | undefined> {
  using source = await openBytes(path).then(closing).catch(absent);
  if (!source) return undefined;
  const file = readSafetensors(source);
  const { position, data, engines, crc32: checksum } = file.metadata;
  if (position === undefined || data === undefined) {
    throw new TypeError(`Cannot go on from "${path}": it holds weights, and not the state of a training`);
  }
  const state = new Map<string, TensorData>();
  for (const name of file.names) {
    await letEventsIn();
    // The words of `control` are bits.
    const data = await (name === "control" ? file.read(name) : readParameter(file, name));
    state.set(name, { shape: file.shape(name), data });
  }
  if (checksum !== undefined && checksum !== checksumOf(state)) {
    throw new TypeError(`Cannot go on from "${path}": it is damaged, its tensors are not as its checksum says`);
  }
  return { state, ...readPlace(position, engines, path), data };
}

/** CRC-32 of all tensors, one after the other, hexadecimal. */
function checksumOf(state: TrainingState): string {
  let sum = 0;
  for (const { data } of state.values()) sum = crc32(bytesOf(data), sum);
  return sum.toString(16).padStart(8, "0");
}

function readPlace(
  position: string,
  engines: string | undefined,
  path: string,
): Pick<Checkpoint, "position" | "engines"> {
  try {
    const found = { position: JSON.parse(position) as Position, engines: JSON.parse(engines ?? "[]") as string[] };
    const { epoch, step, lossSum } = found.position;
    const isPlace = [epoch, step].every(isCount) &&
      Number.isFinite(lossSum);
    const isList = areTexts(found.engines);
    if (isPlace && isList) return found;
  } catch {
    // Said below.
  }
  throw new TypeError(`Cannot go on from "${path}": its position is ${showValue(position)}, expected epoch and step`);
}

/** What is no weight of the network. */
const AVERAGE = "average.";
const OTHERS = ["optimizer.", AVERAGE];

/**
 * The network's weights in a state: averages where they are kept.
 *
 * @param state The state.
 * @returns Parameters and running statistics by timm's names.
 */
export function weightsOf(state: TrainingState): TrainingState {
  const names = [...state.keys()].filter((name) =>
    name !== "control" && !OTHERS.some((prefix) => name.startsWith(prefix))
  );
  return new Map(names.map((name) => [name, state.get(AVERAGE + name) ?? state.get(name)!]));
}
