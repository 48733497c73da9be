/**
 * Times what a person at the page waits for, of a running `deno task explore`.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { taskCommand } from "../../tests/pipeline/task.ts";
import { highWater } from "../high_water.ts";
import type { RowCounts } from "../query/row_counts.ts";

/** What was measured. */
export interface Measured {
  /** From the start of the process to its address, seconds. */
  readonly start: number;
  /** The page, its folders and the first rows, seconds. */
  readonly firstPage: number;
  /** The first filter, which waits for the table that the start has begun, seconds. */
  readonly firstFilter: number;
  /** From the start of the process until all scores are computed, seconds. */
  readonly scored: number;
  /** Every filter in every order, seconds. */
  readonly filters: readonly { readonly name: string; readonly seconds: number }[];
  /** A page far down, seconds. */
  readonly deepPage: number;
  /** Peak resident memory after the first filter, after the scores, after all filters, and after paging through them, bytes. */
  readonly peaks: readonly [start: number, scores: number, filters: number, paging: number];
}

const ORDERS = ["key", "suspicious", "least-confident", "most-classes"];

/**
 * Measures.
 *
 * @param path A folder that `writeLargeFolder` has written.
 * @param images Its rows.
 * @param expected What they hold.
 * @returns What was measured; each filter once.
 * @throws {Error} If an answer is not what the folder holds.
 */
export async function measureExplorer(path: string, images: number, expected: RowCounts): Promise<Measured> {
  const begun = performance.now();
  const child = taskCommand("explore", [path]).spawn();
  const errors = new Response(child.stderr).text();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  try {
    let out = "";
    while (!/^http.*\n/m.test(out)) {
      const { value, done } = await reader.read();
      if (done) throw new Error(await errors);
      out += value;
    }
    const start = secondsFrom(begun);
    return { start, ...await ask(out.trimEnd().split("\n").at(-1)!, child.pid, { images, expected, begun }) };
  } finally {
    child.kill("SIGTERM");
    await child.status;
    await reader.cancel();
    await errors;
  }
}

async function ask(
  url: string,
  process: number,
  { images, expected, begun }: { readonly images: number; readonly expected: RowCounts; readonly begun: number },
): Promise<Omit<Measured, "start">> {
  const time = async (action: () => Promise<unknown>) => {
    const begun = performance.now();
    await action();
    return secondsFrom(begun);
  };
  const rows = async (query: string, total?: number) => {
    const { total: found } = await get(`${url}api/rows?${query}`);
    if (total !== undefined) assertEquals(found, total, query);
  };
  const firstPage = await time(async () => {
    for (const file of ["", "page.js", "page.css"]) await (await fetch(url + file)).bytes();
    await get(`${url}api/folder`);
    await rows("", images);
  });
  const firstFilter = await time(() => rows("label=0", images / 1000));
  const peaks = [await highWater(process)];
  const [carried, { images: carriers }] = [...expected.carried].reduce((most, one) =>
    one[1].images > most[1].images ? one : most
  );
  await rows(`class=${carried}`, carriers);
  const scored = secondsFrom(begun);
  peaks.push(await highWater(process));
  const questions: [name: string, query: string, total?: number][] = [
    ["none", "", images],
    ["class", `class=${carried}`, carriers],
    ["label", "label=500", images / 1000],
    ["key", "key=N01440764/", images / 1000],
    ["condition", `where=${encodeURIComponent("label < 100 AND self_confidence < 2")}`, images / 10],
  ];
  const filters = [];
  for (const [name, query, total] of questions) {
    for (const order of ORDERS) {
      const seconds = await time(() => rows(`${query}&order=${order}`, total));
      filters.push({ name: `${name}, ${order}`, seconds });
    }
  }
  peaks.push(await highWater(process));
  const deepPage = await time(() => rows(`order=suspicious&offset=${0.9 * images}`, images));
  for (let page = 0; page < 100; page++) {
    await rows(`order=${ORDERS[page % 2]}&offset=${Math.floor(page * images / 100)}`, images);
  }
  peaks.push(await highWater(process));
  return { firstPage, firstFilter, scored, filters, deepPage, peaks: peaks as [number, number, number, number] };
}

async function get(url: string) {
  const response = await fetch(url);
  const answer = await response.json();
  if (!response.ok) throw new Error(`Cannot measure ${url}: ${answer.error}`);
  return answer;
}

function secondsFrom(begun: number): number {
  return (performance.now() - begun) / 1000;
}
