/**
 * What the default annotator says of the photographs at 224 x 224, whole, by timm.
 *
 * @module
 */

import { join } from "@std/path";
import { openWeights } from "../../../formats/weights/mod.ts";
import { ROOT } from "../task.ts";

/** The photographs, and the classes whose logits are the five highest. */
export const BEST: Readonly<Record<string, readonly number[]>> = {
  astronaut: [450, 560, 573, 422, 830],
  chelsea: [285, 282, 281, 287, 728],
  china: [442, 449, 698, 483, 663],
  coffee: [967, 968, 504, 925, 809],
  flower: [985, 309, 738, 994, 947],
  rocket: [540, 657, 517, 744, 812],
};

/** WordNet identifiers of ImageNet's classes. */
export const WNIDS = Deno.readTextFileSync(join(ROOT, "assets/imagenet/classes.tsv")).trimEnd().split("\n").slice(1)
  .map((line) => line.split("\t")[1]);

/**
 * timm's logits of a photograph.
 *
 * @param name Of the photograph.
 * @returns `[1000]`.
 */
export async function logitsOf(name: string): Promise<Float32Array> {
  const file = await openWeights(join(ROOT, "tests/fixtures/lite0/photos.safetensors"));
  try {
    return await file.read(`single/${name}.jpg.224.pooled`);
  } finally {
    file.close();
  }
}

/**
 * A folder of photographs.
 *
 * @param files Paths in it, and the photograph that each is; a text that is none of them is written as it is.
 * @returns Its path.
 */
export function photographFolder(files: Readonly<Record<string, string>>): string {
  const folder = Deno.makeTempDirSync();
  for (const [path, photograph] of Object.entries(files)) {
    const target = join(folder, path);
    Deno.mkdirSync(join(target, ".."), { recursive: true });
    if (photograph in BEST) Deno.copyFileSync(join(ROOT, `assets/photos/single/${photograph}.jpg`), target);
    else Deno.writeTextFileSync(target, photograph);
  }
  return folder;
}
