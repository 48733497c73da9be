/**
 * What an operation hands to the plan: WGSL, the buffers it wants, the numbers it reads, and how many workgroups.
 *
 * An operation's kernel function is a plain function of plain numbers (shapes, profile, storage type) and returns a
 * {@linkcode Kernel}. It touches no device, so every variant can be listed, compiled elsewhere, and tested.
 *
 * @module
 */

/** How the adapter wants its kernels: register tiles (a CPU behind Vulkan) or shared-memory tiles (a GPU). */
export type Profile = "software" | "gpu";

/** How activations and weights are stored; sums are always f32. `f16` needs the feature `shader-f16`. */
export type Storage = "f32" | "f16";

/** A compute kernel before it meets a device. */
export interface Kernel {
  /** For error messages and timings: `convolution 3x3/2 software`. */
  readonly name: string;
  /**
   * WGSL with the entry point `main`. It declares the bindings as `@group(0) @binding(0...)` in the order of `bindings`;
   * the uniform block, if there is one, comes last.
   */
  readonly code: string;
  /** What it reads and writes, in the order of the binding numbers; see {@linkcode listBindings}. */
  readonly bindings: readonly Binding[];
  /**
   * The uniform block as 32-bit words (`u32`, `i32` and `f32` members only, no vectors), or empty. Shapes go here rather
   * than into the text, so that layers which differ only in shape share one compiled pipeline.
   */
  readonly parameters: readonly Parameter[];
  /** Number of workgroups in x, y, z; each at most 65,535. */
  readonly workgroups: readonly [number, number, number];
  /**
   * Kernels of other names that give the same bits from the same bindings, which may run in its place: a matter of time
   * alone. What adds in another order is none. They may declare no more scratch than it does.
   */
  readonly alternatives?: () => readonly Kernel[];
  /** What it is made of, where it may be one dispatch together with others of the same text (`joinKernels`). */
  readonly joinable?: ItemParts;
}

/** A kernel with one invocation for each item of a linear index. */
export interface ItemParts {
  readonly bindings: StatedBindings;
  /** WGSL statements that find the item's number in `item`. */
  readonly body: string;
  /** WGSL at module scope, which reads neither bindings nor parameters. */
  readonly functions: string;
}

/**
 * A kernel with a change that leaves its text as it is, as do those that may run in its place.
 *
 * @param kernel The kernel.
 * @param change Gives another name, other bindings or other parameters.
 * @returns The changed kernel, whose alternatives are changed alike.
 */
export function changeKernel(kernel: Kernel, change: (kernel: Kernel) => Kernel): Kernel {
  const { alternatives } = kernel;
  return { ...change(kernel), ...(alternatives ? { alternatives: () => alternatives().map(change) } : {}) };
}

/** Something that a kernel reads or writes, under the name that its WGSL gives to it. */
export type Binding = StorageBinding | ScratchBinding | TextureBinding | WindowBinding;

/** A tensor, constant or state in a storage buffer: an array. */
export interface StorageBinding {
  readonly kind: "storage";
  readonly name: string;
  /** The WGSL type of an element: `vec4<f32>`. */
  readonly element: string;
  /**
   * Tensors of a plan share one buffer, which WebGPU lets a dispatch bind several times only if all of them may write. So
   * `read` is for what never lies in a buffer that the same dispatch writes to: weights, parameters and tables. Two
   * dispatches that only read a buffer do not wait for each other because of it.
   */
  readonly access: "read" | "read_write";
  /** Offset in what it is bound to: bytes, a multiple of 256. */
  readonly offset: number;
  /** Bytes that are read or written of what it is bound to, where that is far more. */
  readonly touched?: number;
}

/**
 * A storage buffer whose content is of no use once the last kernel of the operation has run, such as partial sums. The
 * kernel that writes it declares it; kernels that read it have a storage buffer or a texture of the same name.
 */
export interface ScratchBinding {
  readonly kind: "scratch";
  readonly name: string;
  /** The WGSL type of an element. */
  readonly element: string;
  readonly bytes: number;
}

/**
 * A tensor that is copied into a texture before the kernel runs; {@linkcode TEXTURE_WIDTH} says how it lies there. WebGPU lets
 * a kernel have four.
 */
export interface TextureBinding {
  readonly kind: "texture";
  readonly name: string;
  /** Format of a texel, which holds a 4-vector. */
  readonly format: TextureFormat;
}

/** The format of a texel: of an f32 or of an f16 tensor. */
export type TextureFormat = "rgba32float" | "rgba16float";

/** {@linkcode WINDOW_BYTES} of a constant or state in a uniform buffer: 4-vectors of f32. */
export interface WindowBinding {
  readonly kind: "window";
  readonly name: string;
  /** Offset in what it is bound to: bytes, a multiple of 256. */
  readonly offset: number;
}

/** Bytes of a uniform window: WebGPU's default limit of a uniform binding. */
export const WINDOW_BYTES = 65536;

/**
 * Texels of a texture's row, a power of two. 4-vector i of a tensor is the texel (i mod 1024, 1 + i / 1024); row 0 is zero.
 */
export const TEXTURE_WIDTH = 1024;

type Unnamed<B> = B extends Binding ? Omit<B, "name"> : never;

/**
 * Bindings as an operation states them, by name. An element's WGSL type by itself is a storage buffer that may be written:
 * `{ statistics: "vec4<f32>", weight: readOnly("vec4<f32>") }`.
 */
export type StatedBindings = Readonly<Record<string, string | Unnamed<Binding>>>;

/** States a storage buffer that is only read; see {@linkcode StorageBinding.access} and {@linkcode StorageBinding.touched}. */
export function readOnly(element: string, touched?: number): Unnamed<StorageBinding> {
  return { kind: "storage", element, access: "read", offset: 0, ...(touched === undefined ? {} : { touched }) };
}

/** States a {@linkcode ScratchBinding}. */
export function scratch(element: string, bytes: number): Unnamed<ScratchBinding> {
  return { kind: "scratch", element, bytes };
}

/** States a {@linkcode TextureBinding} that holds a tensor of a storage type. */
export function texture(storage: Storage): Unnamed<TextureBinding> {
  return { kind: "texture", format: storage === "f16" ? "rgba16float" : "rgba32float" };
}

/** States a {@linkcode WindowBinding}. */
export function uniformWindow(offset = 0): Unnamed<WindowBinding> {
  return { kind: "window", offset };
}

const KINDS: readonly (readonly Binding["kind"][])[] = [["storage", "scratch"], ["texture"], ["window"]];

/**
 * The bindings of a kernel in the order of their numbers: storage buffers, textures, windows, each in the order in which
 * they are stated.
 *
 * @param stated The bindings by name.
 * @returns A list for {@linkcode Kernel.bindings}.
 */
export function listBindings(stated: StatedBindings): Binding[] {
  const all = Object.entries(stated).map(([name, binding]): Binding =>
    typeof binding === "string"
      ? { kind: "storage", name, element: binding, access: "read_write", offset: 0 }
      : { ...binding, name }
  );
  return KINDS.flatMap((kinds) => all.filter(({ kind }) => kinds.includes(kind)));
}

/** Whether a kernel may write to what it binds. */
export function isWritten(binding: Binding): boolean {
  return binding.kind === "scratch" || binding.kind === "storage" && binding.access === "read_write";
}

/**
 * The declarations that a kernel's text opens with: `enable f16` where a buffer needs it, the bindings, the uniform block.
 *
 * @param stated The bindings by name.
 * @param parameters The uniform block's members.
 * @param sets How many of such blocks there are, end to end; without it, one. With it, `main` takes one of `parameterSets` for
 * its `parameters`, and a kernel's parameters are those of {@linkcode parameterSets}.
 * @returns The text in WGSL.
 */
export function declarations(stated: StatedBindings, parameters: readonly Parameter[], sets?: number): string {
  const bindings = listBindings(stated);
  const enable = bindings.some((binding) => "element" in binding && binding.element.includes("f16"));
  return [
    enable ? "enable f16;\n" : "",
    ...bindings.map((binding, number) => `@group(0) @binding(${number}) ${declaration(binding)};\n`),
    parameterBlock(parameters, bindings.length, sets),
  ].join("");
}

function declaration(binding: Binding): string {
  const { name } = binding;
  switch (binding.kind) {
    case "storage":
      return `var<storage, ${binding.access}> ${name}: array<${binding.element}>`;
    case "scratch":
      return `var<storage, read_write> ${name}: array<${binding.element}>`;
    case "texture":
      return `var ${name}: texture_storage_2d<${binding.format}, read>`;
    case "window":
      return `var<uniform> ${name}: array<vec4<f32>, ${WINDOW_BYTES / 16}>`;
  }
}

/** One member of the uniform block, which a kernel's text calls `parameters`. */
export interface Parameter {
  readonly name: string;
  readonly type: "u32" | "i32" | "f32";
  readonly value: number;
}

/** The WGSL declaration of the uniform block, empty if there are no parameters. */
function parameterBlock(parameters: readonly Parameter[], binding: number, sets?: number): string {
  if (parameters.length === 0) return "";
  const members = parameters.map(({ name, type }) => `  ${name}: ${type},`).join("\n");
  const place = `@group(0) @binding(${binding}) var<uniform>`;
  return `struct Parameters {\n${members}\n}\n${
    sets === undefined ? `${place} parameters: Parameters;` : `${place} parameterSets: array<Parameters, ${sets}>;`
  }\n`;
}

/** Members of an element of a uniform array are filled up to a multiple of so many. */
const SET_MEMBERS = 4;

/**
 * The members of several uniform blocks of one form.
 *
 * @param sets The members of each, of the same names and types.
 * @returns `members`, what {@linkcode declarations} takes; `parameters`, all sets end to end, the members' names numbered.
 */
export function parameterSets(
  sets: readonly (readonly Parameter[])[],
): { readonly members: readonly Parameter[]; readonly parameters: readonly Parameter[] } {
  const filled = sets.map((members) => {
    const missing = Math.ceil(members.length / SET_MEMBERS) * SET_MEMBERS - members.length;
    const unused = Array.from({ length: missing }, (_, index): Parameter => ({
      name: `unused${index}`,
      type: "u32",
      value: 0,
    }));
    return [...members, ...unused];
  });
  return {
    members: filled[0],
    parameters: filled.flatMap((members, set) =>
      members.map((parameter) => ({ ...parameter, name: `${parameter.name}_${set}` }))
    ),
  };
}

/**
 * Numbers of a shape as constants of a kernel's text, where a compiler makes much of them: divisions and multiplications that
 * it does once, or not at all. Each set of numbers is a pipeline of its own, so they are channels rather than sizes of
 * images or of batches.
 *
 * @param constants u32 by name.
 * @returns The declarations in WGSL, a line each.
 */
export function declareConstants(constants: Readonly<Record<string, number>>): string {
  return Object.entries(constants).map(([name, value]) => `const ${name} = ${value}u;\n`).join("");
}

/**
 * The bytes of the uniform block, padded to a multiple of 16.
 *
 * @param parameters The members, in order.
 * @returns The block's content, little-endian.
 */
export function parameterBytes(parameters: readonly Parameter[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(Math.ceil(parameters.length / 4) * 16);
  const view = new DataView(bytes.buffer);
  parameters.forEach(({ name, type, value }, index) => {
    if (type === "f32") view.setFloat32(index * 4, value, true);
    else if (!Number.isInteger(value)) {
      throw new TypeError(`Cannot set parameter "${name}" to ${value}: not an integer`);
    } else if (type === "i32") view.setInt32(index * 4, value, true);
    else if (value < 0 || value > 0xffffffff) {
      throw new RangeError(`Cannot set parameter "${name}" to ${value}: not a u32`);
    } else view.setUint32(index * 4, value, true);
  });
  return bytes;
}

/** Workgroups of a dispatch along one dimension at most. */
export const MOST_WORKGROUPS = 65535;

/**
 * Spreads a linear count of workgroups over x and y, since each dimension ends at 65,535. The kernel recovers the linear
 * index as `workgroup_id.y * num_workgroups.x + workgroup_id.x` and must ignore indices at or past `count`.
 *
 * @param count Workgroups wanted.
 * @returns Workgroups in x, y, z.
 * @throws {RangeError} If there are more than 65,535 x 65,535.
 */
export function spreadWorkgroups(count: number): [number, number, number] {
  if (count <= MOST_WORKGROUPS) return [Math.max(count, 1), 1, 1];
  const rows = Math.ceil(count / MOST_WORKGROUPS);
  if (rows > MOST_WORKGROUPS) {
    throw new RangeError(`Cannot dispatch ${count} workgroups: more than ${MOST_WORKGROUPS} x ${MOST_WORKGROUPS}`);
  }
  return [Math.ceil(count / rows), rows, 1];
}
