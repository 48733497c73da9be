/**
 * Bytes that are asked for as typed arrays and buffers, whether they are touched or not: the system gives pages when they
 * are written to, so that the resident memory does not show a buffer of 4 GB that a damaged count asked for.
 *
 * @module
 */

const TYPES = [
  "ArrayBuffer",
  "Int8Array",
  "Uint8Array",
  "Uint8ClampedArray",
  "Int16Array",
  "Uint16Array",
  "Int32Array",
  "Uint32Array",
  "Float16Array",
  "Float32Array",
  "Float64Array",
  "BigInt64Array",
  "BigUint64Array",
] as const;

let asked = 0;

/** Begins to count; the program's own constructors take the place of the engine's. */
export function countAllocations(): void {
  for (const name of TYPES) {
    const size = (globalThis[name] as { BYTES_PER_ELEMENT?: number }).BYTES_PER_ELEMENT ?? 1;
    const counting: typeof ArrayBuffer = new Proxy(globalThis[name] as typeof ArrayBuffer, {
      construct(target, args: unknown[], newTarget): object {
        const [first] = args;
        const length = typeof first === "number" ? first : ArrayBuffer.isView(first) ? first.byteLength / size : 0;
        asked += length > 0 ? length * size : 0;
        return Reflect.construct(target, args, newTarget === counting ? target : newTarget);
      },
    });
    Object.defineProperty(globalThis, name, { value: counting });
  }
}

/** Bytes asked for since the last call. */
export function takeAllocations(): number {
  const bytes = asked;
  asked = 0;
  return bytes;
}
