/**
 * The images of a page, small, with what they are labelled and what the annotator sees.
 *
 * @module
 */

import { printable } from "../../../formats/base/printable.ts";
import { addressOf, type View } from "./address.ts";
import type { Row } from "../answers.ts";
import { Score } from "./bars.tsx";
import { GivenLabel, type LabelOf } from "./given_label.tsx";
import type { NameList } from "./names.ts";
import { Picture } from "./picture.tsx";

/** Classes that a card shows. */
const SHOWN = 3;

/**
 * Cards of images.
 *
 * @param props The rows of a page, the view they are part of, what is called what, and which images are ticked.
 */
export function Gallery({ rows, view, classes, labelOf, ticked, onTick }: {
  readonly rows: readonly Row[];
  readonly view: View;
  readonly classes: NameList;
  readonly labelOf: LabelOf;
  readonly ticked: ReadonlySet<string>;
  onTick(keys: readonly string[], tick: boolean): void;
}) {
  return (
    <ul class="gallery">
      {rows.map((row) => (
        <li key={row.key} class="card">
          <a class="card-link" href={addressOf({ ...view, image: row.key, heat: null })} data-key={row.key}>
            <span class="thumbnail">
              <Picture kind="thumbnail" image={row.key} alt="" />
            </span>
            <KeyText text={row.key} />
          </a>
          <GivenLabel {...labelOf(row.label)} best={row.best[0]?.class ?? null} confidence={row.selfConfidence} />
          <ol class="classes">
            {row.best.slice(0, SHOWN).map(({ class: index, score }) => (
              <li key={index}>
                <span class="class-name" title={classes.short(index)}>{classes.short(index)}</span>
                <Score value={score} name={classes.short(index)} />
              </li>
            ))}
          </ol>
          <input
            class="tick"
            type="checkbox"
            aria-label={`Select ${printable(row.key)}`}
            checked={ticked.has(row.key)}
            onChange={(event) => onTick([row.key], event.currentTarget.checked)}
          />
        </li>
      ))}
    </ul>
  );
}

/** A key, whose end says more than its beginning: that is cut where there is no room. */
function KeyText({ text }: { readonly text: string }) {
  const shown = printable(text);
  const cut = shown.lastIndexOf("/") + 1;
  return (
    <span class="key" title={shown}>
      <span class="key-folder">{shown.slice(0, cut)}</span>
      <span class="key-name">{shown.slice(cut)}</span>
    </span>
  );
}
