/**
 * Images into the normalised batch `[N, H, W, 3]` that a network reads: resized to H x W as Pillow does it, whole or by
 * their centre, and normalised.
 *
 * In the GPU profile kernels do both. In the software profile, where kernels run on the same cores but pay 25 ns and more for
 * each byte's load, the CPU reference does, in half of their time; the bits are the same.
 *
 * @module
 */

import type { Pieces } from "../../formats/base/event_loop.ts";
import {
  type BufferRange,
  createBuffer,
  destroyBuffer,
  type Device,
  ownBuffer,
  wholeBuffer,
  writeBytes,
} from "../engine/device.ts";
import { type Kernel, parameterBytes } from "../engine/kernel.ts";
import type { Pair } from "../operations/shared/window.ts";
import {
  centerCrop,
  type ImagePlace,
  normalisationLevels,
  placeParameters,
  type ResizeFilter,
  resizeInPieces,
  resizePasses,
  type ResizeRule,
  type ResizeTables,
  resizeTables,
} from "../operations/resize/mod.ts";
import type { Target } from "../operations/shared/tensor.ts";
import { bindKernel, type BoundKernel, encodeDispatch } from "../engine/pipelines.ts";
import type { Pixels } from "../../formats/base/pixels.ts";
import { remember } from "./remember.ts";

/** What a batch is made to. */
export interface ResizerSettings {
  /** Images of a batch. */
  readonly batch: number;
  /** Height and width. */
  readonly size: Pair;
  /**
   * What an image is resized to cover before its centre is taken, such as 256 x 256 for a size of 224 x 224; default: all
   * of the image is resized to `size`, whatever its aspect.
   */
  readonly cover?: Pair;
  /** Mean of red, green, blue as fractions of 255. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly interpolation: ResizeFilter;
  /** The version of Pillow to whose bits images are resized; default `Pillow 13`. */
  readonly resizeRule?: ResizeRule;
}

/** The way of images into a batch. */
export interface Resizer {
  /**
   * Uploads images, and encodes their way into the batch, piece by piece, one call at a time; what does not fit into one
   * upload is submitted on the way.
   */
  upload(images: readonly Pixels[]): Pieces<GPUCommandEncoder>;
  close(): void;
}

/**
 * Makes the resizer of the device's profile.
 *
 * @param device The device to run on.
 * @param settings What a batch is.
 * @param target Profile and storage.
 * @param input The batch on the device.
 * @returns The resizer.
 */
export function createResizer(
  device: Device,
  settings: ResizerSettings,
  target: Target,
  input: BufferRange,
): Resizer {
  const create = target.profile === "software" ? createReferenceResizer : createKernelResizer;
  return create(device, settings, target, input);
}

/** Numbers of the resize tables that are kept: 64 MiB. */
const TABLES_KEPT = 2 ** 24;

/** Resize tables by image size, made once for each of the last sizes seen. */
function tableCache(settings: ResizerSettings): (width: number, height: number) => ResizeTables {
  const { size, cover, interpolation: filter, resizeRule: rule } = settings;
  const make = (width: number, height: number) => {
    const options = cover ? centerCrop(width, height, { cover, crop: size }) : { size };
    return resizeTables(width, height, { ...options, filter, rule });
  };
  return remember(TABLES_KEPT, make, ({ values }) => values.length);
}

/** Both passes of the images that tables are for. */
type Passes = ReturnType<typeof resizePasses>;

function createReferenceResizer(
  { gpu }: Device,
  settings: ResizerSettings,
  { storage }: Target,
  input: BufferRange,
): Resizer {
  const { size, mean, std } = settings;
  const levels = normalisationLevels(mean, std);
  const tablesFor = tableCache(settings);
  const length = size[0] * size[1] * 4;
  const normalised = storage === "f16" ? new Float16Array(length) : new Float32Array(length);
  return {
    *upload(images) {
      for (const [slot, { width, height, pixels }] of images.entries()) {
        const resized = yield* resizeInPieces(pixels, width, height, tablesFor(width, height));
        for (let from = 0, to = 0; to < length; from += 3, to += 4) {
          normalised[to] = levels[resized[from] * 4];
          normalised[to + 1] = levels[resized[from + 1] * 4 + 1];
          normalised[to + 2] = levels[resized[from + 2] * 4 + 2];
        }
        gpu.queue.writeBuffer(input.buffer, input.offset + slot * normalised.byteLength, normalised);
      }
      return gpu.createCommandEncoder();
    },
    close() {},
  };
}

/** Bytes of pixels that are uploaded together, unless one image is larger. */
const PIXEL_BYTES = 64 << 20;

/**
 * The way of pixels into the batch. Images of one size share tables. An image that is larger than a binding is resized
 * here on the CPU, to the same bits; the kernels then only normalise it.
 */
function createKernelResizer(
  device: Device,
  settings: ResizerSettings,
  target: Target,
  input: BufferRange,
): Resizer {
  const { gpu } = device;
  const { size, interpolation } = settings;
  const limit = Math.min(device.capabilities.maxBindingBytes, device.capabilities.maxBufferBytes);
  using made = new DisposableStack();
  const buffers = createPassBuffers(device, settings, { input, limit }, made);
  const tablesFor = tableCache(settings);
  const identity = resizeTables(size[1], size[0], { size, filter: interpolation });
  const owned = made.move();
  /** Kernels by their tables: those of images of one size differ in parameters alone. */
  const passesOf = new WeakMap<ResizeTables, Passes>();
  const passesFor = (tables: ResizeTables) => {
    const passes = passesOf.get(tables) ?? resizePasses({ tables, ...target });
    passesOf.set(tables, passes);
    return passes;
  };
  return {
    *upload(images) {
      let pixelsEnd = 0;
      let tablesEnd = 0;
      let waiting: PlacedImage[] = [];
      const placed = new Map<ResizeTables, number>();
      const all = images.reduce((sum, { width, height }) => sum + passBytes(tablesFor(width, height)).pixels, 0);
      buffers.grow("pixels", Math.min(all, PIXEL_BYTES, limit));
      const encode = () => {
        const encoder = gpu.createCommandEncoder();
        if (waiting.length > 0) buffers.encode(encoder, waiting);
        return encoder;
      };
      const flush = () => {
        gpu.queue.submit([encode().finish()]);
        pixelsEnd = tablesEnd = 0;
        waiting = [];
        placed.clear();
      };
      for (const [slot, image] of images.entries()) {
        let { width, height, pixels } = image;
        let tables = tablesFor(width, height);
        if (Object.values(passBytes(tables)).some((bytes) => bytes > limit)) {
          pixels = yield* resizeInPieces(pixels, width, height, tables);
          [height, width] = size;
          tables = identity;
        }
        const bytes = passBytes(tables);
        const place = placed.has(tables) ? 0 : bytes.tables;
        if (
          pixelsEnd + bytes.pixels > buffers.grown.pixels.size || tablesEnd + place > buffers.grown.tables.size ||
          bytes.rows > buffers.grown.rows.size
        ) {
          flush();
          for (const name of GROWING) buffers.grow(name, bytes[name]);
        }
        let tablesOffset = placed.get(tables);
        if (tablesOffset === undefined) {
          tablesOffset = tablesEnd / 4;
          gpu.queue.writeBuffer(buffers.grown.tables, tablesEnd, tables.values);
          placed.set(tables, tablesOffset);
          tablesEnd += bytes.tables;
        }
        writeBytes(device, { buffer: buffers.grown.pixels, offset: pixelsEnd }, pixels);
        waiting.push({
          passes: passesFor(tables),
          place: { pixelsOffset: pixelsEnd, tablesOffset, slot },
          verticalFirst: tables.verticalFirst,
        });
        pixelsEnd += bytes.pixels;
      }
      return encode();
    },
    close: () => owned.dispose(),
  };
}

/** Buffers that grow with the images, each before what is made of it. */
const GROWING = ["pixels", "tables", "rows"] as const;
type Growing = typeof GROWING[number];

/** Bytes that the passes of an image take of each buffer. */
function passBytes({ width, height, values, rows, columns }: ResizeTables): Record<Growing, number> {
  return {
    // The horizontal pass reads a word or three past the last pixel.
    pixels: Math.ceil(width * height * 3 / 4) * 4 + 16,
    tables: values.byteLength,
    rows: rows * columns * 4,
  };
}

/** The buffers that images pass through on a device, and the kernels that are bound to them. */
interface PassBuffers {
  readonly grown: Readonly<Record<Growing, GPUBuffer>>;
  /** Makes a buffer larger, if it has fewer bytes; what is in it is lost. */
  grow(name: Growing, bytes: number): void;
  /** Encodes the two passes of images that follow each other in the batch, whose parameters are written now. */
  encode(encoder: GPUCommandEncoder, images: readonly PlacedImage[]): void;
}

/** An image that is uploaded. */
interface PlacedImage {
  readonly passes: Passes;
  readonly place: ImagePlace;
  readonly verticalFirst: boolean;
}

/** Bytes of a pass's parameters, which a binding's offset is a multiple of. */
const BLOCK_BYTES = 256;

function createPassBuffers(
  device: Device,
  { batch, mean, std }: ResizerSettings,
  { input, limit }: { input: BufferRange; limit: number },
  owner: DisposableStack,
): PassBuffers {
  const { gpu } = device;
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
  const levels = normalisationLevels(mean, std);
  const levelBuffer = ownBuffer(owner, device, levels.byteLength, usage, "normalisation levels");
  gpu.queue.writeBuffer(levelBuffer, 0, levels);
  const uniform = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
  const blocks = ownBuffer(owner, device, batch * 2 * BLOCK_BYTES, uniform, "resizes");
  const grown: Record<Growing, GPUBuffer> = Object.create(null);
  owner.defer(() => Object.values(grown).forEach((buffer) => destroyBuffer(device, buffer)));
  for (const name of GROWING) grown[name] = createBuffer(device, 1 << 20, usage, name);
  /** By place in the batch and order of the passes: each order has kernels of its own. */
  let bound = new Map<string, readonly BoundKernel[]>();

  const bind = (kernel: Kernel, block: number): BoundKernel => {
    const ranges: Readonly<Record<string, BufferRange>> = {
      pixels: wholeBuffer(grown.pixels),
      tables: wholeBuffer(grown.tables),
      rows: wholeBuffer(grown.rows),
      levels: wholeBuffer(levelBuffer),
      output: input,
    };
    return bindKernel(device, kernel, {
      range: ({ name }) => ranges[name],
      parameters: { buffer: blocks, offset: block * BLOCK_BYTES, size: parameterBytes(kernel.parameters).length },
    });
  };
  return {
    grown,
    grow(name, bytes) {
      const before = grown[name];
      if (bytes <= before.size) return;
      // The old one goes when the new one is there: a failure leaves what works.
      grown[name] = createBuffer(device, Math.min(Math.max(bytes, before.size * 1.5), limit), usage, name);
      bound = new Map();
      destroyBuffer(device, before);
    },
    encode(encoder, images) {
      const first = images[0].place.slot * 2;
      const parameters = new Uint8Array(images.length * 2 * BLOCK_BYTES);
      const pass = encoder.beginComputePass();
      images.forEach(({ passes, place, verticalFirst }, index) => {
        const key = `${place.slot} ${verticalFirst}`;
        const kernels = [passes.first, passes.second];
        const known = bound.get(key) ?? kernels.map((kernel, order) => bind(kernel, place.slot * 2 + order));
        bound.set(key, known);
        kernels.forEach((kernel, order) => {
          parameters.set(parameterBytes(placeParameters(kernel, place)), (index * 2 + order) * BLOCK_BYTES);
          encodeDispatch(pass, { ...known[order], workgroups: kernel.workgroups });
        });
      });
      pass.end();
      gpu.queue.writeBuffer(blocks, first * BLOCK_BYTES, parameters);
    },
  };
}
