/**
 * The decode pool's worker: reads and decodes one image at a time.
 *
 * It first says whether the decoder could be loaded, then answers each {@linkcode DecodeRequest} with one
 * {@linkcode DecodeReply}; pixels are moved, not copied.
 *
 * @module
 */

import { decodeWithHeader } from "./decode.ts";
import { type DecodedImage, releaseBytes } from "../base/pixels.ts";
import type { FilePlace } from "./image_source.ts";
import { readImageFile } from "./image_file.ts";
import { decodingBytes, readImageHeader } from "./image_header.ts";
import { type MemoryShare, shareMemory } from "./memory_budget.ts";
import { loadDecoder } from "./load_decoder.ts";

/** What the pool asks. */
export interface DecodeRequest {
  readonly image: FilePlace | Uint8Array<ArrayBuffer>;
  /** Whether the image is turned as its EXIF orientation says. */
  readonly exifOrientation: boolean;
  /** The image's number in the order of the calls. */
  readonly work: number;
  /** Memory that all workers take from, which share of it is this one's, and the bytes that all may take. */
  readonly memory: { readonly words: SharedArrayBuffer; readonly share: number; readonly limit: number };
}

/**
 * What the worker answers: first `ready` or `missing`, then `decoded` or `reason` for each request. Pixels are still taken
 * from the memory, and to be given back by whom they are given to.
 */
export type DecodeReply =
  | { readonly ready: true }
  | { readonly missing: string }
  | { readonly decoded: DecodedImage }
  | { readonly reason: string };

async function answer({ image, exifOrientation, work, memory }: DecodeRequest): Promise<DecodeReply> {
  const share = shareMemory(memory.words, memory.share, memory.limit);
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  let kept = 0;
  try {
    bytes = "path" in image ? await readImageFile(image, (length) => share.take(length, work)) : image;
    const decoded = await decodeWithin(share, work, bytes, exifOrientation);
    kept = decoded.pixels.length;
    return { decoded };
  } catch (error) {
    return { reason: (error as Error).message };
  } finally {
    if (bytes) releaseBytes(bytes);
    share.leave(kept);
  }
}

async function decodeWithin(
  share: MemoryShare,
  work: number,
  bytes: Uint8Array,
  exifOrientation: boolean,
): Promise<DecodedImage> {
  const header = readImageHeader(bytes);
  share.take(decodingBytes(header, { exifOrientation }), work);
  return await decodeWithHeader(bytes, header, { exifOrientation });
}

/** What a worker's global scope has, which the types of a page lack. */
interface WorkerScope {
  postMessage(message: DecodeReply, transfer: Transferable[]): void;
  onmessage: ((event: MessageEvent<DecodeRequest>) => void) | null;
}

const scope = self as unknown as WorkerScope;

function reply(message: DecodeReply): void {
  scope.postMessage(message, "decoded" in message ? [message.decoded.pixels.buffer] : []);
}

// One after the other: the answers come in the order of the requests, and one image is in memory.
let last = Promise.resolve();
scope.onmessage = ({ data }) => {
  last = last.then(async () => reply(await answer(data)));
};

loadDecoder().then(() => reply({ ready: true }), (error) => reply({ missing: error.message }));
