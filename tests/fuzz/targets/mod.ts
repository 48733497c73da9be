/**
 * The formats that are fuzzed.
 *
 * @module
 */

import type { Target } from "../sample.ts";
import { arrow } from "./arrow.ts";
import { boxes } from "./boxes.ts";
import { encodedImages } from "./encoded_images.ts";
import { idx } from "./idx.ts";
import { imageList } from "./image_list.ts";
import { imagesParquet } from "./images_parquet.ts";
import { instances } from "./instances.ts";
import { manifest } from "./manifest.ts";
import { mat } from "./mat.ts";
import { multiLabels } from "./multi_labels.ts";
import { parquet } from "./parquet.ts";
import { safetensors } from "./safetensors.ts";
import { shardIndex } from "./shard_index.ts";
import { tar } from "./tar.ts";
import { torch } from "./torch.ts";

/** Formats by name. */
export const targets = {
  parquet,
  "images-parquet": imagesParquet,
  tar,
  arrow,
  manifest,
  list: imageList,
  images: encodedImages,
  idx,
  pt: torch,
  safetensors,
  "shard-index": shardIndex,
  mat,
  instances,
  boxes,
  "multi-labels": multiLabels,
} as const satisfies Record<
  string,
  Target
>;

/** The name of a format. */
export type Format = keyof typeof targets;

/** Every {@linkcode Format}. */
export const formats = Object.keys(targets) as Format[];
