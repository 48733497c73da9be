import { zipFile } from "./zip_file.ts";

/** What a pickle of {@linkcode torchFile} can hold; a `Float32Array` becomes a tensor with one axis. */
export type Pickled = null | boolean | number | string | Float32Array | readonly Pickled[] | { [key: string]: Pickled };

const encoder = new TextEncoder();

/**
 * Bytes of a pickle: text as it is, numbers as single bytes.
 *
 * @param parts Opcodes and what follows them.
 * @returns The bytes.
 */
export function pickle(...parts: readonly (string | number)[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(parts.flatMap((part) => typeof part === "string" ? [...encoder.encode(part)] : [part]));
}

/**
 * Writes a file as PyTorch does, in the zip container.
 *
 * @param value What it holds.
 * @returns Its bytes.
 */
export function torchFile(value: Pickled): Uint8Array<ArrayBuffer> {
  const storages: Float32Array[] = [];
  const program = [...pickle(0x80, 2), ...opcodesOf(value, storages), 0x2e];
  const entries = storages.map((data, index) => [`a/data/${index}`, new Uint8Array(data.buffer)] as const);
  return zipFile({ "a/data.pkl": Uint8Array.from(program), ...Object.fromEntries(entries) });
}

function opcodesOf(value: Pickled, storages: Float32Array[]): number[] {
  if (value === null) return [0x4e];
  if (typeof value === "boolean") return [value ? 0x88 : 0x89];
  if (typeof value === "number") return [0x4a, ...new Uint8Array(Int32Array.of(value).buffer)];
  if (typeof value === "string") return text(value);
  if (value instanceof Float32Array) return tensor(value, storages);
  if (Array.isArray(value)) return [0x28, ...value.flatMap((item) => opcodesOf(item, storages)), 0x74];
  const items = Object.entries(value).flatMap(([key, item]) => [...text(key), ...opcodesOf(item, storages)]);
  return [0x7d, 0x28, ...items, 0x75];
}

function tensor(data: Float32Array, storages: Float32Array[]): number[] {
  const key = storages.push(data) - 1;
  return [
    ...pickle("ctorch._utils\n_rebuild_tensor_v2\n(("),
    ...text("storage"),
    ...pickle("ctorch\nFloatStorage\n"),
    ...text(String(key)),
    ...text("cpu"),
    ...pickle("K", data.length, "tQK", 0, "K", data.length, 0x85, "K", 1, 0x85, 0x89, "}tR"),
  ];
}

function text(value: string): number[] {
  const bytes = encoder.encode(value);
  return [0x58, ...new Uint8Array(Uint32Array.of(bytes.length).buffer), ...bytes];
}
