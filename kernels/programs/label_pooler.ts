/**
 * LabelPooling on a device: label maps and crops in, targets out, everything in buffers that are made once.
 *
 *     class, score [maps, k, H, W] as stored  +  crops -> cell weights -> sums by class -> softmax -> targets [crops, C]
 *
 * @module
 */

import { type BufferRange, type Device, ownBuffer, readBuffer, writeBytes } from "../engine/device.ts";
import type { Profile } from "../engine/kernel.ts";
import {
  cellWeightsKernel,
  finishKernel,
  FRAME_WORDS,
  packFrames,
  packRegions,
  poolCellsKernel,
  REGION_WORDS,
} from "../operations/label_pooling/kernels.ts";
import {
  type Crop,
  type PoolingOptions,
  poolingRule,
  resolvePooling,
  samplingRegions,
} from "../operations/label_pooling/mod.ts";
import { checkMaps } from "../operations/label_pooling/stored_maps.ts";
import { channelVectors } from "../operations/shared/tensor.ts";
import { createPlan, type StepTime } from "../engine/plan.ts";
import { operationSteps, type Program } from "../engine/program.ts";
import { classArray, type LabelMapBatch, type LabelMapFormat, SCORE_ARRAYS } from "../../formats/base/label_map.ts";

/** What is pooled and how: the kind of maps, the most maps and crops of a step, and the options of pooling. */
export interface LabelPoolerSettings extends PoolingOptions, LabelMapFormat {
  /** Most maps that are loaded at once. */
  readonly maps: number;
  /** Most crops of a step. */
  readonly crops: number;
  /**
   * How often a crop's picture may have been cut off at its edges, as by a rotation: the most {@linkcode Crop.frames}, or 1
   * for crops with a warp alone; default 1.
   */
  readonly frames?: number;
}

/** LabelPooling on a device. */
export interface LabelPooler {
  /**
   * Uploads label maps; they stay until others come.
   *
   * @throws {RangeError} If there are more than the settings say.
   * @throws {TypeError} If they are of another kind.
   */
  load(maps: LabelMapBatch): void;
  /**
   * Encodes a step: the targets of crops of the maps that were loaded last. Nothing is created or compiled.
   *
   * @throws {RangeError} If there are more crops than the settings say, or one is not a part of its image.
   */
  encode(encoder: GPUCommandEncoder, crops: readonly Crop[]): void;
  /** Where a step leaves the targets: f32 `[crops, bins, C]`, C padded with zeros to a multiple of 4. */
  readonly targets: BufferRange;
  /** Runs a step, and gives its targets `[crops, C]`, or `[crops, height, width, C]`, on the CPU. */
  pool(crops: readonly Crop[]): Promise<Float32Array<ArrayBuffer>>;
  /** Runs a step, and gives the milliseconds of each of its kernels by the adapter's clock. */
  measure(crops: readonly Crop[]): Promise<StepTime[]>;
  /** Frees what is on the device. */
  close(): void;
}

/** Tensors of the program: what is uploaded, and where the targets are. */
export const POOLING_TENSORS = {
  regions: "sampling regions",
  frames: "sampling frames",
  class: "label map classes",
  score: "label map scores",
  pooled: "pooled cells",
  target: "targets",
} as const;

const NAMES = POOLING_TENSORS;

/** The role of the program's steps. */
export const POOLING_ROLE = "label pooling";

/** LabelPooling as a program, and the names of the tensors that are written before it. */
export interface LoweredPooling extends Program {
  readonly inputs: readonly string[];
}

/**
 * Lowers LabelPooling.
 *
 * @param settings What is pooled.
 * @param profile Profile of the kernels.
 * @returns The program, from packed regions and maps as stored to targets.
 * @throws {TypeError | RangeError} If an option is not valid.
 */
export function lowerLabelPooling(settings: LabelPoolerSettings, profile: Profile): LoweredPooling {
  const { maps, crops, frames = 1, k, grid, classes, dtype } = settings;
  const { interpolation, outputSize, temperature } = resolvePooling(settings);
  const rule = poolingRule(settings, settings);
  const cells = grid[0] * grid[1];
  const bins = outputSize[0] * outputSize[1];
  const rows = crops * bins;
  const targetBytes = rows * channelVectors(classes) * 16;
  const pooled = rule.finish ? NAMES.pooled : NAMES.target;
  const tensors = new Map<string, number>([
    [NAMES.regions, crops * REGION_WORDS * 4],
    ...frames > 0 ? [[NAMES.frames, crops * frames * FRAME_WORDS * 4] as const] : [],
    [NAMES.class, wholeWords(maps * k * cells * classArray(classes).BYTES_PER_ELEMENT)],
    [NAMES.score, wholeWords(maps * k * cells * SCORE_ARRAYS[dtype].BYTES_PER_ELEMENT)],
    [NAMES.pooled, targetBytes],
    [NAMES.target, targetBytes],
  ]);
  const steps = operationSteps(
    [
      cellWeightsKernel({ crops, frames, grid, outputSize, interpolation, profile }),
      poolCellsKernel({ crops, bins, k, grid, classes, dtype, rule, temperature, profile }),
    ],
    { regions: NAMES.regions, frames: NAMES.frames, classWords: NAMES.class, scoreWords: NAMES.score, pooled },
    "label pooling",
  );
  const finish = finishKernel({ rows, classes, rule, profile });
  if (finish) steps.push({ kernel: finish, bindings: { input: NAMES.pooled, output: NAMES.target } });
  return {
    tensors,
    constants: new Map(),
    steps: steps.map((step) => ({ ...step, role: POOLING_ROLE })),
    inputs: [NAMES.regions, ...frames > 0 ? [NAMES.frames] : [], NAMES.class, NAMES.score],
  };
}

/**
 * Puts LabelPooling on a device.
 *
 * @param device The device to run on.
 * @param settings What is pooled and how.
 * @returns The pooler; close it when done.
 * @throws {TypeError | RangeError} If an option is not valid, or a tensor exceeds the adapter's limits.
 */
export async function createLabelPooler(device: Device, settings: LabelPoolerSettings): Promise<LabelPooler> {
  const { classes } = settings;
  const { outputSize } = resolvePooling(settings);
  using made = new DisposableStack();
  const program = lowerLabelPooling(settings, device.capabilities.profile);
  // The maps are outputs too: they stay for the next step.
  const ends = { inputs: program.inputs, outputs: [NAMES.class, NAMES.score, NAMES.target] };
  const plan = made.adopt(await createPlan(device, program, ends), ({ close }) => close());
  const targets = plan.tensor(NAMES.target);
  const ranges = poolingRanges(plan, settings);
  const padded = channelVectors(classes) * 4;
  const rowsOf = ({ length }: readonly Crop[]) => length * outputSize[0] * outputSize[1];
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const createStaging = (owner: DisposableStack) =>
    ownBuffer(owner, device, targets.size, usage, "targets for the CPU");
  /** As many as there were calls of `pool` at the same time. */
  const free = [createStaging(made)];
  const owned = made.move();
  let loaded = 0;

  function upload(crops: readonly Crop[]): void {
    if (owned.disposed) throw new Deno.errors.BadResource("Cannot pool labels on the device: the pooler is closed");
    uploadCrops(device, ranges, crops, settings, loaded);
  }

  function encode(encoder: GPUCommandEncoder, crops: readonly Crop[]): void {
    upload(crops);
    plan.encode(encoder);
  }

  async function pool(crops: readonly Crop[]): Promise<Float32Array<ArrayBuffer>> {
    const encoder = device.gpu.createCommandEncoder();
    encode(encoder, crops);
    const staging = free.pop() ?? createStaging(owned);
    let rows: Float32Array;
    try {
      encoder.copyBufferToBuffer(targets.buffer, targets.offset, staging, 0, targets.size);
      device.gpu.queue.submit([encoder.finish()]);
      rows = new Float32Array(await readBuffer(staging));
    } finally {
      free.push(staging);
    }
    const result = new Float32Array(rowsOf(crops) * classes);
    for (let row = 0; row < rowsOf(crops); row++) {
      result.set(rows.subarray(row * padded, row * padded + classes), row * classes);
    }
    return result;
  }

  return {
    targets,
    encode,
    load(maps) {
      // Until all of them are there, there are none.
      loaded = 0;
      uploadMaps(device, ranges, maps, settings);
      loaded = maps.count;
    },
    pool,
    measure(crops) {
      upload(crops);
      return plan.measure();
    },
    close: () => owned.dispose(),
  };
}

/** Where the inputs of the program lie. */
export interface PoolingRanges {
  readonly class: BufferRange;
  readonly score: BufferRange;
  readonly regions: BufferRange;
  /** Where the program has frames. */
  readonly frames?: BufferRange;
}

/**
 * Finds the inputs of the program.
 *
 * @param plan A plan with the steps of the program.
 * @param settings What the program was lowered for.
 * @returns Where its inputs lie.
 */
export function poolingRanges(
  { tensor }: { tensor(name: string): BufferRange },
  { frames = 1 }: LabelPoolerSettings,
): PoolingRanges {
  return {
    class: tensor(NAMES.class),
    score: tensor(NAMES.score),
    regions: tensor(NAMES.regions),
    ...frames > 0 ? { frames: tensor(NAMES.frames) } : {},
  };
}

/**
 * Uploads the label maps of a step.
 *
 * @param device The device to run on.
 * @param ranges Where they go; see {@linkcode poolingRanges}.
 * @param maps The maps.
 * @param settings What the program was lowered for.
 * @throws {RangeError} If there are more than the settings say.
 * @throws {TypeError} If they are of another kind.
 */
export function uploadMaps(
  device: Device,
  ranges: Pick<PoolingRanges, "class" | "score">,
  maps: LabelMapBatch,
  settings: LabelPoolerSettings,
): void {
  checkMaps(maps);
  const [found, expected] = [maps, settings].map(({ scores = "softmax", floor, k, grid, classes, dtype }) => ({
    k,
    grid,
    classes,
    dtype,
    scores,
    floor,
  }));
  for (const name of ["k", "grid", "classes", "dtype", "scores", "floor"] as const) {
    if (String(found[name]) !== String(expected[name])) {
      throw new TypeError(`Cannot pool label maps: ${name} is ${found[name]}, expected ${expected[name]}`);
    }
  }
  if (maps.count > settings.maps) {
    throw new RangeError(`Cannot pool ${maps.count} label maps: the step has ${settings.maps}`);
  }
  writeBytes(device, ranges.class, maps.class);
  writeBytes(device, ranges.score, maps.score);
}

/**
 * Uploads the crops of a step.
 *
 * @param device The device to run on.
 * @param ranges Where they go; see {@linkcode poolingRanges}.
 * @param crops The crops.
 * @param settings What the program was lowered for.
 * @param maps How many label maps were uploaded.
 * @throws {RangeError} If there are more crops than the settings say, or one is not a part of its image, or was cut off
 * more often.
 */
export function uploadCrops(
  { gpu }: Device,
  { regions, frames }: Pick<PoolingRanges, "regions" | "frames">,
  crops: readonly Crop[],
  settings: LabelPoolerSettings,
  maps: number,
): void {
  if (crops.length > settings.crops) {
    throw new RangeError(`Cannot pool ${crops.length} crops: the step has ${settings.crops}`);
  }
  // All places: what an unused one holds from the step before are floats, which would be read as counts.
  const sampled = samplingRegions({ count: maps, grid: settings.grid }, crops, settings);
  const packed = packRegions(sampled, settings.crops);
  const packedFrames = packFrames(sampled, settings.frames ?? 1, settings.crops);
  gpu.queue.writeBuffer(regions.buffer, regions.offset, packed);
  if (frames) gpu.queue.writeBuffer(frames.buffer, frames.offset, packedFrames);
}

function wholeWords(bytes: number): number {
  return Math.ceil(bytes / 4) * 4;
}
