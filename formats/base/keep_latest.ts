/**
 * What was asked for lately, up to a number of things.
 *
 * @module
 */

/**
 * Keeps a value as the latest, and forgets the one that was kept longest ago if there are too many.
 *
 * @param kept What is kept, the oldest first.
 * @param key Its key, which may be there.
 * @param value The value.
 * @param most How many are kept.
 * @returns The value.
 */
export function keepLatest<Key, Value>(kept: Map<Key, Value>, key: Key, value: Value, most: number): Value {
  kept.delete(key);
  kept.set(key, value);
  if (kept.size > most) kept.delete(kept.keys().next().value!);
  return value;
}
