/**
 * Where in the arena a plan's tensors lie: tensors that are not alive together may share memory.
 *
 * One after the other, each at the lowest offset where no tensor that is alive at the same time lies (Pisarchyk and Lee,
 * "Efficient Memory Management for Deep Neural Net Inference", 2020: "greedy by size" and others), in several orders, of
 * which the best is taken.
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
  /** The most that is alive at one step: no arena is smaller. */
  readonly lowerBound: number;
}

type Named = readonly [name: string, tensor: Lifetime];

/** Orders in which tensors are placed; which gives the smallest arena depends on the network. */
const ORDERS: readonly ((a: Lifetime, b: Lifetime) => number)[] = [
  (a, b) => b.bytes - a.bytes || a.first - b.first,
  (a, b) => (b.last - b.first) - (a.last - a.first) || b.bytes - a.bytes,
  (a, b) => b.bytes * (b.last - b.first + 1) - a.bytes * (a.last - a.first + 1),
  (a, b) => a.first - b.first || b.bytes - a.bytes,
];

/**
 * Lays out tensors.
 *
 * @param tensors First and last use of each tensor, by name.
 * @param alignment Alignment of the offsets, bytes.
 * @returns The arena.
 */
export function layOut(tensors: ReadonlyMap<string, Lifetime>, alignment: number): Arena {
  const align = (bytes: number) => Math.ceil(bytes / alignment) * alignment;
  const aligned = [...tensors].map(([name, tensor]) => [name, { ...tensor, bytes: align(tensor.bytes) }] as const);
  const arenas = ORDERS.map((order) => place(aligned.toSorted(([, a], [, b]) => order(a, b))));
  const smallest = arenas.reduce((best, arena) => arena.bytes < best.bytes ? arena : best);
  return { ...smallest, lowerBound: mostAlive([...tensors.values()]) };
}

/** Each at the lowest offset where no tensor that is alive at the same time lies. */
function place(order: readonly Named[]): { offsets: Map<string, number>; bytes: number } {
  const placed: (Lifetime & { offset: number })[] = [];
  const offsets = new Map<string, number>();
  let bytes = 0;
  for (const [name, tensor] of order) {
    let offset = 0;
    // `placed` is kept in the order of its offsets.
    for (const other of placed) {
      if (other.first > tensor.last || tensor.first > other.last) continue;
      if (offset + tensor.bytes <= other.offset) break;
      offset = Math.max(offset, other.offset + other.bytes);
    }
    const index = placed.findIndex((other) => other.offset > offset);
    placed.splice(index < 0 ? placed.length : index, 0, { ...tensor, offset });
    offsets.set(name, offset);
    bytes = Math.max(bytes, offset + tensor.bytes);
  }
  return { offsets, bytes };
}

function mostAlive(tensors: readonly Lifetime[]): number {
  const changes = tensors.flatMap(({ bytes, first, last }) => [[first, bytes], [last + 0.5, -bytes]] as const);
  let alive = 0;
  let most = 0;
  for (const [, bytes] of changes.sort(([a], [b]) => a - b)) most = Math.max(most, alive += bytes);
  return most;
}
