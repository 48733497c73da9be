/**
 * The page: a list of images, or one of them.
 *
 * @module
 */

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { formatCount, formatNumberOf } from "../../command/numbers.ts";
import type { Filter, View } from "./address.ts";
import { fetchFolders, fetchIsScored, fetchRows, messageOf } from "./api.ts";
import type { Folders, Row, Rows } from "../answers.ts";
import { FilterBar } from "./filter_bar.tsx";
import { Gallery } from "./gallery.tsx";
import type { LabelOf } from "./given_label.tsx";
import { ImageHeader } from "./image_header.tsx";
import { ImageView } from "./image_view.tsx";
import { nameList } from "./names.ts";
import { PAGE_ROWS } from "./page_rows.ts";
import { Pager } from "./pager.tsx";
import { SelectionBar } from "./selection_bar.tsx";
import { useAddress } from "./use_address.ts";

/** The page, once it knows what it is opened on. */
export function App() {
  const [folders, setFolders] = useState<Folders | null>(null);
  const [failure, setFailure] = useState("");
  useEffect(() => {
    fetchFolders().then(setFolders, (error) => setFailure(messageOf(error)));
  }, []);
  if (failure) return <p class="failure" role="alert">{failure}</p>;
  return folders ? <Explorer folders={folders} /> : <p class="waiting">Opening the label maps …</p>;
}

function Explorer({ folders }: { readonly folders: Folders }) {
  const [view, navigate] = useAddress();
  const list = useRows(view.filter, view.page);
  const scoring = useScoring(!list.settled);
  const [ticked, setTicked] = useState<ReadonlySet<string>>(new Set());
  const classes = useMemo(
    () => nameList(folders.classNames, { kind: "class", count: folders.folders[0].classes }),
    [folders],
  );
  const { labels, labelOf } = useMemo(() => {
    const labels = nameList(folders.labelNames ?? folders.classNames, {
      kind: "label",
      count: folders.labelClasses.length,
    });
    const labelOf: LabelOf = (label) =>
      label === null
        ? { name: null, class: null }
        : { name: labels.short(label), class: folders.labelClasses[label] ?? null };
    return { labels, labelOf };
  }, [folders]);

  const { total, rows } = list.answer;
  const all = folders.folders[0].rows;
  const pages = Math.ceil(total / PAGE_ROWS);
  useEffect(() => {
    if (list.settled && rows.length === 0 && view.page > 0) navigate({ page: Math.max(pages - 1, 0) }, "replace");
  }, [list.settled, rows]);

  const image = view.image;
  useReturn(image, rows);

  function tick(keys: readonly string[], on: boolean) {
    const next = new Set(ticked);
    for (const key of keys) {
      if (on) next.add(key);
      else next.delete(key);
    }
    setTicked(next);
  }

  function filterBy(part: Partial<Filter>) {
    // Letters typed one after the other are one step back.
    const typing = Boolean(part.key && view.filter.key);
    navigate(({ filter }) => ({ filter: { ...filter, ...part }, page: 0 }), typing ? "replace" : "push");
  }

  const pageTicked = rows.length > 0 && rows.every(({ key }) => ticked.has(key));
  return (
    <>
      <header class="top">
        <h1>Label maps</h1>
        <ul class="folders">
          {folders.folders.map(({ path, annotator, dtype, k, grid }, index) => (
            <li key={index}>
              {folders.folders.length > 1 && <b class="badge">{"AB"[index]}</b>} <span class="code">{path}</span>{" "}
              <span class="facts">
                {annotator.name} · {grid.join(" × ")} cells · {formatNumberOf(k, "class", "classes")} a cell · {dtype}
              </span>
            </li>
          ))}
        </ul>
      </header>
      <main class="list" hidden={image !== null}>
        <FilterBar
          filter={view.filter}
          comparing={folders.folders.length > 1}
          classes={classes}
          labels={labels}
          onFilter={filterBy}
        />
        {list.failure && <p class="failure" role="alert">{list.failure}</p>}
        <div class="toolbar">
          <label class="tick-page">
            <input
              type="checkbox"
              checked={pageTicked}
              disabled={rows.length === 0}
              onChange={(event) => tick(rows.map(({ key }) => key), event.currentTarget.checked)}
            />
            <span>This page</span>
          </label>
          <p class="total" role="status">
            {scoring
              ? "Computing the scores of all images, once: filters and orders that need them wait …"
              : list.failure
              ? ""
              : list.settled || total > 0
              ? formatNumberOf(total, "image")
              : "Reading …"}
            {!list.failure && list.settled && total < all && ` of ${formatCount(all)}`}
          </p>
          <SelectionBar
            ticked={ticked}
            filter={view.filter}
            total={total}
            busy={!list.settled}
            folders={folders}
            onClear={() => setTicked(new Set())}
          />
          <Pager page={view.page} pages={pages} onPage={(page) => navigate({ page }, "push")} />
        </div>
        <div class={list.settled ? "" : "stale"} aria-busy={!list.settled}>
          <Gallery
            rows={rows}
            view={{ ...view, ...list.of }}
            classes={classes}
            labelOf={labelOf}
            ticked={ticked}
            onTick={tick}
          />
          {list.settled && !list.failure && total === 0 && <p class="nothing">No image is like that.</p>}
        </div>
        {rows.length > 12 && (
          <div class="toolbar toolbar-end">
            <Pager
              page={view.page}
              pages={pages}
              onPage={(page) => {
                navigate({ page }, "push");
                scrollTo(0, 0);
              }}
            />
          </div>
        )}
      </main>
      {image !== null && (
        <main class="single">
          <ImageHeader
            image={image}
            view={view}
            rows={list.settled ? rows : NO_ROWS.rows}
            total={total}
            ticked={ticked.has(image)}
            onTick={(on) => tick([image], on)}
            navigate={navigate}
          />
          <ImageView
            image={image}
            view={view}
            folders={folders}
            classes={classes}
            labelOf={labelOf}
            navigate={navigate}
          />
        </main>
      )}
    </>
  );
}

/** What a page of rows was answered with; until the next answer is there, the one before. */
interface RowsAnswer {
  readonly answer: Rows;
  /** What it answers. */
  readonly of: Pick<View, "filter" | "page">;
  /** The server's sentence, or nothing. */
  readonly failure: string;
  /** Whether it is the answer to what is asked. */
  readonly settled: boolean;
}

const NO_ROWS: Rows = { total: 0, rows: [] };

function useRows(filter: Filter, page: number): RowsAnswer {
  const asked = JSON.stringify([filter, page]);
  const [{ to, ...answered }, setAnswer] = useState({ to: "", of: { filter, page }, answer: NO_ROWS, failure: "" });
  useEffect(() => {
    const stop = new AbortController();
    const of = { filter, page };
    fetchRows(filter, { offset: page * PAGE_ROWS, limit: PAGE_ROWS }, stop.signal).then(
      (answer) => setAnswer({ to: asked, of, answer, failure: "" }),
      (error) => {
        if (!stop.signal.aborted) setAnswer({ to: asked, of, answer: NO_ROWS, failure: messageOf(error) });
      },
    );
    return () => stop.abort();
  }, [asked]);
  return { ...answered, settled: to === asked };
}

/** Milliseconds after which the page asks what it waits for, again and again. */
const WAITING = 500;

/** Whether a list that is waited for is so because the scores are not computed yet. */
function useScoring(waiting: boolean): boolean {
  const [scoring, setScoring] = useState(false);
  useEffect(() => {
    if (!waiting) return;
    let given = false;
    const timer = setInterval(() => {
      // Whoever asks for the rows says what is wrong with the server.
      fetchIsScored().then((isScored) => given || setScoring(!isScored), () => {});
    }, WAITING);
    return () => {
      given = true;
      clearInterval(timer);
      setScoring(false);
    };
  }, [waiting]);
  return scoring;
}

/** Puts the list back where it was when an image is left, with the focus on that image once it is listed. */
function useReturn(image: string | null, rows: readonly Row[]) {
  const before = useRef<string | null>(image);
  const left = useRef<string | null>(null);
  const place = useRef(0);
  useEffect(() => {
    const remember = () => {
      if (before.current === null) place.current = scrollY;
    };
    addEventListener("scroll", remember, { passive: true });
    return () => removeEventListener("scroll", remember);
  }, []);
  useLayoutEffect(() => {
    if (image !== before.current) {
      left.current = image === null ? before.current : null;
      before.current = image;
      scrollTo(0, image === null ? place.current : 0);
    }
    if (left.current === null || !rows.some(({ key }) => key === left.current)) return;
    const links = [...document.querySelectorAll<HTMLElement>(".card-link")];
    links.find(({ dataset }) => dataset.key === left.current)?.focus();
    left.current = null;
  }, [image, rows]);
}
