/**
 * Safetensors in several files: an index beside them says which of them, its shards, holds which tensor.
 *
 *     {"metadata": {"total_size": 3316}, "weight_map": {"fc.weight": "model-00001-of-00002.safetensors"}}
 *
 * @module
 */

import { createHash } from "node:crypto";
import { dirname, join } from "@std/path";
import { closing } from "../base/closing.ts";
import { unreadable } from "../base/files.ts";
import { isObject } from "../base/json.ts";
import { showValue } from "../base/show_value.ts";
import { parseObject } from "./json_text.ts";
import { tensorNamed, type Weights } from "./weights.ts";

/** What the name of an index ends in. */
export const INDEX = ".safetensors.index.json";

/** Bytes of an index, at most: as many as of a header, which names as many tensors. */
const LARGEST_INDEX = 25_000_000;
const DEEPEST = 3;

/** A file beside the index, and none that is hidden. */
const SHARD = /^[^./\\][^/\\]*\.safetensors$/;

/**
 * Reads an index.
 *
 * @param path The file.
 * @returns The name of the shard of each tensor, by the tensor's name.
 * @throws {TypeError} If it is something else.
 * @throws {Deno.errors.NotFound} If there is no such file.
 */
export async function readShardIndex(path: string): Promise<ReadonlyMap<string, string>> {
  const { size } = await Deno.stat(path);
  if (size > LARGEST_INDEX) throw unreadable(path, `it has ${size} bytes, at most ${LARGEST_INDEX} are read`);
  const { weight_map: shards } = parseObject(path, await Deno.readFile(path), { what: "it", deepest: DEEPEST });
  const entries = isObject(shards) ? Object.entries(shards) : [];
  if (entries.length === 0) throw unreadable(path, `its weight_map is ${showValue(shards)}, expected shards by tensor`);
  const wrong = entries.find(([, shard]) => typeof shard !== "string" || !SHARD.test(shard));
  if (wrong) {
    throw unreadable(
      path,
      `its weight_map has ${showValue(wrong[1])} for ${showValue(wrong[0])}, expected a file beside it`,
    );
  }
  return new Map(entries as [string, string][]);
}

/**
 * Opens the shards of an index. All of them are opened, so that none that is missing is found only when it is read.
 *
 * @param path The index.
 * @param open Opens one safetensors file.
 * @returns The weights of all. Their hash is that of what `sha256sum` prints of the shards, in the order of their names.
 * @throws {Deno.errors.NotFound} If the index or a shard is missing.
 * @throws {TypeError} If the index is something else, or its shards do not hold what it says, and nothing else.
 */
export async function openShards(path: string, open: (path: string) => Promise<Weights>): Promise<Weights> {
  const shardOf = await readShardIndex(path);
  using opened = new DisposableStack();
  const shards = new Map<string, Weights>();
  const found = new Set<string>();
  for (const name of [...new Set(shardOf.values())].sort()) {
    const shard = await open(join(dirname(path), name)).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
      throw new Deno.errors.NotFound(`Cannot read "${path}": its shard "${name}" is missing`);
    });
    shards.set(name, opened.use(closing(shard)));
    for (const tensor of shard.names) {
      if (shardOf.get(tensor) === name) found.add(tensor);
      else throw unreadable(path, `its shard "${name}" holds tensor ${showValue(tensor)}, which it does not say`);
    }
  }
  for (const [tensor, name] of shardOf) {
    if (!found.has(tensor)) throw unreadable(path, `its shard "${name}" has no tensor ${showValue(tensor)}`);
  }
  const holder = (tensor: string) => shards.get(tensorNamed(path, shardOf, tensor))!;
  const owned = opened.move();
  return {
    path,
    names: [...shardOf.keys()],
    shape: (name) => holder(name).shape(name),
    dtype: (name) => holder(name).dtype(name),
    read: (name) => Promise.try(() => holder(name).read(name)),
    readNow: (name) => holder(name).readNow(name),
    async sha256() {
      const hash = createHash("sha256");
      for (const [name, shard] of shards) hash.update(`${await shard.sha256()}  ${name}\n`);
      return hash.digest("hex");
    },
    close: () => owned.dispose(),
  };
}
