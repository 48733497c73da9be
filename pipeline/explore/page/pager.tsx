/**
 * From page to page.
 *
 * @module
 */

import { formatCount } from "../../command/numbers.ts";
import { useDraft } from "./draft.ts";

/**
 * Which page it is, and the way to others.
 *
 * @param props The page from 0, how many there are, and what to do when another is asked for.
 */
export function Pager({ page, pages, onPage }: {
  readonly page: number;
  readonly pages: number;
  onPage(page: number): void;
}) {
  const [text, setText] = useDraft(String(page + 1));
  const last = Math.max(pages - 1, 0);
  return (
    <nav class="pager" aria-label="Pages">
      <button type="button" disabled={page === 0} onClick={() => onPage(0)} aria-label="First page">«</button>
      <button type="button" disabled={page === 0} onClick={() => onPage(page - 1)} aria-label="Previous page">‹</button>
      <label>
        <span class="pager-word">Page</span>
        <input
          type="number"
          min={1}
          max={last + 1}
          value={text}
          aria-label="Page"
          onInput={({ currentTarget }) => setText(currentTarget.value)}
          onChange={({ currentTarget }) => {
            const asked = Math.round(currentTarget.valueAsNumber) - 1;
            const next = Number.isNaN(asked) ? page : Math.min(Math.max(asked, 0), last);
            setText(String(next + 1));
            if (next !== page) onPage(next);
          }}
        />
        of {formatCount(last + 1)}
      </label>
      <button type="button" disabled={page >= last} onClick={() => onPage(page + 1)} aria-label="Next page">›</button>
      <button type="button" disabled={page >= last} onClick={() => onPage(last)} aria-label="Last page">»</button>
    </nav>
  );
}
