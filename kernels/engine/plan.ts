/**
 * A plan: a program on a device. Buffers, textures, pipelines and bind groups are made once; running it is encoding the
 * same dispatches again.
 *
 * - All tensors lie in one arena; those that are not alive together share memory ({@linkcode layOut}).
 * - A tensor that a kernel reads through a texture is copied there first, unless the texture still holds it. A plan has
 *   one texture for each name a kernel gives to one (`input`, `residual`) and format, as large as the largest tensor read so.
 * - Kernels of the same text share a pipeline (`pipelines.ts`).
 *
 * @module
 */

import { type Arena, layOut, type Lifetime } from "./arena.ts";
import { checkErrors, type Device, ownBuffer, readBuffer } from "./device.ts";
import { type Kernel, parameterBytes, type TextureBinding, WINDOW_BYTES } from "./kernel.ts";
import { forgetPipelines, pipelineFor } from "./pipelines.ts";
import { ALIGNMENT, type Program, type Step } from "./program.ts";
import { copyToTexture, createTensorTexture, textureRowBytes } from "./texture.ts";

/** A range of a buffer. */
export interface BufferRange {
  /** The buffer. */
  readonly buffer: GPUBuffer;
  /** First byte. */
  readonly offset: number;
  /** Number of bytes. */
  readonly size: number;
}

/** A program on a device. */
export interface Plan {
  /**
   * Where a tensor, constant, state or view lies. A tensor's content is there between the step that writes it and the last
   * that reads it.
   *
   * @throws {Deno.errors.BadResource} If the plan is closed.
   */
  tensor(name: string): BufferRange;
  /**
   * Encodes all steps, or those of one part; of these, those whose index in the program is in a range.
   *
   * @throws {Deno.errors.BadResource} If the plan is closed.
   */
  encode(encoder: GPUCommandEncoder, part?: string, range?: StepRange): void;
  /**
   * Runs all steps once, each in a pass of its own, and measures them.
   *
   * @returns Kernel names and milliseconds in order; a step's time includes the copies into its textures.
   * @throws {Deno.errors.NotSupported} If the adapter has no timestamps.
   * @throws {Deno.errors.BadResource} If the plan is closed.
   */
  measure(): Promise<{ name: string; milliseconds: number }[]>;
  readonly bytes: PlanBytes;
  /** Frees what the plan holds. */
  close(): void;
}

/** Steps of a program from `start` to before `end`. A part's ranges are to be run in order, with nothing in between. */
export interface StepRange {
  readonly start: number;
  readonly end: number;
}

/** What a plan takes on the device, bytes. */
export interface PlanBytes {
  readonly arena: number;
  /** The most that tensors which are alive together take: what the arena would be at best. */
  readonly arenaLowerBound: number;
  readonly constants: number;
  readonly states: number;
  readonly textures: number;
}

type Action =
  & ({ readonly copy: CopyAction } | { readonly dispatch: DispatchAction })
  & { readonly part?: string; readonly step: number };

interface CopyAction {
  readonly source: GPUBuffer;
  readonly offset: number;
  readonly texture: GPUTexture;
  readonly rows: number;
}

interface DispatchAction {
  readonly name: string;
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly workgroups: Kernel["workgroups"];
}

/**
 * Puts a program on a device.
 *
 * @param device Where.
 * @param program What. Its constants are made and uploaded one after the other.
 * @param options `inputs`: tensors written before the first step; `outputs`: tensors read after the last one.
 * @returns The plan; close it when done.
 * @throws {RangeError} If a tensor or the arena exceeds the adapter's limits.
 * @throws {TypeError} If the adapter's compiler refuses a kernel.
 */
export async function createPlan(
  device: Device,
  program: Program,
  options: Ends,
): Promise<Plan> {
  const { gpu, capabilities } = device;
  const { steps } = program;
  const formats = steps.flatMap(({ kernel }) => kernel.textures ?? []).map(({ format }) => format);
  // Copies to textures take whole rows: that of the arena's last tensor must not reach beyond its end.
  const margin = Math.max(0, ...new Set(formats.map(textureRowBytes)));
  const arena = layOutProgram(program, options);
  const limit = Math.min(capabilities.maxBindingBytes, capabilities.maxBufferBytes);
  for (const [name, bytes] of program.tensors) {
    if (bytes > limit) {
      throw new RangeError(
        `Cannot lay out tensor "${name}": ${bytes} bytes exceed the adapter's ${limit} a binding; ` +
          "a smaller batch or image size fits",
      );
    }
  }
  using made = new DisposableStack();
  const create = (bytes: number, usage: number, label: string) => ownBuffer(made, device, bytes, usage, label);
  const textures = new Map<string, GPUTexture>();
  let owned = made;
  const build = (): Plan => {
    const arenaBuffer = create(
      arena.bytes + margin,
      GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
      "the arena of activations",
    );
    const constants = uploadConstants(device, program, create);
    const states = createStates(program, create);
    const uniforms = uploadParameters(device, steps, create);
    let textureBytes = 0;
    for (const { kernel, bindings } of steps) {
      for (const texture of kernel.textures ?? []) {
        const key = textureKey(texture);
        if (textures.has(key)) continue;
        if (!program.tensors.has(bindings[texture.name])) {
          throw new TypeError(`Cannot read "${bindings[texture.name]}" as a texture`);
        }
        const rows = largestRows(program, key);
        textures.set(key, made.adopt(createTensorTexture(device, texture.format, rows), (one) => one.destroy()));
        textureBytes += (rows + 1) * textureRowBytes(texture.format);
      }
    }
    const range = (name: string): BufferRange => {
      const offset = arena.offsets.get(name);
      if (offset !== undefined) return { buffer: arenaBuffer, offset, size: program.tensors.get(name)! };
      const view = program.views?.get(name);
      if (view) return { buffer: states.get(view.state)!, offset: view.offset, size: view.bytes };
      const buffer = constants.get(name) ?? states.get(name);
      if (!buffer) throw new TypeError(`Cannot find "${name}" among the program's tensors, constants and states`);
      return { buffer, offset: 0, size: buffer.size };
    };
    const views = new Map([...textures].map(([key, texture]) => [key, texture.createView()]));
    const held = new Map<string, string>();
    const actions: Action[] = [];
    steps.forEach((step, index) => {
      const { kernel, bindings, weightsOffset = 0, part } = step;
      // Another part may have run in between.
      if (part !== steps[index - 1]?.part) held.clear();
      for (const read of kernel.textures ?? []) {
        const { name } = read;
        const key = textureKey(read);
        if (held.get(key) === bindings[name]) continue;
        const texture = textures.get(key)!;
        const { buffer: source, offset, size } = range(bindings[name]);
        const rows = Math.ceil(size / textureRowBytes(texture.format));
        actions.push({ copy: { source, offset, texture, rows }, part, step: index });
        held.set(key, bindings[name]);
      }
      const pipeline = pipelineFor(device, kernel);
      const resources: GPUBindingResource[] = [
        ...kernel.bindings.map((name) => {
          const whole = range(bindings[name]);
          return name === "weights"
            ? { ...whole, offset: whole.offset + weightsOffset, size: whole.size - weightsOffset }
            : whole;
        }),
        ...(kernel.textures ?? []).map((texture) => views.get(textureKey(texture))!),
        ...(kernel.windows ?? []).map((name) => {
          const { buffer, offset } = range(bindings[name]);
          return { buffer, offset: offset + weightsOffset, size: WINDOW_BYTES };
        }),
        ...(kernel.parameters.length > 0 ? [uniforms[index]] : []),
      ];
      const group = gpu.createBindGroup({
        label: kernel.name,
        layout: pipeline.getBindGroupLayout(0),
        entries: resources.map((resource, binding) => ({ binding, resource })),
      });
      actions.push({
        dispatch: { name: kernel.name, pipeline, group, workgroups: kernel.workgroups },
        part,
        step: index,
      });
      // What a step writes makes a texture that held it stale.
      for (const name of kernel.bindings) {
        for (const [texture, tensor] of held) if (tensor === bindings[name]) held.delete(texture);
      }
    });
    const parts = Map.groupBy(actions, ({ part }) => part);
    const checkOpen = () => {
      if (owned.disposed) throw new Deno.errors.BadResource("Cannot run a program on the device: its plan is closed");
    };
    return {
      tensor(name) {
        checkOpen();
        return range(name);
      },
      encode(encoder, part, range) {
        checkOpen();
        const chosen = part === undefined ? actions : parts.get(part) ?? [];
        encodeActions(
          encoder,
          range ? chosen.filter(({ step }) => step >= range.start && step < range.end) : chosen,
        );
      },
      async measure() {
        checkOpen();
        return await measureActions(device, actions);
      },
      bytes: {
        arena: arena.bytes,
        arenaLowerBound: arena.lowerBound,
        constants: totalSize(constants),
        states: totalSize(states),
        textures: textureBytes,
      },
      close: () => owned.dispose(),
    };
  };
  let built: Plan | undefined;
  let plan: Plan;
  try {
    plan = await checkErrors(device, () => built = build(), "build the plan");
  } catch (error) {
    if (built) forgetPipelines(device, steps.map(({ kernel }) => kernel));
    throw error;
  }
  owned = made.move();
  return plan;
}

/** What is in memory before the first step and after the last one. */
interface Ends {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

/**
 * Lays out a program's tensors, as {@linkcode createPlan} does.
 *
 * @param program The program.
 * @param ends Tensors written before the first step, and read after the last one.
 * @returns Where they lie.
 */
export function layOutProgram(program: Program, ends: Ends): Arena {
  return layOut(lifetimes(program, ends), ALIGNMENT);
}

function lifetimes(
  { tensors, steps }: Program,
  { inputs, outputs }: Ends,
): Map<string, Lifetime> {
  const spans = new Map<string, { first: number; last: number }>();
  const touch = (name: string, step: number) => {
    if (!tensors.has(name)) return;
    const span = spans.get(name);
    if (span) span.last = Math.max(span.last, step);
    else spans.set(name, { first: step, last: step });
  };
  for (const name of inputs) touch(name, -1);
  steps.forEach(({ kernel, bindings }, step) => {
    for (const name of [...kernel.bindings, ...(kernel.textures ?? []).map(({ name }) => name)]) {
      touch(bindings[name], step);
    }
  });
  for (const name of outputs) touch(name, steps.length);
  return new Map([...spans].map(([name, span]) => [name, { ...span, bytes: tensors.get(name)! }]));
}

/** A plan has one texture for each name a kernel gives to one, and each format. */
function textureKey({ name, format }: TextureBinding): string {
  return `${name} ${format}`;
}

function largestRows({ steps, tensors }: Program, key: string): number {
  let rows = 0;
  for (const { kernel, bindings } of steps) {
    for (const texture of kernel.textures ?? []) {
      if (textureKey(texture) !== key) continue;
      rows = Math.max(rows, Math.ceil(tensors.get(bindings[texture.name])! / textureRowBytes(texture.format)));
    }
  }
  return rows;
}

function uploadConstants(
  { gpu }: Device,
  program: Program,
  create: (bytes: number, usage: number, label: string) => GPUBuffer,
): Map<string, GPUBuffer> {
  const buffers = new Map<string, GPUBuffer>();
  const windows = new Set(
    program.steps.flatMap(({ kernel, bindings }) => (kernel.windows ?? []).map((n) => bindings[n])),
  );
  for (const [name, make] of program.constants) {
    const data = make();
    const usage = windows.has(name) ? GPUBufferUsage.UNIFORM : GPUBufferUsage.STORAGE;
    const buffer = create(data.byteLength, usage | GPUBufferUsage.COPY_DST, name);
    gpu.queue.writeBuffer(buffer, 0, data);
    buffers.set(name, buffer);
  }
  return buffers;
}

function createStates(
  { states = new Map(), views, steps }: Program,
  create: (bytes: number, usage: number, label: string) => GPUBuffer,
): Map<string, GPUBuffer> {
  const windows = new Set(
    steps.flatMap(({ kernel, bindings }) =>
      (kernel.windows ?? []).map((name) => views?.get(bindings[name])?.state ?? bindings[name])
    ),
  );
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  return new Map(
    [...states].map(([name, bytes]) => [
      name,
      create(bytes, windows.has(name) ? usage | GPUBufferUsage.UNIFORM : usage, name),
    ]),
  );
}

function totalSize(buffers: ReadonlyMap<string, GPUBuffer>): number {
  return buffers.values().reduce((sum, { size }) => sum + size, 0);
}

/** All uniform blocks in one buffer; the range of each step. */
function uploadParameters(
  { gpu }: Device,
  steps: readonly Step[],
  create: (bytes: number, usage: number, label: string) => GPUBuffer,
): BufferRange[] {
  const blocks = steps.map(({ kernel }) => parameterBytes(kernel.parameters));
  const offsets: number[] = [];
  let end = 0;
  for (const { length } of blocks) {
    offsets.push(end);
    end += Math.ceil(length / ALIGNMENT) * ALIGNMENT;
  }
  const all = new Uint8Array(end);
  blocks.forEach((block, index) => all.set(block, offsets[index]));
  const buffer = create(end, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST, "parameters");
  gpu.queue.writeBuffer(buffer, 0, all);
  return blocks.map(({ length }, index) => ({ buffer, offset: offsets[index], size: length }));
}

function encodeActions(encoder: GPUCommandEncoder, actions: readonly Action[]): void {
  let pass: GPUComputePassEncoder | undefined;
  for (const action of actions) {
    if ("copy" in action) {
      pass?.end();
      pass = undefined;
      encodeCopy(encoder, action.copy);
      continue;
    }
    pass ??= encoder.beginComputePass();
    encodeDispatch(pass, action.dispatch);
  }
  pass?.end();
}

function encodeCopy(encoder: GPUCommandEncoder, { source, offset, texture, rows }: CopyAction): void {
  copyToTexture(encoder, { buffer: source, offset }, texture, rows);
}

function encodeDispatch(pass: GPUComputePassEncoder, { pipeline, group, workgroups }: DispatchAction): void {
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(...workgroups);
}

async function measureActions(device: Device, actions: readonly Action[]) {
  const { gpu, capabilities } = device;
  if (!capabilities.timestamps) {
    throw new Deno.errors.NotSupported(`Cannot measure kernels: the adapter ${capabilities.adapter} has no timestamps`);
  }
  const dispatches = actions.filter((action) => "dispatch" in action).map(({ dispatch }) => dispatch);
  // The end of every pass; a step lasts from the end of the one before.
  const count = dispatches.length + 1;
  using made = new DisposableStack();
  const own = (usage: number) => ownBuffer(made, device, count * 8, usage, "timestamps");
  const times = own(GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC);
  const staging = own(GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST);
  const querySet = made.adopt(gpu.createQuerySet({ type: "timestamp", count }), (set) => set.destroy());
  const encoder = gpu.createCommandEncoder();
  encoder.beginComputePass({ timestampWrites: { querySet, endOfPassWriteIndex: 0 } }).end();
  let index = 0;
  for (const action of actions) {
    if ("copy" in action) {
      encodeCopy(encoder, action.copy);
      continue;
    }
    const pass = encoder.beginComputePass({ timestampWrites: { querySet, endOfPassWriteIndex: ++index } });
    encodeDispatch(pass, action.dispatch);
    pass.end();
  }
  encoder.resolveQuerySet(querySet, 0, count, times, 0);
  encoder.copyBufferToBuffer(times, 0, staging, 0, count * 8);
  gpu.queue.submit([encoder.finish()]);
  const nanoseconds = new BigUint64Array(await readBuffer(staging));
  return dispatches.map(({ name }, step) => ({
    name,
    milliseconds: Number(nanoseconds[step + 1] - nanoseconds[step]) / 1e6,
  }));
}
