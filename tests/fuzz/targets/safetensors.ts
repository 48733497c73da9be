/**
 * Safetensors files: a small one of every type, and one of real label maps.
 *
 * @module
 */

import { openWeights } from "../../../formats/weights/mod.ts";
import { mutateJson } from "../json_mutations.ts";
import type { Random } from "../random.ts";
import { promise, type Rewrite, type Sample, type Target } from "../sample.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const PUBLISHED = new URL("../../fixtures/published/expected.safetensors", import.meta.url);

/** Bytes an element. */
const TYPES = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1 } as const;

/** Safetensors files. */
export const safetensors: Target = {
  samples: () =>
    [["types", everyType()], ["published", Deno.readFileSync(PUBLISHED)], ["wrapped", wrapped()]].map(
      ([name, bytes]): Sample => {
        const end = 8 + headerLength(bytes as Bytes);
        return {
          name: `${name}.safetensors`,
          bytes: bytes as Bytes,
          regions: [{ name: "header length", start: 0, end: 8 }, { name: "header", start: 8, end }],
          rewrites: [(random) => rewriteHeader(bytes as Bytes, random)],
        };
      },
    ),
  async read(path) {
    const weights = await openWeights(path);
    try {
      const file = Deno.readFileSync(path);
      const tensors = [];
      for (const name of weights.names) {
        const [dtype, shape] = [weights.dtype(name), weights.shape(name)];
        const elements = await weights.read(name);
        if (weights.choice === undefined) checkElements(file, name, elements);
        tensors.push({ name, dtype, shape, elements });
      }
      return tensors;
    } finally {
      weights.close();
    }
  },
};

function headerLength(bytes: Bytes): number {
  return Number(new DataView(bytes.buffer).getBigUint64(0, true));
}

/** The elements are as many as the header says, and of float32 the very bytes at the place that it names. */
function checkElements(file: Bytes, name: string, elements: Float32Array): void {
  const start = 8 + headerLength(file);
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, start)));
  const stored = Object.keys(header).find((key) => key === name || key.endsWith(`.${name}`))!;
  const { dtype, shape, data_offsets: [begin, end] } = header[stored];
  const count = shape.reduce((product: number, size: number) => product * size, 1);
  promise(elements.length === count, `tensor "${name}" of [${shape}] has ${elements.length} elements`);
  if (dtype !== "F32") return;
  const expected = new Uint32Array(file.slice(start + begin, start + end).buffer);
  const found = new Uint32Array(elements.buffer, elements.byteOffset, elements.length);
  promise(expected.every((bits, index) => bits === found[index]), `tensor "${name}" is not what the file holds`);
}

/** A file with a tensor of each type. */
function everyType(): Bytes {
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  let offset = 0;
  for (const [dtype, size] of Object.entries(TYPES)) {
    header[`tensor.${dtype}`] = { dtype, shape: [2, 3], data_offsets: [offset, offset + 6 * size] };
    offset += 6 * size;
  }
  header.scalar = { dtype: "F32", shape: [], data_offsets: [offset, offset + 4] };
  header.empty = { dtype: "F32", shape: [0, 3], data_offsets: [offset + 4, offset + 4] };
  const data = Uint8Array.from({ length: offset + 4 }, (_, index) => index * 37 % 251);
  return withHeader(JSON.stringify(header), data);
}

/** Weights and their average, as a checkpoint of torchvision's that was flattened. */
function wrapped(): Bytes {
  const names = [
    "model.weight",
    "model.bias",
    "model_ema.n_averaged",
    "model_ema.module.weight",
    "model_ema.module.bias",
  ];
  const header = names.map((
    name,
    index,
  ) => [name, { dtype: "F32", shape: [1], data_offsets: [index * 4, index * 4 + 4] }]);
  const data = Float32Array.from(names, (_, index) => index);
  return withHeader(JSON.stringify(Object.fromEntries(header)), new Uint8Array(data.buffer));
}

function withHeader(header: string, data: Uint8Array): Bytes {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + data.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(text.length), true);
  bytes.set(text, 8);
  bytes.set(data, 8 + text.length);
  return bytes;
}

/** Other JSON in the header, and its length put right. */
function rewriteHeader(bytes: Bytes, random: Random): Rewrite {
  const end = 8 + headerLength(bytes);
  const { text, what } = mutateJson(new TextDecoder().decode(bytes.subarray(8, end)), random);
  return { bytes: withHeader(text, bytes.subarray(end)), what };
}
