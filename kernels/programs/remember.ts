/**
 * Tables that are made once for each of the sizes seen last.
 *
 * @module
 */

/**
 * A function that remembers what it gave.
 *
 * @param most How much is kept, by `sizeOf`: a result that would be too much makes all others be forgotten.
 * @param make Gives the same result for the same numbers.
 * @param sizeOf What a result counts; 1 unless given.
 * @returns What gives the results of `make`, not made again as long as they are kept.
 */
export function remember<T>(
  most: number,
  make: (a: number, b: number) => T,
  sizeOf: (result: T) => number = () => 1,
): (a: number, b: number) => T {
  const results = new Map<string, T>();
  let kept = 0;
  return (a, b) => {
    const key = `${a} ${b}`;
    const known = results.get(key);
    if (known !== undefined) return known;
    const result = make(a, b);
    kept += sizeOf(result);
    if (kept > most) {
      results.clear();
      kept = sizeOf(result);
    }
    results.set(key, result);
    return result;
  };
}
