/**
 * What a screen reader says.
 *
 * @module
 */

import { useEffect, useState } from "preact/hooks";

/** Milliseconds without a change until it is said: a box that is dragged is silent until it rests. */
const REST = 700;

/**
 * Says a text when it has not changed for a while; nothing is seen of it.
 *
 * @param props The text.
 */
export function Live({ text }: { readonly text: string }) {
  const [said, setSaid] = useState("");
  useEffect(() => {
    const timer = setTimeout(() => setSaid(text), REST);
    return () => clearTimeout(timer);
  }, [text]);
  return <p class="hidden" role="status">{said}</p>;
}
