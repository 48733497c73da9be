/**
 * The annotator: images in, packed label maps out. A classifier without its global pooling (Yun et al., "Re-labeling
 * ImageNet", 2021, section 3.1 and appendix B), and everything around it that is arithmetic:
 *
 *     pixels -> resize, normalise -> network -> logits [N, H, W, C] -> top-k -> pack
 *                                                    -> mean over H, W -> softmax -> the best classes of the image
 *
 * As in the paper the image is resized to the input size without cropping. Only packed maps are read back.
 *
 * @module
 */

import { createBuffer, destroyBuffer, type Device } from "./device.ts";
import { type Kernel, parameterBytes, type Storage } from "./kernel.ts";
import type { Network, Pair } from "./network.ts";
import { globalAveragePoolKernel } from "./operations/global_average_pool.ts";
import {
  classBytes,
  packClassesKernel,
  packedWords,
  packScoresKernel,
  scoreBytes,
  type ScoreType,
} from "./operations/quantise.ts";
import {
  normalisationLevels,
  type ResizeFilter,
  resizeHorizontalKernel,
  resizeReference,
  type ResizeTables,
  resizeTables,
  resizeVerticalKernel,
} from "./operations/resize/mod.ts";
import { softmaxKernel } from "./operations/softmax.ts";
import { type Target, tensorBytes } from "./operations/tensor.ts";
import { topKKernel } from "./operations/top_k.ts";
import { createPlan, pipelineFor } from "./plan.ts";
import { lowerNetwork, type Parameters, type Program } from "./program.ts";

/** What an annotator is made of. */
export interface AnnotatorSettings {
  readonly network: Network;
  /** The network's, by timm's names. */
  readonly parameters: Parameters;
  /** Images of a step, at most. */
  readonly batch: number;
  /** Height and width of the network's input. */
  readonly size: Pair;
  /** Of red, green, blue as fractions of 255. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly interpolation: ResizeFilter;
  /** Classes kept of each cell. */
  readonly k: number;
  readonly dtype: ScoreType;
  /** Of activations; default f32. */
  readonly storage?: Storage;
}

/** An image, decoded. */
export interface Pixels {
  readonly width: number;
  readonly height: number;
  /** RGB, `[height, width, 3]`. */
  readonly pixels: Uint8Array;
}

/** The packed label map of one image. */
export interface PackedLabelMap {
  /** `[k, H, W]`, rank 0 is the highest; 32 bits from 65,536 classes on. */
  readonly class: Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;
  /** Logits in the same order: f32, or the bit patterns of fp16 or fp8. */
  readonly score: Float32Array<ArrayBuffer> | Uint16Array<ArrayBuffer> | Uint8Array<ArrayBuffer>;
  /** The 5 best of softmax(mean of all logits over H and W), or all where there are fewer. */
  readonly topClass: Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer>;
  readonly topProbability: Float32Array<ArrayBuffer>;
}

/** An annotator on a device. */
export interface Annotator {
  /** Height and width of the label map. */
  readonly grid: Pair;
  readonly classes: number;
  readonly batch: number;
  /**
   * Annotates up to `batch` images. Their pixels are uploaded before this returns. Two calls may be in flight; a third
   * waits for the first.
   *
   * @throws {RangeError} If there are more images than `batch`.
   */
  annotate(images: readonly Pixels[]): Promise<PackedLabelMap[]>;
  /** Bytes on the device. */
  readonly memory: { readonly allocated: number; readonly highWater: number };
  /** Frees what is on the device. */
  close(): void;
}

/** Classes of the image-level multi-label. */
const BEST = 5;

/** Tensors of an annotator's program beside the network's, and what is read back. */
const NAMES = {
  value: "top-k value",
  class: "top-k class",
  packedClass: "packed class",
  packedScore: "packed score",
  mean: "mean logits",
  probability: "probabilities",
  bestValue: "best probability",
  bestClass: "best class",
} as const;
const OUTPUTS = [NAMES.packedClass, NAMES.packedScore, NAMES.bestClass, NAMES.bestValue];

/** An annotator's program, without a device: from the normalised batch to packed maps. */
export interface AnnotatorProgram extends Program {
  readonly grid: Pair;
  readonly classes: number;
}

/**
 * Lowers an annotator.
 *
 * @param settings Network and what to keep; without `parameters` the program can be looked at, not run.
 * @param target Profile and storage.
 * @returns The program; its input is the network's.
 * @throws {RangeError} If k exceeds the classes, or the size is too small for the network.
 */
export function lowerAnnotator(
  settings: Pick<AnnotatorSettings, "network" | "batch" | "size" | "k" | "dtype"> & { parameters?: Parameters },
  target: Target,
): AnnotatorProgram {
  const { network, batch, size, k, dtype } = settings;
  const program = lowerNetwork(network, settings.parameters, { batch, size, ...target });
  const logits = network.classifier.output;
  const shape = program.shapes.get(logits)!;
  const [, height, width, classes] = shape;
  const positions = height * width;
  const elements = k * positions;
  const best = Math.min(BEST, classes);
  const { tensors, steps } = program;
  tensors.set(NAMES.value, batch * elements * 4);
  tensors.set(NAMES.class, batch * elements * 4);
  tensors.set(NAMES.packedScore, batch * packedWords(elements, scoreBytes(dtype)) * 4);
  tensors.set(NAMES.packedClass, batch * packedWords(elements, classBytes(classes)) * 4);
  tensors.set(NAMES.mean, tensorBytes([batch, 1, 1, classes], target.storage));
  tensors.set(NAMES.probability, tensorBytes([batch, 1, 1, classes], target.storage));
  tensors.set(NAMES.bestValue, batch * best * 4);
  tensors.set(NAMES.bestClass, batch * best * 4);
  const { profile } = target;
  steps.push(
    {
      kernel: topKKernel({ batch, positions, classes, k, ...target }),
      bindings: { logits, value: NAMES.value, class: NAMES.class },
    },
    {
      kernel: packScoresKernel({ batch, elements, type: dtype, profile }),
      bindings: { value: NAMES.value, packed: NAMES.packedScore },
    },
    {
      kernel: packClassesKernel({ batch, elements, classes, profile }),
      bindings: { class: NAMES.class, packed: NAMES.packedClass },
    },
    { kernel: globalAveragePoolKernel({ shape, ...target }), bindings: { input: logits, output: NAMES.mean } },
    {
      kernel: softmaxKernel({ rows: batch, classes, ...target }),
      bindings: { input: NAMES.mean, output: NAMES.probability },
    },
    {
      kernel: topKKernel({ batch, positions: 1, classes, k: best, ...target }),
      bindings: { logits: NAMES.probability, value: NAMES.bestValue, class: NAMES.bestClass },
    },
  );
  return { ...program, grid: [height, width], classes };
}

/**
 * Puts an annotator on a device.
 *
 * @param device Where.
 * @param settings What.
 * @returns The annotator; close it when done.
 * @throws {RangeError} If the size does not fit the network, k the classes, or a tensor the adapter.
 * @throws {TypeError} If a parameter is missing, or f16 is asked for where the adapter has none.
 */
export async function createAnnotator(device: Device, settings: AnnotatorSettings): Promise<Annotator> {
  const { network, batch, k, dtype, storage = "f32" } = settings;
  if (storage === "f16" && !device.capabilities.float16) {
    throw new TypeError(
      `Cannot store activations in f16: the adapter ${device.capabilities.adapter} has no shader-f16`,
    );
  }
  const target: Target = { profile: device.capabilities.profile, storage };
  const program = lowerAnnotator(settings, target);
  const plan = await createPlan(device, program, { inputs: [network.input], outputs: OUTPUTS });
  const resizer = createResizer(device, settings, target, plan.tensor(network.input));
  const outputs = OUTPUTS.map((name) => plan.tensor(name));
  const bytes = outputs.reduce((sum, { size }) => sum + size, 0);
  const free = [0, 1].map(() =>
    createBuffer(device, bytes, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST, "label maps for the CPU")
  );
  const staging = [...free];
  const waiting: ((buffer: GPUBuffer) => void)[] = [];
  const { grid, classes } = program;

  return {
    grid,
    classes,
    batch,
    memory: device.memory,
    async annotate(images) {
      if (images.length > batch) throw new RangeError(`Cannot annotate ${images.length} images: the batch is ${batch}`);
      const buffer = free.pop() ?? await new Promise<GPUBuffer>((resolve) => waiting.push(resolve));
      const encoder = resizer.upload(images);
      plan.encode(encoder);
      let offset = 0;
      for (const output of outputs) {
        encoder.copyBufferToBuffer(output.buffer, output.offset, buffer, offset, output.size);
        offset += output.size;
      }
      device.gpu.queue.submit([encoder.finish()]);
      await buffer.mapAsync(GPUMapMode.READ);
      const read = buffer.getMappedRange().slice(0);
      buffer.unmap();
      const next = waiting.shift();
      if (next) next(buffer);
      else free.push(buffer);
      return unpack(read, images.length, { batch, elements: k * grid[0] * grid[1], classes, dtype });
    },
    close() {
      plan.close();
      resizer.close();
      for (const buffer of staging) destroyBuffer(device, buffer);
    },
  };
}

function unpack(
  read: ArrayBuffer,
  count: number,
  { batch, elements, classes, dtype }: { batch: number; elements: number; classes: number; dtype: ScoreType },
): PackedLabelMap[] {
  const classWords = packedWords(elements, classBytes(classes));
  const scoreWords = packedWords(elements, scoreBytes(dtype));
  const best = Math.min(BEST, classes);
  const scores = batch * classWords * 4;
  const bestClasses = scores + batch * scoreWords * 4;
  const bestValues = bestClasses + batch * best * 4;
  const Scores = { 4: Float32Array, 2: Uint16Array, 1: Uint8Array }[scoreBytes(dtype)];
  const Classes = { 4: Uint32Array, 2: Uint16Array }[classBytes(classes)];
  return Array.from({ length: count }, (_, n) => ({
    class: new Classes(read, n * classWords * 4, elements).slice(),
    score: new Scores(read, scores + n * scoreWords * 4, elements).slice(),
    topClass: Classes.from(new Uint32Array(read, bestClasses + n * best * 4, best)),
    topProbability: new Float32Array(read, bestValues + n * best * 4, best).slice(),
  }));
}

/** Bytes of pixels that are uploaded together, unless one image is larger. */
const PIXEL_BYTES = 32 << 20;

interface Resizer {
  /** Uploads images, and encodes their way into the batch; what does not fit into one upload is submitted on the way. */
  upload(images: readonly Pixels[]): GPUCommandEncoder;
  close(): void;
}

/**
 * The way of pixels into the batch. Images of one size share tables. An image that is larger than a binding is resized
 * here on the CPU, to the same bits; the kernels then only normalise it.
 */
function createResizer(
  device: Device,
  { batch, size, interpolation, mean, std }: AnnotatorSettings,
  target: Target,
  input: { buffer: GPUBuffer; offset: number; size: number },
): Resizer {
  const { gpu } = device;
  const { profile } = target;
  const storage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
  const limit = Math.min(device.capabilities.maxBindingBytes, device.capabilities.maxBufferBytes);
  const levels = normalisationLevels(mean, std);
  const levelBuffer = createBuffer(device, levels.byteLength, storage, "normalisation levels");
  gpu.queue.writeBuffer(levelBuffer, 0, levels);
  const blocks = createBuffer(device, batch * 2 * 256, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST, "resizes");
  const grown = {
    pixels: createBuffer(device, Math.min(PIXEL_BYTES, limit), storage, "pixels"),
    tables: createBuffer(device, 1 << 20, storage, "resize tables"),
    rows: createBuffer(device, 1 << 20, storage, "resized rows"),
  };
  const cache = new Map<string, ResizeTables>();
  let groups: { horizontal: GPUBindGroup; vertical: GPUBindGroup }[] = [];

  const tablesFor = (width: number, height: number): ResizeTables => {
    const key = `${width} x ${height}`;
    const known = cache.get(key);
    if (known) return known;
    if (cache.size >= 256) cache.clear();
    const tables = resizeTables(width, height, { size, filter: interpolation });
    cache.set(key, tables);
    return tables;
  };
  const needed = (tables: ResizeTables) => ({
    // The horizontal pass reads a word or three past the last pixel.
    pixels: Math.ceil(tables.width * tables.height * 3 / 4) * 4 + 16,
    tables: tables.values.byteLength,
    rows: tables.rows * size[1] * 4,
  });
  const grow = (name: keyof typeof grown, bytes: number) => {
    if (bytes <= grown[name].size) return;
    destroyBuffer(device, grown[name]);
    grown[name] = createBuffer(device, Math.min(Math.max(bytes, grown[name].size * 1.5), limit), storage, name);
    groups = [];
  };
  const passes = (tables: ResizeTables, pixelsOffset: number, tablesOffset: number, slot: number) => ({
    horizontal: resizeHorizontalKernel({ tables, pixelsOffset, tablesOffset, profile }),
    vertical: resizeVerticalKernel({ tables, tablesOffset, slot, ...target }),
  });
  const groupsOf = (slot: number, kernels: { horizontal: Kernel; vertical: Kernel }) => {
    const make = (kernel: Kernel, buffers: Readonly<Record<string, GPUBindingResource>>, block: number) =>
      gpu.createBindGroup({
        layout: pipelineFor(device, kernel).getBindGroupLayout(0),
        entries: [
          ...kernel.bindings.map((name, binding) => ({ binding, resource: buffers[name] })),
          {
            binding: kernel.bindings.length,
            resource: { buffer: blocks, offset: block * 256, size: parameterBytes(kernel.parameters).length },
          },
        ],
      });
    const { pixels, tables, rows } = grown;
    return groups[slot] ??= {
      horizontal: make(kernels.horizontal, {
        pixels: { buffer: pixels },
        tables: { buffer: tables },
        rows: { buffer: rows },
      }, slot * 2),
      vertical: make(kernels.vertical, {
        rows: { buffer: rows },
        tables: { buffer: tables },
        levels: { buffer: levelBuffer },
        output: input,
      }, slot * 2 + 1),
    };
  };

  return {
    upload(images) {
      let encoder = gpu.createCommandEncoder();
      let pixelsEnd = 0;
      let tablesEnd = 0;
      const placed = new Map<ResizeTables, number>();
      const flush = () => {
        gpu.queue.submit([encoder.finish()]);
        encoder = gpu.createCommandEncoder();
        pixelsEnd = tablesEnd = 0;
        placed.clear();
      };
      images.forEach((image, slot) => {
        let { width, height, pixels } = image;
        let tables = tablesFor(width, height);
        if (Object.values(needed(tables)).some((bytes) => bytes > limit)) {
          pixels = resizeReference(pixels, width, height, { size, filter: interpolation }, tables);
          [height, width] = size;
          tables = tablesFor(width, height);
        }
        const bytes = needed(tables);
        const place = placed.has(tables) ? 0 : bytes.tables;
        if (
          pixelsEnd + bytes.pixels > grown.pixels.size || tablesEnd + place > grown.tables.size ||
          bytes.rows > grown.rows.size
        ) {
          flush();
          grow("pixels", bytes.pixels);
          grow("tables", bytes.tables);
          grow("rows", bytes.rows);
        }
        let tablesOffset = placed.get(tables);
        if (tablesOffset === undefined) {
          tablesOffset = tablesEnd / 4;
          gpu.queue.writeBuffer(grown.tables, tablesEnd, tables.values);
          placed.set(tables, tablesOffset);
          tablesEnd += bytes.tables;
        }
        writePadded(gpu, grown.pixels, pixelsEnd, pixels);
        const kernels = passes(tables, pixelsEnd, tablesOffset, slot);
        pixelsEnd += bytes.pixels;
        const { horizontal, vertical } = groupsOf(slot, kernels);
        gpu.queue.writeBuffer(blocks, slot * 512, parameterBytes(kernels.horizontal.parameters));
        gpu.queue.writeBuffer(blocks, slot * 512 + 256, parameterBytes(kernels.vertical.parameters));
        const pass = encoder.beginComputePass();
        for (const [kernel, group] of [[kernels.horizontal, horizontal], [kernels.vertical, vertical]] as const) {
          pass.setPipeline(pipelineFor(device, kernel));
          pass.setBindGroup(0, group);
          pass.dispatchWorkgroups(...kernel.workgroups);
        }
        pass.end();
      });
      return encoder;
    },
    close() {
      for (const buffer of [levelBuffer, blocks, ...Object.values(grown)]) destroyBuffer(device, buffer);
    },
  };
}

/** Writes bytes whose number need not be a multiple of 4: the last word goes by itself. */
function writePadded(gpu: GPUDevice, buffer: GPUBuffer, offset: number, bytes: Uint8Array): void {
  const whole = bytes.length - bytes.length % 4;
  const data = bytes as Uint8Array<ArrayBuffer>;
  gpu.queue.writeBuffer(buffer, offset, data, 0, whole);
  if (whole === bytes.length) return;
  const last = new Uint8Array(4);
  last.set(bytes.subarray(whole));
  gpu.queue.writeBuffer(buffer, offset + whole, last);
}
