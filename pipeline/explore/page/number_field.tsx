/**
 * A field for a number.
 *
 * @module
 */

import { useDraft } from "./draft.ts";

/**
 * A field for a number that must be there and in its range.
 *
 * @param props Its `id`, `label` and `title`; the number and its range; whether it counts as soon as it is typed, or when
 * it is finished; and what to do when it is another.
 */
export function NumberField({ id, label, title, value, range, live = false, onChange }: {
  readonly id: string;
  readonly label: string;
  readonly title?: string;
  readonly value: number;
  readonly range: readonly [number, number];
  readonly live?: boolean;
  onChange(value: number): void;
}) {
  const [text, setText] = useDraft(String(value));
  return (
    <div class="field field-small">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="number"
        min={range[0]}
        max={range[1]}
        step="any"
        required
        title={title}
        value={text}
        onInput={({ currentTarget }) => {
          setText(currentTarget.value);
          if (live && currentTarget.checkValidity()) onChange(currentTarget.valueAsNumber);
        }}
        onChange={({ currentTarget }) => {
          if (currentTarget.reportValidity() && !live) onChange(currentTarget.valueAsNumber);
        }}
      />
    </div>
  );
}
