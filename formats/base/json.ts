/**
 * Values of JSON: parsing them, and looking at what they are.
 *
 * @module
 */

/** A value that JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [entry: string]: Json | undefined };

/**
 * The value that a text says in JSON.
 *
 * @param text The text.
 * @param message What the error says.
 * @throws {TypeError} If it is not JSON.
 */
// deno-lint-ignore no-explicit-any -- as JSON.parse: its caller looks at what it is
export function parseJson(text: string, message: string): any {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new TypeError(message, { cause: error });
  }
}

/** Whether a value is an object of JSON, `{...}`. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a value is a whole number that counts something. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && value as number >= 0;
}

/** Whether a value is a list of texts. */
export function areTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}
