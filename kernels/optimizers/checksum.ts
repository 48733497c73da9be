/**
 * A number by which ranks see that their parameters are the same bits. With b[i] the bits of the float at place i of the
 * flat buffer, modulo 2^32,
 *
 *     checksum = sum over i of mix(b[i] + (i + 1) 0x9e3779b9),
 *
 * where `mix` is a bijection in which every bit of the argument changes half of the result's (Murmur3's last step, Appleby,
 * 2016). One changed element is therefore always noticed, and two elements that changed places, or any other difference,
 * but for once in 2^32. Sums of u32 are exact in any order.
 *
 * It has two stages: the first leaves as many partial sums as that of the gradient's norm, the second joins them.
 *
 * @module
 */

import { declarations, type Kernel, listBindings, type Profile, scratch } from "../engine/kernel.ts";
import { unsigned } from "../operations/shared/tensor.ts";
import { mixBits } from "../../formats/base/murmur_hash.ts";
import { gradientPartials, joinSums, partialsFrame } from "./gradient_norm.ts";

const PLACE = 0x9e3779b9;

/**
 * The checksum on the CPU.
 *
 * @param flat The parameters, laid out as in `layout.ts`.
 * @returns A u32.
 */
export function checksumReference(flat: Float32Array): number {
  const words = new Uint32Array(flat.buffer, flat.byteOffset, flat.length);
  let sum = 0;
  words.forEach((bits, place) => sum = (sum + mixBits(bits + Math.imul(place + 1, PLACE))) >>> 0);
  return sum;
}

const MIX = `fn mix_bits(value: vec4<u32>) -> vec4<u32> {
  var bits = (value ^ (value >> vec4<u32>(16u))) * 0x85ebca6bu;
  bits = (bits ^ (bits >> vec4<u32>(13u))) * 0xc2b2ae35u;
  return bits ^ (bits >> vec4<u32>(16u));
}
`;

/**
 * The first stage.
 *
 * @param options `length` of the parameters' buffer in floats, a multiple of 4.
 * @returns A kernel with the binding `parameter` and the scratch `partials` (u32).
 */
export function checksumPartialsKernel({ length, profile }: { length: number; profile: Profile }): Kernel {
  const { partials, parameters, memory, open, close, workgroups } = partialsFrame(length, profile, "u32");
  const bindings = { parameter: "vec4<u32>", partials: scratch("u32", partials * 4) };
  return {
    name: `checksum partials ${profile}`,
    code: `${declarations(bindings, parameters)}${memory}
${MIX}
${open}
  var lanes = vec4<u32>(0u);
  for (var vector = first; vector < end; vector += parameters.stride) {
    let place = vec4<u32>(4u * vector) + vec4<u32>(1u, 2u, 3u, 4u);
    lanes += mix_bits(parameter[vector] + place * ${PLACE}u);
  }
  var sum = lanes.x + lanes.y + lanes.z + lanes.w;
${close}
}
`,
    bindings: listBindings(bindings),
    parameters,
    workgroups,
  };
}

/**
 * The second stage.
 *
 * @param options The options of the first stage.
 * @returns A kernel with the bindings `partials`, as {@linkcode checksumPartialsKernel} wrote them, and `checksum` (u32,
 * `[1]`).
 */
export function checksumKernel({ length, profile }: { length: number; profile: Profile }): Kernel {
  const join = joinSums(profile, "u32", "0u");
  const parameters = unsigned([{ name: "partials", value: gradientPartials(length, profile) }]);
  const bindings = { partials: "u32", checksum: "u32" };
  return {
    name: `checksum ${profile}`,
    code: `${declarations(bindings, parameters)}${join.memory}
@compute @workgroup_size(${join.invocations})
fn main(@builtin(local_invocation_index) local: u32) {
${join.body}  if (local == 0u) { checksum[0] = sum; }
}
`,
    bindings: listBindings(bindings),
    parameters,
    workgroups: [1, 1, 1],
  };
}
