/**
 * Runs one kernel once, with data from and to the CPU: for tests and for trying things. A plan does not use this.
 *
 * @module
 */

import { createBuffer, destroyBuffer, type Device } from "./device.ts";
import { type Kernel, parameterBytes } from "./kernel.ts";

const STORAGE = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;

/** The value of a binding: data to upload, or a number of bytes to be filled with NaN and read back. */
export type BindingValue = ArrayBufferView | { readonly bytes: number };

/**
 * Runs a kernel and reads back the bindings that were given as a number of bytes. Those are filled with NaN (f32
 * 0x7fc0_7fc0, NaN as f16 too) first, so that an element the kernel forgets is seen.
 *
 * @param device Where.
 * @param kernel What.
 * @param values One for each name in `kernel.bindings`.
 * @returns The bytes of the outputs, by binding name.
 * @throws {TypeError} If a binding has no value, or WGSL or bindings are invalid.
 */
export async function runKernel(
  device: Device,
  kernel: Kernel,
  values: Readonly<Record<string, BindingValue>>,
): Promise<Record<string, ArrayBuffer>> {
  const { gpu } = device;
  gpu.pushErrorScope("validation");
  const pipeline = createPipeline(gpu, kernel);
  const buffers = kernel.bindings.map((name) => {
    const value = values[name];
    if (!value) throw new TypeError(`Cannot run ${kernel.name}: no value for binding "${name}"`);
    const data = ArrayBuffer.isView(value)
      ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength)
      : new Uint8Array(new Uint32Array(Math.ceil(value.bytes / 4)).fill(0x7fc07fc0).buffer);
    const buffer = createBuffer(device, data.byteLength, STORAGE, name);
    const padded = new Uint8Array(Math.ceil(data.byteLength / 4) * 4);
    padded.set(data);
    gpu.queue.writeBuffer(buffer, 0, padded);
    return buffer;
  });
  const entries: GPUBindGroupEntry[] = buffers.map((buffer, binding) => ({ binding, resource: { buffer } }));
  const created = [...buffers];
  if (kernel.parameters.length > 0) {
    const bytes = parameterBytes(kernel.parameters);
    const uniform = createBuffer(device, bytes.length, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST, "parameters");
    gpu.queue.writeBuffer(uniform, 0, bytes);
    entries.push({ binding: buffers.length, resource: { buffer: uniform } });
    created.push(uniform);
  }
  const group = gpu.createBindGroup({ layout: pipeline.getBindGroupLayout(0), entries });
  const encoder = gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(...kernel.workgroups);
  pass.end();
  const outputs = kernel.bindings.flatMap((name, index) => {
    const value = values[name];
    if (ArrayBuffer.isView(value)) return [];
    const size = buffers[index].size;
    const staging = createBuffer(device, size, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST, `${name} staging`);
    encoder.copyBufferToBuffer(buffers[index], 0, staging, 0, size);
    created.push(staging);
    return [{ name, staging, bytes: value.bytes }];
  });
  gpu.queue.submit([encoder.finish()]);
  await Promise.all(outputs.map(({ staging }) => staging.mapAsync(GPUMapMode.READ)));
  const result: Record<string, ArrayBuffer> = {};
  for (const { name, staging, bytes } of outputs) result[name] = staging.getMappedRange().slice(0, bytes);
  const error = await gpu.popErrorScope();
  for (const buffer of created) destroyBuffer(device, buffer);
  if (error) throw new TypeError(`Cannot run ${kernel.name}: ${error.message}`);
  return result;
}

/** Compiles a kernel; the layout is made from its WGSL. */
export function createPipeline(gpu: GPUDevice, kernel: Kernel): GPUComputePipeline {
  const module = gpu.createShaderModule({ code: kernel.code, label: kernel.name });
  return gpu.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" }, label: kernel.name });
}
