/**
 * Decodes for the bench in an isolate of its own, since sharp's native library and its WebAssembly build are not loaded in one.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import type { DecodedImage } from "../../../formats/base/pixels.ts";
import { decoderBuild, loadDecoder } from "../../../formats/images/load_decoder.ts";
import { DECODERS } from "./contestants.ts";

/** What is asked: files to be decoded once by a decoder. */
export interface DecodeFiles {
  readonly decoder: keyof typeof DECODERS;
  readonly paths: readonly string[];
  /** Whether pixels are sent back. */
  readonly wantsPixels: boolean;
}

/** What is answered: which build of sharp this is, and the images in order, null where one is not read. */
export interface DecodedFiles {
  readonly build: string;
  readonly images: readonly (DecodedImage | null)[];
}

self.onmessage = async ({ data: { decoder, paths, wantsPixels } }: MessageEvent<DecodeFiles>) => {
  const images: (DecodedImage | null)[] = [];
  for (const path of paths) {
    const image = await DECODERS[decoder](Deno.readFileSync(path)).catch(() => null);
    if (wantsPixels) images.push(image);
  }
  self.postMessage({ build: decoderBuild(await loadDecoder()), images } satisfies DecodedFiles);
};
