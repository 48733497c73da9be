/**
 * Reading a file of JSON, and looking at what it holds.
 *
 * @module
 */

import { failWith } from "../base/files.ts";

/**
 * Reads a file of JSON.
 *
 * @param path The file.
 * @param subject What is being done, for messages.
 * @returns The parsed value.
 * @throws {Deno.errors.NotFound} If there is no such file.
 * @throws {TypeError} If it is not JSON.
 */
export async function readJsonFile(path: string, subject: string): Promise<unknown> {
  const text = await Deno.readTextFile(path).catch(failWith(subject, "there is no such file"));
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TypeError(`${subject}: it is not JSON`, { cause: error });
  }
}

/**
 * Whether a value is an object of JSON.
 *
 * @param value Any value.
 * @returns True for `{...}`.
 */
export function isJsonObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
