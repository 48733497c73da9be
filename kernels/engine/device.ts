/**
 * The device: found once, asked for everything the adapter has, its buffers counted.
 *
 * @module
 */

import type { Tuning } from "./choices.ts";
import type { Profile } from "./kernel.ts";
import { findSubgroups, requestSubgroups, type SubgroupLanes } from "./subgroups.ts";

/** What the adapter is and can do, as `deno task doctor` prints it. */
export interface Capabilities {
  /** The driver's name for it: `llvmpipe (LLVM 15.0.6, 256 bits)`. */
  readonly adapter: string;
  /** True where the adapter is the CPU behind a graphics interface. */
  readonly software: boolean;
  /** Which form of each kernel runs. */
  readonly profile: Profile;
  /** Whether storage in half precision works: the feature `shader-f16` is there, and a trial kernel gave the right numbers. */
  readonly float16: boolean;
  /**
   * Invocations of a subgroup, where the adapter is software, grants subgroups, and a trial kernel gave the right numbers;
   * undefined where kernels do without.
   */
  readonly subgroupLanes?: SubgroupLanes;
  /** Whether kernels can be timed on the adapter's clock. */
  readonly timestamps: boolean;
  /** Size of the largest storage binding, bytes. */
  readonly maxBindingBytes: number;
  /** Size of the largest buffer, bytes. */
  readonly maxBufferBytes: number;
}

/** A device with its capabilities and a count of the bytes allocated on it. */
export interface Device {
  /** WebGPU's device. */
  readonly gpu: GPUDevice;
  /** What its adapter is and can do. */
  readonly capabilities: Capabilities;
  /** What its compiler wants before a text that uses subgroups: nothing in Deno, elsewhere `enable subgroups;`. */
  readonly subgroupDirective: string;
  /** Bytes in its buffers. */
  readonly memory: MemoryCount;
  /** Which of several kernels run; without, those that are chosen by the shape. */
  readonly tuning?: Tuning;
}

/** Bytes in a device's buffers. */
export interface MemoryCount {
  /** Bytes now. */
  allocated: number;
  /** The most there ever were. */
  highWater: number;
}

/** A range of a buffer. */
export interface BufferRange {
  /** The buffer. */
  readonly buffer: GPUBuffer;
  /** First byte. */
  readonly offset: number;
  /** Number of bytes. */
  readonly size: number;
}

/** All of a buffer. */
export function wholeBuffer(buffer: GPUBuffer): BufferRange {
  return { buffer, offset: 0, size: buffer.size };
}

const NO_ADAPTER =
  "Cannot find a WebGPU adapter: install a Vulkan driver (Debian and Ubuntu: apt-get install mesa-vulkan-drivers libvulkan1; " +
  "NVIDIA: the vendor's driver)";

/**
 * Opens the adapter that the system prefers, with all of its limits and the features the kernels use.
 *
 * @param options `profile` overrides the choice made from the adapter's kind.
 * @returns The device; call {@linkcode closeDevice} when done.
 * @throws {Deno.errors.NotFound} If there is no adapter.
 */
export async function openDevice(options: { profile?: Profile } = {}): Promise<Device> {
  const adapter = await navigator.gpu?.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new Deno.errors.NotFound(NO_ADAPTER);
  const wanted: GPUFeatureName[] = ["shader-f16", "timestamp-query"];
  const requiredLimits: Record<string, number> = {};
  for (
    const name of [
      "maxBufferSize",
      "maxStorageBufferBindingSize",
      "maxStorageBuffersPerShaderStage",
      "maxComputeWorkgroupStorageSize",
      "maxComputeInvocationsPerWorkgroup",
      "maxComputeWorkgroupSizeX",
      "maxComputeWorkgroupSizeY",
      "maxTextureDimension2D",
    ] as const
  ) requiredLimits[name] = adapter.limits[name];
  const requiredFeatures = wanted.filter((feature) => adapter.features.has(feature));
  const descriptor = { requiredFeatures, requiredLimits };
  const software = isSoftware(adapter.info);
  const gpu = await (software ? requestSubgroups(adapter, descriptor) : adapter.requestDevice(descriptor));
  const subgroups = software ? await findSubgroups(gpu, adapter.info) : undefined;
  return {
    gpu,
    capabilities: {
      adapter: adapter.info.description || adapter.info.device || adapter.info.vendor,
      software,
      profile: options.profile ?? (software ? "software" : "gpu"),
      float16: gpu.features.has("shader-f16"),
      subgroupLanes: subgroups?.lanes,
      timestamps: gpu.features.has("timestamp-query"),
      maxBindingBytes: gpu.limits.maxStorageBufferBindingSize,
      maxBufferBytes: gpu.limits.maxBufferSize,
    },
    subgroupDirective: subgroups?.directive ?? "",
    memory: { allocated: 0, highWater: 0 },
  };
}

/**
 * Whether an adapter is the CPU: the drivers that are, by the names they give themselves.
 *
 * @param info The adapter's `GPUAdapter.info`.
 * @returns True for llvmpipe, SwiftShader, WARP and adapters marked as fallback.
 */
export function isSoftware(info: { description: string; isFallbackAdapter: boolean }): boolean {
  return info.isFallbackAdapter || /llvmpipe|lavapipe|swiftshader|softpipe|basic render/i.test(info.description);
}

/**
 * A new buffer, counted in the device's memory.
 *
 * @param device The device to run on.
 * @param bytes Its size; rounded up to a multiple of 4.
 * @param usage `GPUBufferUsage` flags.
 * @param label For error messages.
 * @returns The buffer; free it with {@linkcode destroyBuffer}.
 * @throws {RangeError} If the adapter has no buffers that large.
 */
export function createBuffer(device: Device, bytes: number, usage: number, label: string): GPUBuffer {
  const size = Math.max(Math.ceil(bytes / 4) * 4, 16);
  if (size > device.capabilities.maxBufferBytes) {
    throw new RangeError(
      `Cannot allocate ${label}: ${size} bytes exceed the adapter's ${device.capabilities.maxBufferBytes} a buffer`,
    );
  }
  const buffer = device.gpu.createBuffer({ size, usage, label });
  device.memory.allocated += size;
  device.memory.highWater = Math.max(device.memory.highWater, device.memory.allocated);
  return buffer;
}

/** Frees a buffer made by {@linkcode createBuffer}: undestroyed buffers leak in Deno. */
export function destroyBuffer(device: Device, buffer: GPUBuffer): void {
  device.memory.allocated -= buffer.size;
  buffer.destroy();
}

/**
 * A new buffer that is freed with all else that an owner holds.
 *
 * @param owner What frees it.
 * @param device The device to run on.
 * @param parameters As for {@linkcode createBuffer}.
 * @returns The buffer.
 * @throws {RangeError} If the adapter has no buffers that large.
 */
export function ownBuffer(
  owner: DisposableStack,
  device: Device,
  ...parameters: [bytes: number, usage: number, label: string]
): GPUBuffer {
  return owner.adopt(createBuffer(device, ...parameters), (buffer) => destroyBuffer(device, buffer));
}

/**
 * Writes an array whose bytes need not be whole words: zeros fill the last one.
 *
 * @param device The device of the buffer.
 * @param place Where the array begins; `offset` in bytes is a multiple of 4.
 * @param array What is written, as it lies in memory.
 */
export function writeBytes(
  { gpu }: Device,
  { buffer, offset }: Pick<BufferRange, "buffer" | "offset">,
  array: ArrayBufferView,
): void {
  const bytes = new Uint8Array(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);
  const whole = bytes.length - bytes.length % 4;
  gpu.queue.writeBuffer(buffer, offset, bytes, 0, whole);
  if (whole === bytes.length) return;
  const last = new Uint8Array(4);
  last.set(bytes.subarray(whole));
  gpu.queue.writeBuffer(buffer, offset + whole, last);
}

/**
 * Encodes copies of ranges into a buffer, one after the other.
 *
 * @param encoder Outside of a pass.
 * @param ranges What is copied.
 * @param target Where the first of them comes to lie at the beginning.
 */
export function copyRanges(encoder: GPUCommandEncoder, ranges: readonly BufferRange[], target: GPUBuffer): void {
  let end = 0;
  for (const { buffer, offset, size } of ranges) {
    encoder.copyBufferToBuffer(buffer, offset, target, end, size);
    end += size;
  }
}

/**
 * Does something on the device and asks what the device found wrong with it.
 *
 * @param device The device to run on.
 * @param work What; nothing in it may wait.
 * @param what For messages: `build the plan`.
 * @returns What the work gave.
 * @throws {TypeError} If something in it was not valid.
 * @throws {RangeError} If the adapter is out of memory.
 */
export async function checkErrors<T>({ gpu }: Device, work: () => T, what: string): Promise<T> {
  let pushed = 0;
  const errors: Promise<GPUError | null>[] = [];
  let result: T;
  try {
    for (const filter of ["out-of-memory", "validation"] as const) {
      gpu.pushErrorScope(filter);
      pushed++;
    }
    result = work();
  } finally {
    // All of them before anything is awaited: scopes are the device's, and others may push theirs meanwhile.
    for (; pushed > 0; pushed--) errors.push(Promise.try(() => gpu.popErrorScope()));
    await Promise.allSettled(errors);
  }
  const [invalid, full] = await Promise.all(errors);
  if (invalid) throw new TypeError(`Cannot ${what}: ${invalid.message}`);
  if (full) throw new RangeError(`Cannot ${what}: the adapter is out of memory`);
  return result;
}

/**
 * Waits for what was submitted and reads a buffer, which can be written to again afterwards, whatever happens.
 *
 * @param buffer With the usage `MAP_READ`.
 * @returns A copy of its bytes.
 */
export async function readBuffer(buffer: GPUBuffer): Promise<ArrayBuffer> {
  await buffer.mapAsync(GPUMapMode.READ);
  try {
    return buffer.getMappedRange().slice(0);
  } finally {
    buffer.unmap();
  }
}

/**
 * Ends the device and everything on it.
 *
 * @param device The device.
 */
export function closeDevice(device: Device): void {
  device.gpu.destroy();
  device.memory.allocated = 0;
}
