/**
 * The fields that say which images are listed.
 *
 * @module
 */

import { useLayoutEffect } from "preact/hooks";
import { type Filter, FIRST_VIEW, ORDERS } from "./address.ts";
import { useDraft } from "./draft.ts";
import { NameField } from "./name_field.tsx";
import type { NameList } from "./names.ts";
import { NumberField } from "./number_field.tsx";

/** Milliseconds after the last key until what was typed is searched. */
const TYPED = 250;

/**
 * Fields of a filter.
 *
 * @param props The filter, whether two folders are compared, the names of the annotator's and of the data set's classes, and what to do when a part of it changes.
 */
export function FilterBar({ filter, comparing, classes, labels, onFilter }: {
  readonly filter: Filter;
  readonly comparing: boolean;
  readonly classes: NameList;
  readonly labels: NameList;
  onFilter(part: Partial<Filter>): void;
}) {
  const any = JSON.stringify({ ...filter, order: "" }) !== JSON.stringify({ ...FIRST_VIEW.filter, order: "" });
  return (
    <search>
      <form class="filters" onSubmit={(event) => event.preventDefault()}>
        <KeyField value={filter.key} onChange={(key) => onFilter({ key })} />
        <NameField
          id="class"
          label="Carries class"
          value={filter.class}
          names={classes}
          onChoose={(index) => onFilter({ class: index })}
        />
        <NumberField
          id="threshold"
          label="at least"
          title="The least score with which an image carries a class"
          value={filter.threshold}
          range={[0, 1]}
          onChange={(threshold) => onFilter({ threshold })}
        />
        <NameField
          id="label"
          label="Labelled"
          value={filter.label}
          names={labels}
          onChoose={(label) => onFilter({ label })}
        />
        <div class="field field-wide">
          <label for="where">SQL condition</label>
          <WhereField value={filter.where} onChange={(where) => onFilter({ where })} />
        </div>
        <div class="field">
          <label for="order">Order</label>
          <select
            id="order"
            value={filter.order}
            onChange={(event) => onFilter({ order: event.currentTarget.value as Filter["order"] })}
          >
            {Object.entries(ORDERS).map(([order, name]) => <option key={order} value={order}>{name}</option>)}
          </select>
        </div>
        <button
          type="button"
          class="quiet clear"
          disabled={!any}
          onClick={() => onFilter({ ...FIRST_VIEW.filter, order: filter.order })}
        >
          Clear
        </button>
        {comparing && (
          <label class="tick-differs">
            <input
              type="checkbox"
              checked={filter.differs}
              onChange={(event) => onFilter({ differs: event.currentTarget.checked })}
            />
            <span>Best class differs between A and B</span>
          </label>
        )}
      </form>
    </search>
  );
}

/** What keys contain: searched while it is typed. */
function KeyField({ value, onChange }: { readonly value: string; onChange(key: string): void }) {
  const [text, setText] = useDraft(value);
  useLayoutEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => onChange(text), TYPED);
    return () => clearTimeout(timer);
  }, [text]);
  return (
    <div class="field">
      <label for="key">Key contains</label>
      <input
        id="key"
        type="search"
        autocomplete="off"
        spellcheck={false}
        placeholder="any"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
      />
    </div>
  );
}

/** A condition, tried when it is finished. */
function WhereField({ value, onChange }: { readonly value: string; onChange(where: string): void }) {
  const [text, setText] = useDraft(value);
  return (
    <>
      <input
        id="where"
        class="code"
        type="search"
        autocomplete="off"
        autocapitalize="off"
        spellcheck={false}
        placeholder="score[1] < 0.5 AND width > height"
        aria-describedby="columns"
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onChange={(event) => onChange(event.currentTarget.value.trim())}
      />
      <p class="hint" id="columns">
        Columns: key, label, given, width, height, class[1, 2, ...] and score[1, 2, ...] (best first), name (of the best
        class), top_class[1 to 5] and top_probability[1 to 5] (the classifier's, of the whole picture), self_confidence,
        margin, classes (carried), place. Enter tries it.
      </p>
    </>
  );
}
