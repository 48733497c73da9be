/**
 * The default annotator and the photographs, with what timm gives for them in `tests/fixtures/lite0`.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import { type DecodedImage, decodeImage } from "../formats/images/mod.ts";
import { openAnnotatorFolder, openWeights } from "../formats/weights/mod.ts";
import type { Network, Parameters } from "../kernels/operations/network.ts";
import type { Pair } from "../kernels/operations/shared/window.ts";
import { buildNetwork } from "../kernels/networks/mod.ts";
import { normalisationLevels, resizeReference } from "../kernels/operations/resize/mod.ts";
import { loadNetworkParameters } from "../pipeline/model/network_parameters.ts";

const asset = (path: string) => fromFileUrl(new URL(`../assets/${path}`, import.meta.url));
const fixture = (path: string) => fromFileUrl(new URL(`../tests/fixtures/${path}`, import.meta.url));

/** The annotator's folder. */
export const DEFAULT_ANNOTATOR = asset("efficientnet_lite0");

/** The folder of the photographs. */
export const PHOTOGRAPHS = asset("photos");

/** An annotator, loaded. */
export interface BenchAnnotator {
  readonly name: string;
  /** SHA-256 of its weights. */
  readonly sha256: string;
  /** Height and width that it was trained at, pixels. */
  readonly inputSize: Pair;
  readonly network: Network;
  readonly parameters: Parameters;
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly interpolation: "bilinear" | "bicubic";
}

/**
 * Reads an annotator.
 *
 * @param path Its folder; EfficientNet-Lite0 if left out.
 * @param size Height and width of its input, pixels; its own if left out.
 * @returns The annotator.
 */
export async function readAnnotator(path?: string, size?: Pair): Promise<BenchAnnotator> {
  const folder = await openAnnotatorFolder(path ?? DEFAULT_ANNOTATOR);
  const { name, architecture, classes, weights, inputSize, mean, std, interpolation } = folder;
  const network = buildNetwork(architecture, { classes, size: size ?? inputSize });
  const parameters = await loadNetworkParameters(network, weights);
  const sha256 = await weights.sha256();
  weights.close();
  return { name, sha256, inputSize, network, parameters, mean, std, interpolation };
}

/** A photograph, and what timm gives for it. */
export interface Photograph {
  /** Its path under the folder. */
  readonly key: string;
  readonly image: DecodedImage;
  /** Whether our decoder gave the pixels that Pillow gives. */
  readonly samePixels: boolean;
  /** The 10 best classes of each cell and their logits, `[10, H, W]`, at an input of `size` x `size`: 224 or 448. */
  expected(size: number): Promise<{ classes: Float32Array; scores: Float32Array }>;
}

/**
 * Reads and decodes the photographs.
 *
 * @returns They, in the order of their keys.
 */
export async function readPhotographs(): Promise<Photograph[]> {
  const pillow: Record<string, string> = JSON.parse(await Deno.readTextFile(fixture("images/photographs.json")));
  return await Promise.all(
    Object.keys(pillow).sort().map(async (key) => {
      const image = await decodeImage(await Deno.readFile(`${PHOTOGRAPHS}/${key}`));
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", image.pixels)).toHex();
      return { key, image, samePixels: digest === pillow[key], expected: (size) => readExpected(key, size) };
    }),
  );
}

async function readExpected(key: string, size: number): Promise<{ classes: Float32Array; scores: Float32Array }> {
  const file = await openWeights(fixture("lite0/photos.safetensors"));
  const [classes, scores] = [await file.read(`${key}.${size}.class`), await file.read(`${key}.${size}.score`)];
  file.close();
  return { classes, scores };
}

/**
 * Resizes and normalises images on the CPU.
 *
 * @param images They.
 * @param size Height and width of the result.
 * @param annotator Whose input it is.
 * @returns `[N, H, W, 3]`.
 */
export function networkInput(
  images: readonly DecodedImage[],
  size: Pair,
  { mean, std, interpolation }: BenchAnnotator,
): Float32Array<ArrayBuffer> {
  const levels = normalisationLevels(mean, std);
  const length = size[0] * size[1] * 3;
  const input = new Float32Array(images.length * length);
  images.forEach(({ pixels, width, height }, index) => {
    const resized = resizeReference(pixels, width, height, { size, filter: interpolation });
    resized.forEach((level, at) => input[index * length + at] = levels[level * 4 + at % 3]);
  });
  return input;
}
