/**
 * Files of JSON for tests.
 *
 * @module
 */

/**
 * Writes a file that a test reads.
 *
 * @param value What it holds; a string is written as it is.
 * @returns Its path.
 */
export function jsonFile(value: unknown): string {
  const path = Deno.makeTempFileSync({ suffix: ".json" });
  Deno.writeTextFileSync(path, typeof value === "string" ? value : JSON.stringify(value));
  return path;
}
