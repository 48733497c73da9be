/**
 * Runs kernels once, with data from and to the CPU: for tests and for trying things. A plan does not use this.
 *
 * @module
 */

import { checkErrors, type Device, ownBuffer, readBuffer } from "./device.ts";
import { type Kernel, parameterBytes, WINDOW_BYTES } from "./kernel.ts";
import { textureRows } from "../operations/shared/tensor_reads.ts";
import { pipelineFor } from "./pipelines.ts";
import { copyToTexture, createTensorTexture, textureRowBytes } from "./texture.ts";

/**
 * The value of a binding: data to upload, a number of bytes to be filled with NaN and read back, or data to `update`, which
 * are uploaded and read back.
 */
export type BindingValue = ArrayBufferView | { readonly bytes: number } | { readonly update: ArrayBufferView };

/** A kernel, and where the binding `weights` begins in its value (bytes, a multiple of 256). */
export interface Dispatch {
  readonly kernel: Kernel;
  readonly weightsOffset?: number;
}

/** Runs one kernel; see {@linkcode runDispatches}. */
export function runKernel(
  device: Device,
  kernel: Kernel,
  values: Readonly<Record<string, BindingValue>>,
): Promise<Record<string, ArrayBuffer>> {
  return runDispatches(device, [{ kernel }], values);
}

/**
 * Runs kernels in order and reads back the bindings that were given as a number of bytes or as an update. The former are
 * filled with NaN (f32 0x7fc0_7fc0, NaN as f16 too) first, so that an element the kernels forget is seen. Bindings of one
 * name are one buffer; a kernel that reads one through a texture finds what the kernels before it wrote.
 *
 * @param device Where.
 * @param dispatches What.
 * @param values One for each name among the kernels' bindings, textures and windows.
 * @returns The bytes of the outputs, by binding name.
 * @throws {TypeError} If a binding has no value, or WGSL or bindings are invalid.
 */
export async function runDispatches(
  device: Device,
  dispatches: readonly Dispatch[],
  values: Readonly<Record<string, BindingValue>>,
): Promise<Record<string, ArrayBuffer>> {
  const { gpu } = device;
  const kernels = dispatches.map(({ kernel }) => kernel);
  using made = new DisposableStack();
  const upload = (name: string, bytes: Uint8Array, usage: number): GPUBuffer => {
    const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
    padded.set(bytes);
    const all = usage | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
    const buffer = ownBuffer(made, device, padded.length, all, name);
    gpu.queue.writeBuffer(buffer, 0, padded);
    return buffer;
  };
  const content = (name: string): Uint8Array => {
    const value = values[name];
    if (!value) throw new TypeError(`Cannot run ${kernels[0].name}: no value for binding "${name}"`);
    if ("bytes" in value) return new Uint8Array(new Uint32Array(Math.ceil(value.bytes / 4)).fill(0x7fc07fc0).buffer);
    const { buffer, byteOffset, byteLength } = "update" in value ? value.update : value;
    return new Uint8Array(buffer, byteOffset, byteLength);
  };
  const submit = () => {
    /** By name: what is read through a texture, and how many of its rows hold something. */
    const textured = new Map(
      kernels.flatMap((kernel) => kernel.textures ?? []).map(({ name, format }) => {
        const rows = textureRows(content(name).length / (format === "rgba16float" ? 8 : 16));
        const texture = made.adopt(createTensorTexture(device, format, rows), (one) => one.destroy());
        return [name, { texture, rows, view: texture.createView() }];
      }),
    );
    /** The copy into a texture takes whole rows. */
    const wholeRows = (name: string): Uint8Array => {
      const bytes = content(name);
      const place = textured.get(name);
      if (!place) return bytes;
      const whole = new Uint8Array(place.rows * textureRowBytes(place.texture.format));
      whole.set(bytes);
      return whole;
    };
    const buffers = new Map<string, GPUBuffer>();
    for (const name of new Set(kernels.flatMap(({ bindings }) => bindings))) {
      buffers.set(name, upload(name, wholeRows(name), GPUBufferUsage.STORAGE));
    }
    for (const name of new Set(kernels.flatMap(({ windows = [] }) => windows))) {
      buffers.set(name, upload(name, content(name), GPUBufferUsage.UNIFORM));
    }
    for (const name of textured.keys()) {
      if (!buffers.has(name)) buffers.set(name, upload(name, wholeRows(name), 0));
    }
    const encoder = gpu.createCommandEncoder();
    for (const { kernel, weightsOffset = 0 } of dispatches) {
      for (const { name } of kernel.textures ?? []) {
        const { texture, rows } = textured.get(name)!;
        copyToTexture(encoder, { buffer: buffers.get(name)!, offset: 0 }, texture, rows);
      }
      const pipeline = pipelineFor(device, kernel);
      const resources: GPUBindingResource[] = [
        ...kernel.bindings.map((name) => ({
          buffer: buffers.get(name)!,
          offset: name === "weights" ? weightsOffset : 0,
        })),
        ...(kernel.textures ?? []).map(({ name }) => textured.get(name)!.view),
        ...(kernel.windows ?? []).map((name) => ({
          buffer: buffers.get(name)!,
          offset: weightsOffset,
          size: WINDOW_BYTES,
        })),
      ];
      if (kernel.parameters.length > 0) {
        resources.push({ buffer: upload("parameters", parameterBytes(kernel.parameters), GPUBufferUsage.UNIFORM) });
      }
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      const entries = resources.map((resource, binding) => ({ binding, resource }));
      pass.setBindGroup(0, gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries }));
      pass.dispatchWorkgroups(...kernel.workgroups);
      pass.end();
    }
    const outputs = Object.entries(values).flatMap(([name, value]) => {
      const buffer = buffers.get(name);
      if (ArrayBuffer.isView(value) || !buffer) return [];
      const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
      const staging = ownBuffer(made, device, buffer.size, usage, `${name} staging`);
      encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
      return [{ name, staging, bytes: "update" in value ? value.update.byteLength : value.bytes }];
    });
    gpu.queue.submit([encoder.finish()]);
    return outputs;
  };
  const outputs = await checkErrors(device, submit, `run ${kernels[0].name}`);
  const read = outputs.map(async ({ name, staging, bytes }) => [name, (await readBuffer(staging)).slice(0, bytes)]);
  // One that fails must not free what another is about to read.
  await Promise.allSettled(read);
  return Object.fromEntries(await Promise.all(read));
}
