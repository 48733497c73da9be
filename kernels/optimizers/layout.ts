/**
 * Parameters end to end: all tensors of a network in one f32 buffer, so that an optimizer's update is one dispatch for all
 * of them, and the gradient's norm one reduction.
 *
 * Each tensor is a segment that begins at a multiple of {@linkcode BLOCK} floats, 256 bytes, where a binding may begin: a
 * kernel that writes one tensor's gradient binds its segment alone. Gradients, momenta and averages lie in buffers of the
 * same layout. The floats between two segments are zero, and stay so: their gradients are never written.
 *
 * A kernel finds what belongs to an element in tables: `blocks` holds the segment of each block, `segments` its
 * {@linkcode SEGMENT}. AdamP also takes a tensor apart into rows, one an output channel: `rowSegments` holds the segment of
 * each row. A tensor with one axis is one row.
 *
 * @module
 */

/** Floats in a block. */
export const BLOCK = 64;

/** A parameter tensor. */
export interface ParameterTensor {
  readonly name: string;
  /** PyTorch's: `[O, I / groups, kh, kw]`, `[O, I]`, `[C]`. */
  readonly shape: readonly number[];
  /** The optimizer's weight decay for this tensor; see `weight_decay.ts`. */
  readonly weightDecay: number;
  /** The share of the learning rate that it learns with; default 1. */
  readonly rate?: number;
}

/** Where a tensor lies in the flat buffers. */
export interface Segment extends ParameterTensor {
  /** Its first float, a multiple of {@linkcode BLOCK}. */
  readonly first: number;
  /** Its number of elements. */
  readonly length: number;
  /** Its first row, counted over all tensors. */
  readonly firstRow: number;
  /** Output channels, or 1 for a tensor with one axis. */
  readonly rows: number;
  /** Elements of a row. */
  readonly columns: number;
}

/** All tensors of a network, end to end. */
export interface ParameterLayout {
  readonly segments: readonly Segment[];
  /** Floats in a buffer of this layout, a multiple of {@linkcode BLOCK}. */
  readonly length: number;
  /** Rows of all tensors. */
  readonly rows: number;
}

/** The tables that kernels bind under these names. */
export interface LayoutTables {
  /** The segment of each block. */
  readonly blocks: Uint32Array<ArrayBuffer>;
  /** The segment of each row. */
  readonly rowSegments: Uint32Array<ArrayBuffer>;
  /** {@linkcode SEGMENT} for each segment. */
  readonly segments: Uint32Array<ArrayBuffer>;
}

/** WGSL of an element of `segments`. */
export const SEGMENT = `struct Segment {
  first: u32,
  length: u32,
  firstRow: u32,
  rows: u32,
  columns: u32,
  // 1 for tensors of two axes or more, which AdamP projects.
  channels: u32,
  weightDecay: f32,
  rate: f32,
}
`;

/** 32-bit words of a {@linkcode SEGMENT}. */
const SEGMENT_WORDS = 8;

/**
 * Lays parameters end to end, in their order.
 *
 * @param parameters The tensors.
 * @returns The layout.
 * @throws {TypeError} If there are none, or one has no elements.
 */
export function layOutParameters(parameters: readonly ParameterTensor[]): ParameterLayout {
  if (parameters.length === 0) throw new TypeError("Cannot lay out parameters: there are none");
  const segments: Segment[] = [];
  let first = 0;
  let firstRow = 0;
  for (const { name, shape, ...numbers } of parameters) {
    const length = shape.reduce((product, size) => product * size, 1);
    if (!Number.isInteger(length) || length < 1) {
      throw new TypeError(`Cannot lay out parameter "${name}": shape [${shape.join(", ")}] has ${length} elements`);
    }
    const rows = shape.length > 1 ? shape[0] : 1;
    segments.push({ name, shape, ...numbers, first, length, firstRow, rows, columns: length / rows });
    first += Math.ceil(length / BLOCK) * BLOCK;
    firstRow += rows;
  }
  return { segments, length: first, rows: firstRow };
}

/**
 * The tables of a layout.
 *
 * @param layout The layout.
 * @returns What the kernels bind.
 */
export function layoutTables(layout: ParameterLayout): LayoutTables {
  const blocks = new Uint32Array(layout.length / BLOCK);
  const rowSegments = new Uint32Array(layout.rows);
  const segments = new Uint32Array(layout.segments.length * SEGMENT_WORDS);
  const numbers = new Float32Array(segments.buffer);
  layout.segments.forEach(({ first, length, firstRow, rows, columns, shape, weightDecay, rate = 1 }, index) => {
    blocks.fill(index, first / BLOCK, Math.ceil((first + length) / BLOCK));
    rowSegments.fill(index, firstRow, firstRow + rows);
    const channels = shape.length > 1 ? 1 : 0;
    segments.set([first, length, firstRow, rows, columns, channels], index * SEGMENT_WORDS);
    numbers.set([weightDecay, rate], index * SEGMENT_WORDS + 6);
  });
  return { blocks, rowSegments, segments };
}

/**
 * Puts tensors into a flat buffer.
 *
 * @param layout Offsets of the parameters.
 * @param tensor The elements of each, by its name.
 * @returns The buffer's content, zero between the tensors.
 * @throws {TypeError} If a tensor has another number of elements.
 */
export function flattenParameters(
  layout: ParameterLayout,
  tensor: (name: string) => ArrayLike<number>,
): Float32Array<ArrayBuffer> {
  const flat = new Float32Array(layout.length);
  for (const { name, first, length } of layout.segments) {
    const values = tensor(name);
    if (values.length !== length) {
      throw new TypeError(`Cannot lay out parameter "${name}": ${values.length} elements, expected ${length}`);
    }
    flat.set(values, first);
  }
  return flat;
}
