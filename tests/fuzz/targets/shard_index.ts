/**
 * Indices of sharded safetensors: what is read is what the shards beside them hold, of each of which all or nothing.
 *
 * @module
 */

import { openWeights } from "../../../formats/weights/mod.ts";
import { mutateJson } from "../json_mutations.ts";
import { promise, type Sample, type Target } from "../sample.ts";

/** Values of the tensors of each shard. */
const SHARDS = {
  "model-00001-of-00002.safetensors": { "conv.weight": 1, "conv.bias": 2 },
  "model-00002-of-00002.safetensors": { "fc.weight": 3 },
} as const;

const TENSORS: ReadonlyMap<string, number> = new Map(
  Object.values(SHARDS).flatMap((tensors) => Object.entries(tensors)),
);

/** The index of two shards. */
export const shardIndex: Target = {
  beside: Object.fromEntries(Object.entries(SHARDS).map(([name, tensors]) => [name, shardOf(tensors)])),
  samples(): Sample[] {
    const map = Object.entries(SHARDS).flatMap(([shard, tensors]) => Object.keys(tensors).map((name) => [name, shard]));
    const text = JSON.stringify({ metadata: { total_size: 12 }, weight_map: Object.fromEntries(map) }, null, 2);
    const bytes = new TextEncoder().encode(text);
    return [{
      name: "model.safetensors.index.json",
      bytes,
      regions: [{ name: "weight_map", start: text.indexOf('"weight_map"'), end: text.length }],
      rewrites: [(random) => {
        const { text: other, what } = mutateJson(text, random);
        return { bytes: new TextEncoder().encode(other), what };
      }],
    }];
  },
  async read(path) {
    const weights = await openWeights(path);
    try {
      for (const name of weights.names) {
        const [element] = await weights.read(name);
        promise(element === TENSORS.get(name), `tensor "${name}" is ${element}`);
      }
      return [...weights.names].sort();
    } finally {
      weights.close();
    }
  },
};

/** A file of one number a tensor. */
function shardOf(tensors: Readonly<Record<string, number>>): Uint8Array<ArrayBuffer> {
  const entries = Object.keys(tensors).map((name, index) =>
    [name, { dtype: "F32", shape: [1], data_offsets: [4 * index, 4 * index + 4] }] as const
  );
  const header = new TextEncoder().encode(JSON.stringify(Object.fromEntries(entries)));
  const bytes = new Uint8Array(8 + header.length + 4 * entries.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(header.length), true);
  bytes.set(header, 8);
  bytes.set(new Uint8Array(Float32Array.from(Object.values(tensors)).buffer), 8 + header.length);
  return bytes;
}
