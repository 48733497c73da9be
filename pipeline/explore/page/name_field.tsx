/**
 * A field for a class, which offers those that match.
 *
 * @module
 */

import { useLayoutEffect, useState } from "preact/hooks";
import { useDraft } from "./draft.ts";
import type { NameList } from "./names.ts";

/** Names that are offered. */
const OFFERED = 50;

/**
 * A field for a class.
 *
 * @param props Its `id` and `label`; the class that is chosen, null for none; and what to do when another is.
 */
export function NameField({ id, label, value, names, onChoose }: {
  readonly id: string;
  readonly label: string;
  readonly value: number | null;
  readonly names: NameList;
  onChoose(value: number | null): void;
}) {
  const shown = value === null ? "" : names.field(value);
  const [text, setText] = useDraft(shown);
  const [wrong, setWrong] = useState("");
  useLayoutEffect(() => setWrong(""), [shown]);

  function choose(typed: string) {
    const found = typed.trim() === "" ? null : names.find(typed);
    if (found === null && typed.trim() !== "") return setWrong(`No one class is called "${typed.trim()}"`);
    setWrong("");
    setText(found === null ? "" : names.field(found));
    if (found !== value) onChoose(found);
  }

  function type(typed: string) {
    setText(typed);
    setWrong("");
    // One that was picked from the list, or everything was deleted.
    const found = names.find(typed);
    if (typed === "" || (found !== null && names.field(found) === typed)) choose(typed);
  }

  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="search"
        list={`${id}-names`}
        autocomplete="off"
        spellcheck={false}
        placeholder="any"
        value={text}
        aria-invalid={wrong !== ""}
        aria-describedby={wrong ? `${id}-wrong` : undefined}
        onInput={(event) => type(event.currentTarget.value)}
        onChange={(event) => choose(event.currentTarget.value)}
      />
      <datalist id={`${id}-names`}>
        {names.matches(text, OFFERED).map((index) => <option key={index} value={names.field(index)} />)}
      </datalist>
      {wrong && <p class="wrong" id={`${id}-wrong`} role="alert">{wrong}</p>}
    </div>
  );
}
