import { join } from "@std/path";
import { gzipSync } from "node:zlib";
import { idxFile } from "../../../formats/images/idx_writer.ts";

/** A garment that is no photograph: a bright square whose place and brightness are its label's. */
function garment(label: number): Uint8Array {
  const pixels = new Uint8Array(28 * 28);
  for (let row = 2 + label; row < 12 + label; row++) pixels.fill(120 + 10 * label, row * 28 + 4, row * 28 + 24 - label);
  return pixels;
}

/**
 * Writes a data set in the layout of Fashion-MNIST.
 *
 * @param counts Numbers of photographs, whose labels are 0 to 9 in turn.
 * @param isPacked Whether the files are gzipped, as Debian's are.
 * @returns The folder.
 */
export function writeFashion(counts: { readonly train: number; readonly test: number }, isPacked = true): string {
  const folder = Deno.makeTempDirSync();
  for (const [part, count] of [["train", counts.train], ["t10k", counts.test]] as const) {
    const labels = Uint8Array.from({ length: count }, (_, place) => place % 10);
    const pixels = new Uint8Array(count * 28 * 28);
    labels.forEach((label, place) => pixels.set(garment(label), place * 28 * 28));
    writeArray(join(folder, `${part}-images-idx3-ubyte`), idxFile([count, 28, 28], pixels), isPacked);
    writeArray(join(folder, `${part}-labels-idx1-ubyte`), idxFile([count], labels), isPacked);
  }
  return folder;
}

function writeArray(path: string, bytes: Uint8Array, isPacked: boolean): void {
  Deno.writeFileSync(isPacked ? `${path}.gz` : path, isPacked ? gzipSync(bytes) : bytes);
}
