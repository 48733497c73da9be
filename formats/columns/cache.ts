/**
 * What was decoded lately, up to a number of bytes.
 *
 * @module
 */

/** Keeps values by name and forgets those that were asked for longest ago. */
export interface Cache {
  /** The value of a name, made if it is not kept. */
  get<Value>(name: string, make: () => Value, bytes: (value: Value) => number): Value;
}

/**
 * Makes an empty cache.
 *
 * @param budget Bytes it keeps. What was asked for last is kept even if it has more.
 */
export function createCache(budget: number): Cache {
  const kept = new Map<string, { readonly value: unknown; readonly bytes: number }>();
  let total = 0;
  return {
    get<Value>(name: string, make: () => Value, bytes: (value: Value) => number): Value {
      let entry = kept.get(name);
      if (entry) kept.delete(name);
      else {
        const value = make();
        entry = { value, bytes: bytes(value) };
        total += entry.bytes;
      }
      kept.set(name, entry);
      for (const [oldest, { bytes }] of kept) {
        if (total <= budget || kept.size === 1) break;
        kept.delete(oldest);
        total -= bytes;
      }
      return entry.value as Value;
    },
  };
}
