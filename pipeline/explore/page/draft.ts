/**
 * What is being typed into a field, before it is anything.
 *
 * @module
 */

import { useLayoutEffect, useState } from "preact/hooks";

/**
 * The text of a field that stands for a value: what is typed, until the value is another. Without it, whatever is drawn
 * meanwhile, such as an answer that arrives, would put the old value back.
 *
 * @param value What the field stands for, as text.
 * @returns The text, and what changes it.
 */
export function useDraft(value: string): readonly [string, (text: string) => void] {
  const [text, setText] = useState(value);
  // Not an effect after the next paint: a key that is pressed before it would be lost.
  useLayoutEffect(() => setText(value), [value]);
  return [text, setText];
}
