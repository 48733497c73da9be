/**
 * Which image it is, and the way to the one before and after.
 *
 * @module
 */

import { printable } from "../../../formats/base/printable.ts";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { formatCount } from "../../command/numbers.ts";
import { addressOf, type View } from "./address.ts";
import { fetchRows, messageOf } from "./api.ts";
import type { Row } from "../answers.ts";
import { PAGE_ROWS } from "./page_rows.ts";
import type { Navigate } from "./use_address.ts";

/**
 * The head of an image.
 *
 * @param props The image's `key`, the view, the rows of its page and how many the filter lets through, whether it is
 * ticked.
 */
export function ImageHeader({ image, view, rows, total, ticked, onTick, navigate }: {
  readonly image: string;
  readonly view: View;
  readonly rows: readonly Row[];
  readonly total: number;
  readonly ticked: boolean;
  onTick(tick: boolean): void;
  readonly navigate: Navigate;
}) {
  const [failure, setFailure] = useState("");
  const title = useRef<HTMLHeadingElement>(null);
  // The step to another page that is under way.
  const fetching = useRef<AbortController | null>(null);
  const index = rows.findIndex(({ key }) => key === image);
  const number = view.page * PAGE_ROWS + index;
  const before = index >= 0 && number > 0;
  const after = index >= 0 && number < total - 1;
  useEffect(() => title.current!.focus({ preventScroll: true }), []);

  async function go(step: -1 | 1) {
    setFailure("");
    const neighbour = rows[index + step];
    if (neighbour) return navigate({ image: neighbour.key, heat: null }, "push");
    if (fetching.current) return;
    const stop = fetching.current = new AbortController();
    try {
      const [row] = (await fetchRows(view.filter, { offset: number + step, limit: 1 }, stop.signal)).rows;
      if (row) navigate({ image: row.key, heat: null, page: view.page + step }, "push");
    } catch (error) {
      if (!stop.signal.aborted) setFailure(messageOf(error));
    }
    if (!stop.signal.aborted) fetching.current = null;
  }

  useLayoutEffect(() => () => {
    fetching.current?.abort();
    fetching.current = null;
  }, [image, view.filter, view.page]);

  // An effect after the next paint would come too late for a key that is pressed at once.
  useLayoutEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement) return;
      if (event.key === "Escape") navigate({ image: null }, "push");
      else if (event.key === "j" && after) go(1);
      else if (event.key === "k" && before) go(-1);
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  });

  return (
    <div class="image-header">
      <a class="button" href={addressOf({ ...view, image: null })}>‹ All images</a>
      <h2 class="image-key" ref={title} tabIndex={-1}>{printable(image)}</h2>
      <label class="tick-one">
        <input type="checkbox" checked={ticked} onChange={(event) => onTick(event.currentTarget.checked)} />
        <span>Select</span>
      </label>
      <nav class="pager" aria-label="Images">
        <button type="button" disabled={!before} onClick={() => go(-1)} title="Previous image (k)">‹ Previous</button>
        {index >= 0 && <span class="number">{formatCount(number + 1)} of {formatCount(total)}</span>}
        <button type="button" disabled={!after} onClick={() => go(1)} title="Next image (j)">Next ›</button>
      </nav>
      {failure && <p class="failure" role="alert">{failure}</p>}
    </div>
  );
}
