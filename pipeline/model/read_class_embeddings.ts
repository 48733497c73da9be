/**
 * Vectors of classes from a file, such as the embeddings of texts that another program made.
 *
 * @module
 */

import { openWeights, readParameter } from "../../formats/weights/mod.ts";
import type { ClassEmbeddings } from "../../kernels/networks/class_embeddings.ts";
import type { LabelMapMetadata } from "../../formats/labels/mod.ts";
import { showValue } from "../../formats/base/show_value.ts";

/** The factor of cosines unless it is said: what a CLIP's `logit_scale` is bound by, and reaches. */
const DEFAULT_SCALE = 100;

/** Vectors with the file that they are from. */
export interface ReadEmbeddings extends ClassEmbeddings {
  /** SHA-256 of the file, hexadecimal. */
  readonly sha256: string;
}

/**
 * Reads the vectors of classes.
 *
 * @param path A file of weights with one tensor `[classes, channels]`.
 * @param scale The factor of cosines; default 100.
 * @returns The vectors.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {TypeError} If it has not one tensor of two axes, or holds what is not a finite number.
 */
export async function readClassEmbeddings(path: string, scale = DEFAULT_SCALE): Promise<ReadEmbeddings> {
  const weights = await openWeights(path);
  try {
    const [name, ...others] = weights.names;
    const shape = name === undefined ? [] : weights.shape(name);
    if (others.length > 0 || shape.length !== 2 || shape.includes(0)) {
      const found = weights.names.map((name) => `"${name}" [${weights.shape(name).join(", ")}]`).join(", ");
      throw new TypeError(
        `Cannot read class embeddings "${path}": it holds ${
          found || "nothing"
        }, expected one tensor of classes x channels`,
      );
    }
    const [classes, channels] = shape;
    return { vectors: await readParameter(weights, name), classes, channels, scale, sha256: await weights.sha256() };
  } finally {
    weights.close();
  }
}

/**
 * The metadata's entry for class embeddings.
 *
 * @param embeddings The vectors, where there are any.
 * @returns The entry, or none.
 */
export function embeddingsEntry(
  embeddings: ReadEmbeddings | undefined,
): { readonly classEmbeddings?: { readonly sha256: string; readonly scale: number } } {
  return embeddings ? { classEmbeddings: { sha256: embeddings.sha256, scale: embeddings.scale } } : {};
}

/**
 * The scale of the class embeddings that label maps were made with.
 *
 * @param metadata Metadata of label maps.
 * @returns The scale, undefined where there were none.
 * @throws {TypeError} If the entry is not as {@linkcode embeddingsEntry} makes it.
 */
export function recordedScale({ classEmbeddings }: LabelMapMetadata): number | undefined {
  if (classEmbeddings === undefined) return undefined;
  const { scale } = (classEmbeddings ?? {}) as { scale?: unknown };
  if (typeof scale === "number" && scale > 0) return scale;
  throw new TypeError(
    `Cannot annotate as the label maps say: their classEmbeddings are ${showValue(classEmbeddings)}`,
  );
}
