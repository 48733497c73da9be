/**
 * Hashes of texts, so that names that were seen take little memory.
 *
 * @module
 */

/**
 * 53 bits of a text: cyrb53, whose author gave it to the public. In one of a hundred sets of ten million texts two have
 * one hash.
 *
 * @param text Any text.
 * @returns An integer below 2^53.
 */
export function hashText(text: string): number {
  let [first, second] = [0xdeadbeef, 0x41c6ce57];
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    first = Math.imul(first ^ unit, 2654435761);
    second = Math.imul(second ^ unit, 1597334677);
  }
  first = Math.imul(first ^ (first >>> 16), 2246822507) ^ Math.imul(second ^ (second >>> 13), 3266489909);
  second = Math.imul(second ^ (second >>> 16), 2246822507) ^ Math.imul(first ^ (first >>> 13), 3266489909);
  return 4294967296 * (2097151 & second) + (first >>> 0);
}
