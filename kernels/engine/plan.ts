/**
 * A plan: a program on a device. Buffers, textures, pipelines and bind groups are made once; running it is encoding the
 * same dispatches again.
 *
 * - All tensors lie in one arena; those that are not alive together share memory ({@linkcode layOut}).
 * - A tensor or view that a kernel reads through a texture is copied there first, unless the texture still holds it. A plan
 *   has one texture for each name a kernel gives to one (`input`, `residual`) and format, as large as the largest read so. A
 *   constant has a texture of its own, and a buffer only where kernels read it from one.
 * - Kernels of the same text share a pipeline (`pipelines.ts`).
 *
 * @module
 */

import { bytesOf } from "../../formats/base/bytes.ts";
import { type Arena, layOut, type Lifetime } from "./arena.ts";
import { type BufferRange, checkErrors, type Device, ownBuffer, wholeBuffer } from "./device.ts";
import { isWritten, parameterBytes, type TextureBinding, type TextureFormat } from "./kernel.ts";
import { bindKernel, type BoundKernel, encodeDispatch, forgetPipelines } from "./pipelines.ts";
import { ALIGNMENT, arenaTensors, type Program, type Step } from "./program.ts";
import { readTimestamps } from "./timestamps.ts";
import { chooseKernels, tuneLayers } from "./tuning.ts";
import { copyToTexture, createTensorTexture, textureRowBytes, textureRows } from "./texture.ts";

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
   * @returns Times in the order of the steps; a step's time includes the copies into its textures.
   * @throws {Deno.errors.NotSupported} If the adapter has no timestamps.
   * @throws {Deno.errors.BadResource} If the plan is closed.
   */
  measure(): Promise<StepTime[]>;
  readonly bytes: PlanBytes;
  /** Frees what the plan holds. */
  close(): void;
}

/** How long a step took. */
export interface StepTime {
  /** Name of the dispatch's kernel. */
  readonly name: string;
  /** The step's role in its program, where it has one. */
  readonly role?: string;
  /** Milliseconds, by the adapter's clock. */
  readonly milliseconds: number;
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

/** What is encoded for a step: copies of tensors into the textures that it reads, and its dispatch. */
type Action =
  & ({ readonly copy: TextureCopy } | { readonly dispatch: BoundKernel })
  & { readonly step: number; readonly part?: string; readonly role?: string };

interface TextureCopy {
  readonly source: GPUBuffer;
  readonly offset: number;
  readonly texture: GPUTexture;
  readonly rows: number;
}

/** Makes a buffer that is freed with the plan. */
type CreateBuffer = (bytes: number, usage: number, label: string) => GPUBuffer;

/**
 * Puts a program on a device.
 *
 * @param device The device to run on.
 * @param program What. Its constants are made and uploaded one after the other.
 * @param ends Tensors written before the first step, and read after the last one.
 * @returns The plan; close it when done.
 * @throws {RangeError} If a tensor or the arena exceeds the adapter's limits.
 * @throws {TypeError} If the adapter's compiler refuses a kernel, or a step binds what the program does not have.
 */
export async function createPlan(
  device: Device,
  program: Program,
  ends: Ends,
): Promise<Plan> {
  checkSizes(device, program);
  using made = new DisposableStack();
  let built: BuiltPlan | undefined;
  try {
    const constants = await uploadConstants(device, program, made);
    const build = () => built = buildPlan(device, program, { ends, constants }, made);
    let plan = await checkErrors(device, build, "build the plan");
    if (device.tuning && await tuneLayers(device, program, plan.bind) > 0) {
      plan = { ...plan, actions: await checkErrors(device, plan.list, "build the plan") };
    }
    return runnable(device, plan, made.move());
  } catch (error) {
    if (built) forgetPipelines(device, program.steps.map(({ kernel }) => kernel));
    throw error;
  }
}

function checkSizes({ capabilities }: Device, program: Program): void {
  const limit = Math.min(capabilities.maxBindingBytes, capabilities.maxBufferBytes);
  for (const [name, bytes] of arenaTensors(program)) {
    if (bytes <= limit) continue;
    throw new RangeError(
      `Cannot lay out tensor "${name}": ${bytes} bytes exceed the adapter's ${limit} a binding; ` +
        "a smaller batch or image size fits",
    );
  }
}

/** All that a plan holds on the device. */
interface BuiltPlan {
  /** Where a tensor, constant, state or view lies. */
  readonly range: (name: string) => BufferRange;
  readonly actions: readonly Action[];
  readonly bytes: PlanBytes;
  /** Lists the actions of the kernels that the device's tuning chooses. */
  list(): Action[];
  /** Binds one step; `owner` frees its parameters. */
  bind(step: Step, owner: DisposableStack): BoundKernel;
}

/** What is on the device before a plan is built, and what is in its tensors before the first step and after the last. */
interface Given {
  readonly ends: Ends;
  readonly constants: UploadedConstants;
}

/** The constants on the device: buffers by name, textures by name and format ({@linkcode constantKey}). */
interface UploadedConstants {
  readonly buffers: Map<string, GPUBuffer>;
  readonly textures: Map<string, PlanTexture>;
}

/** Makes what a plan holds; `owner` frees it. */
function buildPlan(device: Device, program: Program, given: Given, owner: DisposableStack): BuiltPlan {
  const create: CreateBuffer = (bytes, usage, label) => ownBuffer(owner, device, bytes, usage, label);
  const { range, bytes } = placeProgram(program, given, create);
  const textures = createTextures(device, program, owner);
  const resources = { range, textures, constants: given.constants.textures };
  const list = () => {
    const chosen = chooseKernels(program, device.tuning?.choices);
    return listActions(device, chosen, { ...resources, parameters: uploadParameters(device, chosen.steps, create) });
  };
  return {
    range,
    actions: list(),
    bytes: { ...bytes, textures: textureBytes(textures) },
    list,
    bind(step, owner) {
      const own: CreateBuffer = (bytes, usage, label) => ownBuffer(owner, device, bytes, usage, label);
      return bindStep(device, step, { ...resources, parameters: uploadParameters(device, [step], own)[0] });
    },
  };
}

/** What is built, to be run as long as `owned` is not disposed. */
function runnable(device: Device, { range, actions, bytes }: BuiltPlan, owned: DisposableStack): Plan {
  const parts = Map.groupBy(actions, ({ part }) => part);
  const checkOpen = () => {
    if (owned.disposed) throw new Deno.errors.BadResource("Cannot run a program on the device: its plan is closed");
  };
  return {
    tensor(name) {
      checkOpen();
      return range(name);
    },
    encode(encoder, part, steps) {
      checkOpen();
      const chosen = part === undefined ? actions : parts.get(part) ?? [];
      encodeActions(
        encoder,
        steps ? chosen.filter(({ step }) => step >= steps.start && step < steps.end) : chosen,
      );
    },
    async measure() {
      checkOpen();
      return await measureActions(device, actions);
    },
    bytes,
    close: () => owned.dispose(),
  };
}

/** Makes the buffers of a program, and says where all that it names lies, except constants that are only in textures. */
function placeProgram(program: Program, { ends, constants }: Given, create: CreateBuffer) {
  const arena = layOutProgram(program, ends);
  // Copies to textures take whole rows: that of the arena's last tensor must not reach beyond its end.
  const margins = new Set(textureReads(program.steps).map(({ binding }) => textureRowBytes(binding.format)));
  const buffer = create(
    arena.bytes + Math.max(0, ...margins),
    GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
    "the arena of activations",
  );
  const states = createStates(program, create);
  const sizes = arenaTensors(program);
  const range = (name: string): BufferRange => {
    const offset = arena.offsets.get(name);
    if (offset !== undefined) return { buffer, offset, size: sizes.get(name)! };
    const view = program.views?.get(name);
    if (view) return { buffer: states.get(view.state)!, offset: view.offset, size: view.bytes };
    const own = constants.buffers.get(name) ?? states.get(name);
    if (!own) throw new TypeError(`Cannot find "${name}" among the program's tensors, constants and states`);
    return wholeBuffer(own);
  };
  const bytes = {
    arena: arena.bytes,
    arenaLowerBound: arena.lowerBound,
    constants: totalSize(constants.buffers) + textureBytes(constants.textures),
    states: totalSize(states),
  };
  return { range, bytes };
}

/** A texture of a plan. */
interface PlanTexture {
  readonly texture: GPUTexture;
  /** The view that kernels read. */
  readonly view: GPUTextureView;
  readonly bytes: number;
}

/** The textures by {@linkcode textureKey}, each as large as the largest tensor or view that is read through it. */
function createTextures(device: Device, program: Program, owner: DisposableStack): Map<string, PlanTexture> {
  const { constants, views, steps } = program;
  const sizes = arenaTensors(program);
  const largest = new Map<string, { format: TextureFormat; rows: number }>();
  for (const { binding, tensor } of textureReads(steps)) {
    if (constants.has(tensor)) continue;
    const bytes = sizes.get(tensor) ?? views?.get(tensor)?.bytes;
    if (bytes === undefined) throw new TypeError(`Cannot read "${tensor}" as a texture`);
    const { format } = binding;
    const known = largest.get(textureKey(binding))?.rows ?? 0;
    largest.set(textureKey(binding), { format, rows: Math.max(known, textureRows(bytes, format)) });
  }
  return new Map([...largest].map(([key, { format, rows }]) => [key, createPlanTexture(device, format, rows, owner)]));
}

/** Makes a texture; `owner` frees it. */
function createPlanTexture(device: Device, format: TextureFormat, rows: number, owner: DisposableStack): PlanTexture {
  const texture = owner.adopt(createTensorTexture(device, format, rows), (one) => one.destroy());
  return { texture, view: texture.createView(), bytes: texture.height * textureRowBytes(format) };
}

function textureBytes(textures: ReadonlyMap<string, PlanTexture>): number {
  return textures.values().reduce((sum, { bytes }) => sum + bytes, 0);
}

/** What steps read through textures, in order, with the names of the tensors. */
function textureReads(steps: readonly Step[]): { binding: TextureBinding; tensor: string }[] {
  return steps.flatMap(({ kernel, bindings }) =>
    kernel.bindings.flatMap((binding) =>
      binding.kind === "texture" ? [{ binding, tensor: bindings[binding.name] }] : []
    )
  );
}

/** A plan has one texture for each name a kernel gives to one, and each format. */
function textureKey({ name, format }: TextureBinding): string {
  return `${name} ${format}`;
}

/** A constant has a texture for each format that it is read in. */
function constantKey(constant: string, format: TextureFormat): string {
  return `${constant} ${format}`;
}

/** What steps are bound to. */
interface Resources {
  readonly range: (name: string) => BufferRange;
  readonly textures: ReadonlyMap<string, PlanTexture>;
  readonly constants: ReadonlyMap<string, PlanTexture>;
}

function bindStep(
  device: Device,
  { kernel, bindings }: Step,
  { range, textures, constants, parameters }: Resources & { readonly parameters: BufferRange },
): BoundKernel {
  return bindKernel(device, kernel, {
    range: ({ name }) => range(bindings[name]),
    view: (binding) =>
      (constants.get(constantKey(bindings[binding.name], binding.format)) ?? textures.get(textureKey(binding))!).view,
    parameters,
  });
}

/** Binds the steps, and finds out which tensors are to be copied into textures before each. */
function listActions(
  device: Device,
  { steps, views }: Program,
  { parameters, ...resources }: Resources & { readonly parameters: readonly BufferRange[] },
): Action[] {
  const { range, textures, constants } = resources;
  /** Names of the tensors that the textures hold. */
  const held = new Map<string, string>();
  const stateOf = (name: string) => views?.get(name)?.state ?? name;
  return steps.flatMap((step, index): Action[] => {
    const { kernel, bindings, part, role } = step;
    // Another part may have run in between.
    if (part !== steps[index - 1]?.part) held.clear();
    const copies = textureReads([step]).flatMap(({ binding, tensor }) => {
      const key = textureKey(binding);
      if (held.get(key) === tensor || constants.has(constantKey(tensor, binding.format))) return [];
      held.set(key, tensor);
      const { buffer: source, offset, size } = range(tensor);
      return [{ source, offset, texture: textures.get(key)!.texture, rows: textureRows(size, binding.format) }];
    });
    const dispatch = bindStep(device, step, { ...resources, parameters: parameters[index] });
    // What a step writes makes a texture that held it stale.
    const written = new Set(kernel.bindings.filter(isWritten).map(({ name }) => stateOf(bindings[name])));
    for (const [texture, tensor] of held) if (written.has(stateOf(tensor))) held.delete(texture);
    const place = { step: index, part, role };
    return [...copies.map((copy) => ({ copy, ...place })), { dispatch, ...place }];
  });
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
 * @returns Offsets of the program's tensors.
 */
export function layOutProgram(program: Program, ends: Ends): Arena {
  return layOut(lifetimes(program, ends), ALIGNMENT);
}

function lifetimes(program: Program, { inputs, outputs }: Ends): Map<string, Lifetime> {
  const { steps } = program;
  const sizes = arenaTensors(program);
  const spans = new Map<string, { first: number; last: number }>();
  const touch = (name: string, step: number) => {
    if (!sizes.has(name)) return;
    const span = spans.get(name);
    if (span) span.last = Math.max(span.last, step);
    else spans.set(name, { first: step, last: step });
  };
  for (const name of inputs) touch(name, -1);
  steps.forEach(({ kernel, bindings }, step) => {
    for (const { name } of kernel.bindings) touch(bindings[name], step);
  });
  for (const name of outputs) touch(name, steps.length);
  return new Map([...spans].map(([name, span]) => [name, { ...span, bytes: sizes.get(name)! }]));
}

/** Names of what kernels read from uniform windows. */
function windowed(steps: readonly Step[]): Set<string> {
  return new Set(
    steps.flatMap(({ kernel, bindings }) =>
      kernel.bindings.filter(({ kind }) => kind === "window").map(({ name }) => bindings[name])
    ),
  );
}

/**
 * Bytes of constants that are on their way to the device at once. They go through one buffer: for what is written by the
 * queue the device makes copies of its own, which come to lie among the constants and leave holes there, a quarter of the
 * weights of a large network where device and CPU share memory.
 */
const UPLOADED_AT_ONCE = 16 * 2 ** 20;

/** Bytes of a constant that are copied together, at most: whole rows of a texture. */
const SLICE = 2 ** 20;

/** A copy into a texture begins at a multiple of its texel's bytes, of which there are at most so many. */
const TEXEL_BYTES = 16;

/** Bytes of an array from which on it is freed once it is written, and not when the collector finds it. */
const FREED = 2 ** 20;

/** Some bytes of a constant, and where they belong. */
interface ConstantSlice {
  readonly bytes: Uint8Array;
  /** Bytes that are copied, for a texture whole rows. */
  readonly length: number;
  /** Encodes the copy. */
  copy(encoder: GPUCommandEncoder, source: { buffer: GPUBuffer; offset: number }): void;
}

/** Makes the constants one after the other, and buffer or textures of each; `owner` frees them. */
async function uploadConstants(
  device: Device,
  program: Program,
  owner: DisposableStack,
): Promise<UploadedConstants> {
  const { gpu } = device;
  using made = new DisposableStack();
  const usage = GPUBufferUsage.MAP_WRITE | GPUBufferUsage.COPY_SRC;
  const staging = ownBuffer(made, device, UPLOADED_AT_ONCE, usage, "constants on their way");
  const uploaded: UploadedConstants = { buffers: new Map(), textures: new Map() };
  const slices = constantSlices(device, program, owner, uploaded);
  let next: IteratorResult<ConstantSlice> | undefined;
  const uploadSome = () => {
    const mapped = new Uint8Array(staging.getMappedRange());
    const encoder = gpu.createCommandEncoder();
    next ??= slices.next();
    for (let filled = 0; !next.done && filled + next.value.length <= mapped.length; next = slices.next()) {
      const { bytes, length, copy } = next.value;
      mapped.set(bytes, filled);
      copy(encoder, { buffer: staging, offset: filled });
      filled += Math.ceil(length / TEXEL_BYTES) * TEXEL_BYTES;
    }
    staging.unmap();
    gpu.queue.submit([encoder.finish()]);
  };
  while (!next?.done) {
    await staging.mapAsync(GPUMapMode.WRITE);
    await checkErrors(device, uploadSome, "build the plan");
  }
  return uploaded;
}

/** Makes the constants, their buffers and textures, and gives each slice by slice. */
function* constantSlices(
  device: Device,
  { constants, steps }: Program,
  owner: DisposableStack,
  { buffers, textures }: UploadedConstants,
): Generator<ConstantSlice> {
  const windows = windowed(steps);
  const reads = Map.groupBy(textureReads(steps), ({ tensor }) => tensor);
  const bound = new Set(
    steps.flatMap(({ kernel, bindings }) =>
      kernel.bindings.flatMap(({ kind, name }) => kind === "texture" ? [] : [bindings[name]])
    ),
  );
  for (const [name, make] of constants) {
    const data = make();
    const all = bytesOf(data);
    const read = reads.get(name) ?? [];
    if (bound.has(name) || read.length === 0) {
      const usage = windows.has(name) ? GPUBufferUsage.UNIFORM : GPUBufferUsage.STORAGE;
      const buffer = ownBuffer(owner, device, all.length, usage | GPUBufferUsage.COPY_DST, name);
      buffers.set(name, buffer);
      for (let offset = 0; offset < all.length; offset += SLICE) {
        const bytes = all.subarray(offset, offset + SLICE);
        const copy: ConstantSlice["copy"] = (encoder, source) =>
          encoder.copyBufferToBuffer(source.buffer, source.offset, buffer, offset, bytes.length);
        yield { bytes, length: bytes.length, copy };
      }
    }
    for (const format of new Set(read.map(({ binding }) => binding.format))) {
      const made = createPlanTexture(device, format, textureRows(all.length, format), owner);
      textures.set(constantKey(name, format), made);
      for (let offset = 0; offset < all.length; offset += SLICE) {
        const bytes = all.subarray(offset, offset + SLICE);
        const first = offset / textureRowBytes(format);
        const rows = textureRows(bytes.length, format);
        const copy: ConstantSlice["copy"] = (encoder, source) =>
          copyToTexture(encoder, source, made.texture, rows, first);
        yield { bytes, length: rows * textureRowBytes(format), copy };
      }
    }
    if (data.byteLength >= FREED) data.buffer.transfer(0);
  }
}

function createStates(
  { states = new Map(), views, steps }: Program,
  create: CreateBuffer,
): Map<string, GPUBuffer> {
  const stateOf = (name: string) => views?.get(name)?.state ?? name;
  const windows = new Set([...windowed(steps)].map(stateOf));
  // The copy of a state's last view into a texture takes whole rows.
  const margins = new Map(
    textureReads(steps).map(({ binding, tensor }) => [stateOf(tensor), textureRowBytes(binding.format)]),
  );
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
  return new Map(
    [...states].map(([name, bytes]) => [
      name,
      create(bytes + (margins.get(name) ?? 0), windows.has(name) ? usage | GPUBufferUsage.UNIFORM : usage, name),
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
  create: CreateBuffer,
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

function encodeCopy(encoder: GPUCommandEncoder, { source, offset, texture, rows }: TextureCopy): void {
  copyToTexture(encoder, { buffer: source, offset }, texture, rows);
}

async function measureActions(device: Device, actions: readonly Action[]): Promise<StepTime[]> {
  const { capabilities } = device;
  if (!capabilities.timestamps) {
    throw new Deno.errors.NotSupported(`Cannot measure kernels: the adapter ${capabilities.adapter} has no timestamps`);
  }
  const dispatches = actions.filter((action) => "dispatch" in action);
  // The end of every pass; a step lasts from the end of the one before.
  const nanoseconds = await readTimestamps(device, dispatches.length + 1, (encoder, querySet) => {
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
  });
  return dispatches.map(({ dispatch: { name }, role }, step) => ({
    name,
    role,
    milliseconds: Number(nanoseconds[step + 1] - nanoseconds[step]) / 1e6,
  }));
}
