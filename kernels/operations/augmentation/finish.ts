/**
 * From 8 bits to the network's input: normalisation, lighting and erasing.
 *
 * @module
 */

import type { Kernel } from "../../engine/kernel.ts";
import { itemKernel, type Target, vectorType } from "../shared/tensor.ts";
import { RANDOM_WORD } from "../../../formats/base/random.ts";
import { recordVectors } from "./records.ts";
import type { AugmentationSettings } from "./augmentation_settings.ts";

/**
 * The last step for one pixel, in WGSL.
 *
 * @param settings What is done.
 * @returns `functions` at module scope with `finish(sample: u32, pixel: u32, colour: u32) -> vec4<f32>`, of a pixel's
 * number in its image and its colour, red in the lowest byte, the highest byte zero where there is no image; the
 * `parameters` they read; whether they read `records` (`vec4<u32>`).
 */
export function finishPixel(settings: AugmentationSettings) {
  const { size, mean, std, lighting = 0, erasing } = settings;
  const reads = lighting > 0 || erasing !== undefined;
  const names = ["Red", "Green", "Blue"];
  const vector = (name: string) => `vec3<f32>(${names.map((colour) => `parameters.${name}${colour}`).join(", ")})`;
  const noise = (colour: number) => `normal(key, 6u * pixel + ${2 * colour}u)`;
  return {
    reads,
    parameters: [
      ...reads ? [{ name: "recordVectors", value: recordVectors(settings) }] : [],
      ...erasing ? [{ name: "pictureWidth", value: size[1] }] : [],
      ...names.map((name, colour) => ({ name: `scale${name}`, type: "f32" as const, value: 1 / (255 * std[colour]) })),
      ...names.map((name, colour) => ({
        name: `shift${name}`,
        type: "f32" as const,
        value: -mean[colour] / std[colour],
      })),
    ],
    functions: `${
      erasing?.value === "random"
        ? `${RANDOM_WORD}
/** A number between 0 and 1, of the upper 23 bits. */
fn fraction(word: u32) -> f32 { return (f32(word >> 9u) + 0.5) * ${2 ** -23}; }

fn normal(key: vec2<u32>, counter: u32) -> f32 {
  // A logarithm of nearly 1 may come out positive.
  let distance = sqrt(max(-2.0 * log(fraction(randomWord(key, counter))), 0.0));
  // The cosine is only promised to be right from -pi to pi: half a turn less, and the other sign.
  return -distance * cos(${2 * Math.PI} * (fraction(randomWord(key, counter + 1u)) - 0.5));
}
`
        : ""
    }
fn finish(sample: u32, pixel: u32, colour: u32) -> vec4<f32> {
  if (colour >> 24u == 0u) { return vec4<f32>(0.0); }
  let rgb = vec3<f32>(vec3<u32>(colour, colour >> 8u, colour >> 16u) & vec3<u32>(255u));
  var value = rgb * ${vector("scale")} + ${vector("shift")};
${lighting > 0 ? "  value += bitcast<vec3<f32>>(records[sample * parameters.recordVectors + 1u].xyz);\n" : ""}${
      erasing
        ? `  let box = records[sample * parameters.recordVectors + 2u];
  // Left of and above the box the differences wrap around, past its size.
  let x = pixel % parameters.pictureWidth - box.y;
  let y = pixel / parameters.pictureWidth - box.x;
  if ((x < box.w) & (y < box.z)) {
${
          erasing.value === "random"
            ? `    let key = records[sample * parameters.recordVectors + 3u].xy;
    value = vec3<f32>(${[0, 1, 2].map(noise).join(", ")});`
            : "    value = vec3<f32>(0.0);"
        }
  }
`
        : ""
    }  return vec4<f32>(value, 0.0);
}
`,
  };
}

/**
 * Normalisation of a batch of 8-bit images, with lighting and erasing where the settings have them.
 *
 * @param options Images of a `batch`, and what happens to them.
 * @returns A kernel with the bindings `image` (u32, `[N, H, W]`, red in the lowest byte), `records` where it needs them,
 * and `output`, `[N, H, W, 3]`.
 */
export function normaliseKernel(options: { batch: number; settings: AugmentationSettings } & Target): Kernel {
  const { batch, settings, profile, storage } = options;
  const pixels = settings.size[0] * settings.size[1];
  const { reads, parameters, functions } = finishPixel(settings);
  const vector = vectorType(storage);
  return itemKernel({
    name: `normalise ${storage}`,
    profile,
    bindings: { image: "u32", ...reads ? { records: "vec4<u32>" } : {}, output: vector },
    parameters: [{ name: "pixels", value: pixels }, ...parameters],
    items: batch * pixels,
    functions,
    body: `  output[item] = ${vector}(finish(item / parameters.pixels, item % parameters.pixels, image[item]));`,
  });
}
