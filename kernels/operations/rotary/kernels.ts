/**
 * Rotary position embedding (Su et al., "RoFormer", 2021, section 3.4): of each head's channels a pair (a, b) turns by an
 * angle of its position, to (a cos - b sin, b cos + a sin). A pair is two neighbours (`interleaved`), or a channel of the
 * first half of a head and that of the second (`halves`).
 *
 * The gradient turns back: it is the same with sin negated.
 *
 * @module
 */

import { type Kernel, readOnly } from "../../engine/kernel.ts";
import { channelVectors, itemKernel, type Shape, type Target, tensorVectors, vectorType } from "../shared/tensor.ts";
import { readTensors } from "../shared/tensor_reads.ts";
import { wgsl } from "../shared/wgsl.ts";

/** Cosines and sines `[positions, headChannels]`, of which the two channels of a pair have the same. */
export interface RotaryTable {
  readonly cosine: Float32Array;
  readonly sine: Float32Array;
}

/** The channels and positions that turn, and how. */
export interface RotaryOptions {
  /** The first channels, multiples of 4, of the runs of channels that turn: those of queries and keys. */
  readonly parts: readonly number[];
  readonly heads: number;
  /** Channels of a head, a multiple of 4, and of 8 where halves turn. */
  readonly headChannels: number;
  /** Positions in front, which do not turn. */
  readonly prefix: number;
  readonly rotation: "interleaved" | "halves";
}

/**
 * The shape of what is turned.
 *
 * @param shape `[N, H, W, C]`.
 * @param options The channels and positions that turn, and how.
 * @returns The shape.
 * @throws {TypeError} If a run of channels does not lie in the tensor, or is not one of whole vectors.
 */
export function rotaryShape(shape: Shape, { parts, heads, headChannels, rotation }: RotaryOptions): Shape {
  const unit = rotation === "halves" ? 8 : 4;
  if (headChannels % unit !== 0 || parts.some((first) => first % 4 !== 0)) {
    throw new TypeError(
      `Cannot turn heads of ${headChannels} channels from ${parts.join(", ")} on: no multiples of ${unit} and 4`,
    );
  }
  if (parts.some((first) => first + heads * headChannels > shape[3])) {
    throw new TypeError(
      `Cannot turn ${heads} x ${headChannels} channels from ${parts.join(", ")} on of [${shape.join(", ")}]`,
    );
  }
  return shape;
}

/**
 * Rotation on the CPU.
 *
 * @param input `[N, H, W, C]`, channels not padded.
 * @param shape Shape of the input.
 * @param options What turns, by which `table`, and whether `back`.
 * @returns `[N, H, W, C]`.
 */
export function rotaryReference(
  input: ArrayLike<number>,
  shape: Shape,
  options: RotaryOptions & { table: RotaryTable; back?: boolean },
): Float64Array {
  const { parts, heads, headChannels, prefix, rotation, table, back = false } = options;
  const [batch, height, width, channels] = shape;
  const positions = height * width;
  const output = Float64Array.from(input);
  for (let row = 0; row < batch * positions; row++) {
    const position = row % positions;
    if (position < prefix) continue;
    for (const part of parts) {
      for (let head = 0; head < heads; head++) {
        const first = row * channels + part + head * headChannels;
        for (let pair = 0; pair < headChannels / 2; pair++) {
          const [a, b] = rotation === "halves" ? [pair, pair + headChannels / 2] : [2 * pair, 2 * pair + 1];
          const angle = (position - prefix) * headChannels + a;
          const cosine = table.cosine[angle];
          const sine = back ? -table.sine[angle] : table.sine[angle];
          output[first + a] = input[first + a] * cosine - input[first + b] * sine;
          output[first + b] = input[first + b] * cosine + input[first + a] * sine;
        }
      }
    }
  }
  return output;
}

/**
 * Rotation.
 *
 * @param options `shape` of input and output; what turns, and whether `back`, which is the gradient.
 * @returns A kernel with `input` (a texture in the software profile), `table`, f32 `[positions - prefix, 2, headChannels]`
 * of cosines and sines, and `output`.
 */
export function rotaryKernel(options: { shape: Shape; back?: boolean } & RotaryOptions & Target): Kernel {
  const { shape, parts, heads, headChannels, prefix, rotation, back = false, profile, storage } = options;
  const vector = vectorType(storage);
  const reads = readTensors({ input: storage }, profile);
  const headVectors = headChannels / 4;
  const find = parts.map((_, part) =>
    wgsl`
      let channel${part} = item % parameters.vectors - parameters.first${part};
      if (channel${part} < parameters.turned) { channel = channel${part}; }
    `
  );
  const half = "parameters.headVectors / 2u";
  const turned = rotation === "halves"
    ? wgsl`
      let second = place >= ${half};
      let other = ${reads.load("input", `select(item + ${half}, item - ${half}, second)`)};
      let turned = select(-other, other, second);
    `
    : "let turned = vec4<f32>(-value.y, value.x, -value.w, value.z);";
  return itemKernel({
    name: `rotary ${rotation} ${parts.length} parts ${back ? "back " : ""}${storage}`,
    profile,
    bindings: { ...reads.bindings, table: readOnly("vec4<f32>"), output: vector },
    parameters: [
      { name: "vectors", value: channelVectors(shape[3]) },
      { name: "positions", value: shape[1] * shape[2] },
      { name: "prefix", value: prefix },
      { name: "headVectors", value: headVectors },
      { name: "turned", value: heads * headVectors },
      ...parts.map((first, part) => ({ name: `first${part}`, value: first / 4 })),
    ],
    items: tensorVectors(shape),
    body: wgsl`
      var value = ${reads.load("input", "item")};
      let position = item / parameters.vectors % parameters.positions;
      var channel = parameters.turned;
      ${find}
      if ((channel < parameters.turned) & (position >= parameters.prefix)) {
        let place = channel % parameters.headVectors;
        let angle = (position - parameters.prefix) * 2u * parameters.headVectors + place;
        ${turned}
        value = value * table[angle] ${back ? "-" : "+"} turned * table[angle + parameters.headVectors];
      }
      output[item] = ${vector}(value);
    `,
  });
}
