/**
 * Arrays in MNIST's format, plain and gzipped.
 *
 * @module
 */

import { gzipSync } from "node:zlib";
import { readIdx } from "../../../formats/images/idx.ts";
import { idxFile } from "../../formats/images/idx_writer.ts";
import { promise, type Sample, type Target } from "../sample.ts";

const HEADER = 16;

/** Arrays of images. */
export const idx: Target = {
  samples() {
    const bytes = idxFile([5, 9, 7], Uint8Array.from({ length: 315 }, (_, place) => (place * place) % 251));
    const plain: Sample = {
      name: "images-idx3-ubyte",
      bytes,
      regions: [{ name: "header", start: 0, end: HEADER }],
      rewrites: [(random) => {
        const other = bytes.slice();
        const dimension = random.below(3);
        const size = random.below(2 ** 32);
        new DataView(other.buffer).setUint32(4 + 4 * dimension, size);
        return { bytes: other, what: `dimension ${dimension} is ${size}` };
      }],
    };
    return [plain, { name: "images-idx3-ubyte.gz", bytes: new Uint8Array(gzipSync(bytes)), regions: [], rewrites: [] }];
  },
  async read(path) {
    const { shape, values } = await readIdx(path, 3);
    promise(values.length === shape[0] * shape[1] * shape[2], `${values.length} values of ${shape}`);
    return [shape, values.toHex()];
  },
};
