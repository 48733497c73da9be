/**
 * A folder of an annotator whose weights are random and stored as float16, written tensor by tensor.
 *
 * @module
 */

import { join } from "@std/path";
import { bytesOf } from "../../formats/base/bytes.ts";
import { buildNetwork } from "../../kernels/networks/mod.ts";
import { networkParameters } from "../../kernels/operations/network.ts";

/** Random numbers that are made once, and repeated: a prime, so that rows of tensors are not alike. */
const NUMBERS = 1_000_003;

/** A folder that was written. */
export interface RandomWeights {
  /** Numbers in all tensors. */
  readonly parameters: number;
  /** Numbers in the largest tensor. */
  readonly largest: number;
}

/**
 * Writes `config.json` and `model.safetensors`.
 *
 * @param folder An empty folder.
 * @param architecture timm's name of the network, which is built for 1,000 classes and 224 x 224 pixels.
 * @returns What was written.
 */
export function writeRandomWeights(folder: string, architecture: string): RandomWeights {
  const network = buildNetwork(architecture, { classes: 1000 });
  const tensors = networkParameters(network).map(([name, shape]) => ({
    name,
    shape,
    length: shape.reduce((product, size) => product * size, 1),
  }));
  let end = 0;
  const header = Object.fromEntries(tensors.map(({ name, shape, length }) => {
    end += 2 * length;
    return [name, { dtype: "F16", shape, data_offsets: [end - 2 * length, end] }];
  }));
  const text = new TextEncoder().encode(JSON.stringify(header));
  const uniform = Float16Array.from({ length: NUMBERS }, () => 2 * Math.random() - 1);
  using file = Deno.openSync(join(folder, "model.safetensors"), { write: true, create: true });
  const write = (bytes: Uint8Array) => {
    for (let written = 0; written < bytes.length;) written += file.writeSync(bytes.subarray(written));
  };
  write(bytesOf(BigUint64Array.of(BigInt(text.length))));
  write(text);
  for (const { name, shape, length } of tensors) {
    // Variances keep their size from layer to layer.
    const bound = Math.sqrt(3 * (shape[0] ?? 1) / length);
    const values = shape.length > 1
      ? uniform.map((value) => value * bound)
      : new Float16Array(NUMBERS).fill(/weight$|running_var$/.test(name) ? 1 : 0);
    for (let left = length; left > 0; left -= NUMBERS) write(bytesOf(values.subarray(0, left)));
  }
  const [mean, std] = [[0.5, 0.5, 0.5], [0.5, 0.5, 0.5]];
  const config = { architecture, num_classes: 1000, input_size: [3, 224, 224], interpolation: "bicubic", mean, std };
  Deno.writeTextFileSync(join(folder, "config.json"), JSON.stringify(config));
  return { parameters: end / 2, largest: Math.max(...tensors.map(({ length }) => length)) };
}
