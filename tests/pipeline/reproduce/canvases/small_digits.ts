import { join } from "@std/path";
import { gzipSync } from "node:zlib";

/**
 * A table of digits that are no handwriting: 0 to 9 in turn, one row of each as bright as the digit.
 *
 * @param count The number of lines.
 * @returns The table.
 */
export function digitTable(count: number): string {
  return Array.from({ length: count }, (_, line) => {
    const digit = line % 10;
    return [...Array(8).fill(digit), ...Array(56).fill(0), digit].join(",") + "\n";
  }).join("");
}

/**
 * Writes a table of digits.
 *
 * @param table The table.
 * @param isPacked Whether the file is gzipped, as scikit-learn's is.
 * @returns The file.
 */
export function writeDigits(table: string, isPacked = true): string {
  const path = join(Deno.makeTempDirSync(), "digits.csv.gz");
  Deno.writeFileSync(path, isPacked ? gzipSync(table) : new TextEncoder().encode(table));
  return path;
}
