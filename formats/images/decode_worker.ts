/**
 * The decode pool's worker: reads and decodes one image at a time.
 *
 * It first says whether the decoder could be loaded, then answers each {@linkcode DecodeRequest} with one
 * {@linkcode DecodeReply}; pixels are moved, not copied.
 *
 * @module
 */

/// <reference lib="deno.worker" />

import { type DecodedImage, decodeImage } from "./decode.ts";
import { readImageFile } from "./image_file.ts";
import { releaseBytes } from "./pixels.ts";
import type { FilePlace } from "./source.ts";
import { loadDecoder } from "./vips.ts";

/** What the pool asks. */
export type DecodeRequest = FilePlace | Uint8Array<ArrayBuffer>;

/** What the worker answers: first `ready` or `missing`, then `decoded` or `reason` for each request. */
export type DecodeReply =
  | { readonly ready: true }
  | { readonly missing: string }
  | { readonly decoded: DecodedImage }
  | { readonly reason: string };

async function answer(request: DecodeRequest): Promise<DecodeReply> {
  try {
    const bytes = "path" in request ? await readImageFile(request) : request;
    const decoded = await decodeImage(bytes);
    releaseBytes(bytes);
    return { decoded };
  } catch (error) {
    return { reason: (error as Error).message };
  }
}

function reply(message: DecodeReply): void {
  self.postMessage(message, "decoded" in message ? [message.decoded.pixels.buffer] : []);
}

// One after the other: the answers come in the order of the requests, and one image is in memory.
let last = Promise.resolve();
self.onmessage = ({ data }: MessageEvent<DecodeRequest>) => {
  last = last.then(async () => reply(await answer(data)));
};

loadDecoder().then(() => reply({ ready: true }), (error) => reply({ missing: error.message }));
