/**
 * Images in: a folder, tar shards or Parquet to RGB pixels, in a fixed order, decoded in workers.
 *
 * ```ts
 * import { decodeImages, openDecodePool, openImages } from "./formats/images/mod.ts";
 *
 * const source = await openImages("assets/photos");
 * const pool = openDecodePool(2);
 * for await (const result of decodeImages(source.read(), pool, { ahead: 4 })) {
 *   const { image } = result;
 *   if ("decoded" in result) console.log(image.key, image.label, result.decoded.width, result.decoded.height);
 *   else console.log(image.key, result.reason);
 * }
 * pool.close();
 * ```
 *
 * @module
 */

export { decodeImage } from "./decode.ts";
export { decodeImages, type DecodePool, type DecodeResult, openDecodePool } from "./decode_pool.ts";
export { readImage } from "./read_image.ts";
export { openImageList, writeImageList } from "./image_list.ts";
export { type DecodedImage, MOST_PIXELS, releaseBytes } from "../base/pixels.ts";
export { openImages } from "./open_images.ts";
export type {
  DecodeOptions,
  FilePlace,
  ImageRange,
  ImageSource,
  ImageSurvey,
  ListedImage,
  StoredImage,
  Tally,
} from "./image_source.ts";
