/**
 * Where in the arena a plan's tensors lie: tensors that are not alive together may share memory.
 *
 * Largest first, each at the lowest offset where no tensor that is alive at the same time lies (Pisarchyk and Lee,
 * "Efficient Memory Management for Deep Neural Net Inference", 2020, "greedy by size").
 *
 * @module
 */

/** A tensor's size, and the first and last step at which it holds something. */
export interface Lifetime {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

/** Offsets in the arena and its size, bytes. */
export interface Arena {
  readonly offsets: ReadonlyMap<string, number>;
  readonly bytes: number;
}

/**
 * Lays out tensors.
 *
 * @param tensors By name.
 * @param alignment Of the offsets, bytes.
 * @returns The arena.
 */
export function layOut(tensors: ReadonlyMap<string, Lifetime>, alignment: number): Arena {
  const align = (bytes: number) => Math.ceil(bytes / alignment) * alignment;
  const placed: (Lifetime & { offset: number })[] = [];
  const offsets = new Map<string, number>();
  let size = 0;
  const order = [...tensors].sort(([, a], [, b]) => b.bytes - a.bytes || a.first - b.first);
  for (const [name, tensor] of order) {
    const together = placed.filter(({ first, last }) => first <= tensor.last && tensor.first <= last);
    let offset = 0;
    for (const other of together.sort((a, b) => a.offset - b.offset)) {
      if (offset + tensor.bytes <= other.offset) break;
      offset = Math.max(offset, align(other.offset + other.bytes));
    }
    placed.push({ ...tensor, offset });
    offsets.set(name, offset);
    size = Math.max(size, offset + tensor.bytes);
  }
  return { offsets, bytes: align(size) };
}
