/**
 * What the images of a part were, as their source lists them: kept as a hash in the manifest, so that a run that goes on
 * finds that they are others now.
 *
 * An image is its key, its label, and how many bytes it has. Another image of the same name and the same number of bytes is
 * not told apart.
 *
 * @module
 */

import { createHash } from "node:crypto";

/** An image as its source lists it. */
export interface SourceImage {
  readonly key: string;
  /** The data set's own class index, null if unknown. */
  readonly label: number | null;
  /** Bytes of the image as it is stored, or of the file that holds it where that is not known; null if there is no file. */
  readonly bytes: number | null;
}

/** A hash of images in order. */
export interface SourceHash {
  add(image: SourceImage): void;
  /** SHA-256, hexadecimal, of the images so far: of a line of JSON each, `[key, label, bytes]`. More may follow. */
  digest(): string;
}

/** The hash of no image. */
export function createSourceHash(): SourceHash {
  const hash = createHash("sha256");
  return {
    add: (image) => void hash.update(formatSourceImage(image)),
    digest: () => hash.copy().digest("hex"),
  };
}

/** The line of an image, with its end. */
export function formatSourceImage({ key, label, bytes }: SourceImage): string {
  return `${JSON.stringify([key, label, bytes])}\n`;
}
