/**
 * Runs kernels once, with data from and to the CPU: for tests and for trying things. A plan does not use this.
 *
 * @module
 */

import { checkErrors, type Device, ownBuffer, readBuffer, wholeBuffer } from "./device.ts";
import { type Kernel, parameterBytes, type TextureBinding } from "./kernel.ts";
import { bindKernel, encodeDispatch } from "./pipelines.ts";
import { copyToTexture, createTensorTexture, textureRowBytes, textureRows } from "./texture.ts";

/**
 * The value of a binding: data to upload, a number of bytes to be filled with NaN and read back, or data to `update`, which
 * are uploaded and read back.
 */
export type BindingValue = ArrayBufferView | { readonly bytes: number } | { readonly update: ArrayBufferView };

/** Values by the names of bindings. */
export type BindingValues = Readonly<Record<string, BindingValue>>;

/** Runs one kernel; see {@linkcode runKernels}. */
export function runKernel(
  device: Device,
  kernel: Kernel,
  values: BindingValues,
): Promise<Record<string, ArrayBuffer>> {
  return runKernels(device, [kernel], values);
}

/**
 * Runs kernels in order and reads back the bindings that were given as a number of bytes or as an update. The former are
 * filled with NaN (f32 0x7fc0_7fc0, NaN as f16 too) first, so that an element the kernels forget is seen. Bindings of one
 * name are one buffer; a kernel that reads one through a texture finds what the kernels before it wrote.
 *
 * @param device The device to run on.
 * @param kernels The kernels, in order.
 * @param values One for each name among the kernels' bindings; scratch may be left out.
 * @returns The bytes of the outputs, by binding name.
 * @throws {TypeError} If a binding has no value, or WGSL or bindings are invalid.
 */
export async function runKernels(
  device: Device,
  kernels: readonly Kernel[],
  values: BindingValues,
): Promise<Record<string, ArrayBuffer>> {
  using made = new DisposableStack();
  const outputs = await checkErrors(device, () => submit(device, kernels, values, made), `run ${kernels[0].name}`);
  const read = outputs.map(async ({ name, staging, bytes }) => [name, (await readBuffer(staging)).slice(0, bytes)]);
  // One that fails must not free what another is about to read.
  await Promise.allSettled(read);
  return Object.fromEntries(await Promise.all(read));
}

/** A buffer to be read. */
interface Output {
  readonly name: string;
  readonly staging: GPUBuffer;
  readonly bytes: number;
}

function submit(
  device: Device,
  kernels: readonly Kernel[],
  values: BindingValues,
  made: DisposableStack,
): Output[] {
  const { gpu } = device;
  const upload = (bytes: Uint8Array, usage: number, label: string): GPUBuffer => {
    const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
    padded.set(bytes);
    const all = usage | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC;
    const buffer = ownBuffer(made, device, padded.length, all, label);
    gpu.queue.writeBuffer(buffer, 0, padded);
    return buffer;
  };
  const buffers = uploadValues(kernels, values, upload);
  const encoder = gpu.createCommandEncoder();
  const views = new Map<string, GPUTextureView>();
  for (const kernel of kernels) {
    for (const binding of kernel.bindings) {
      if (binding.kind !== "texture") continue;
      const { name, format } = binding;
      const rows = textureRows(contentOf(binding, kernels, values).length, format);
      const texture = made.adopt(createTensorTexture(device, format, rows), (one) => one.destroy());
      copyToTexture(encoder, { buffer: buffers.get(name)!, offset: 0 }, texture, rows);
      views.set(name, texture.createView());
    }
    const bound = bindKernel(device, kernel, {
      range: ({ name }) => wholeBuffer(buffers.get(name)!),
      view: ({ name }) => views.get(name)!,
      ...(kernel.parameters.length > 0
        ? { parameters: { buffer: upload(parameterBytes(kernel.parameters), GPUBufferUsage.UNIFORM, "parameters") } }
        : {}),
    });
    const pass = encoder.beginComputePass();
    encodeDispatch(pass, bound);
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
}

/** Uploads what kernels bind, by name. */
function uploadValues(
  kernels: readonly Kernel[],
  values: BindingValues,
  upload: (bytes: Uint8Array, usage: number, label: string) => GPUBuffer,
): Map<string, GPUBuffer> {
  const byName = Map.groupBy(kernels.flatMap(({ bindings }) => bindings), ({ name }) => name);
  return new Map([...byName].map(([name, bindings]) => {
    const content = contentOf(bindings[0], kernels, values);
    const formats = bindings.filter((binding): binding is TextureBinding => binding.kind === "texture");
    // The copy into a texture takes whole rows.
    const whole = Math.max(
      content.length,
      ...formats.map(({ format }) => textureRows(content.length, format) * textureRowBytes(format)),
    );
    const bytes = new Uint8Array(whole);
    bytes.set(content);
    const isWindow = bindings.some(({ kind }) => kind === "window");
    return [name, upload(bytes, isWindow ? GPUBufferUsage.UNIFORM : GPUBufferUsage.STORAGE, name)];
  }));
}

function contentOf({ name }: { name: string }, kernels: readonly Kernel[], values: BindingValues): Uint8Array {
  const value = values[name] ?? scratchOf(name, kernels);
  if (!value) throw new TypeError(`Cannot run ${kernels[0].name}: no value for binding "${name}"`);
  if ("bytes" in value) return new Uint8Array(new Uint32Array(Math.ceil(value.bytes / 4)).fill(0x7fc07fc0).buffer);
  const { buffer, byteOffset, byteLength } = "update" in value ? value.update : value;
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** What the kernels declare as scratch under a name. */
function scratchOf(name: string, kernels: readonly Kernel[]): { bytes: number } | undefined {
  return kernels.flatMap(({ bindings }) => bindings).find((binding) =>
    binding.kind === "scratch" && binding.name === name
  ) as { bytes: number } | undefined;
}
