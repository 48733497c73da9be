/**
 * What the server of this page answers, and how it is asked. All addresses are under the page's own, token included.
 *
 * @module
 */

import { printable } from "../../../formats/base/printable.ts";
import { type Filter, filterParameters } from "./address.ts";
import type { Folders, Rows } from "../answers.ts";
import { classArray, type LabelMapBatch, mapFormat, SCORE_ARRAYS } from "../../../formats/base/label_map.ts";

/** A label map, and what its row says. */
export interface ImageMap {
  readonly map: LabelMapBatch;
  readonly label: number | null;
  readonly width: number;
  readonly height: number;
}

/** The keys of a selection, or a filter for all that it lets through. */
export type Chosen = { readonly keys: readonly string[] } | { readonly filter: Filter };

/** A selection that was written. */
export interface Selection {
  readonly path: string;
  readonly images: number;
}

/** What the map arrives as. */
interface MapAnswer extends Omit<LabelMapBatch, "count" | "class" | "score">, Omit<ImageMap, "map"> {
  readonly class: readonly number[];
  readonly score: readonly number[];
}

/** The folders that the page is opened on. */
export function fetchFolders(): Promise<Folders> {
  return ask<Folders>("api/folder");
}

/**
 * Rows of a filter.
 *
 * @param filter What is asked for.
 * @param range The rows to fetch, by their position.
 * @param signal Ends the request.
 * @returns The rows, and how many there are in all.
 * @throws {Error} With the server's sentence.
 */
export function fetchRows(
  filter: Filter,
  { offset, limit }: { readonly offset: number; readonly limit: number },
  signal?: AbortSignal,
): Promise<Rows> {
  const query = filterParameters(filter);
  query.set("offset", String(offset));
  query.set("limit", String(limit));
  return ask<Rows>(`api/rows?${query}`, { signal });
}

/** Whether the scores of all images are there, which some filters wait for. */
export async function fetchIsScored(): Promise<boolean> {
  return (await ask<{ readonly scored: boolean }>("api/scores")).scored;
}

/**
 * The label map of an image.
 *
 * @param folder 0, or 1 for the second.
 * @param key Key of the image.
 * @param signal Ends the request.
 * @returns The map.
 * @throws {Error} With the server's sentence, such as that the folder has no map of the image.
 */
export async function fetchMap(folder: number, key: string, signal?: AbortSignal): Promise<ImageMap> {
  const query = new URLSearchParams({ folder: String(folder), key });
  const { label, width, height, class: stored, score, ...format } = await ask<MapAnswer>(`api/map?${query}`, {
    signal,
  });
  const map = {
    count: 1,
    ...mapFormat(format),
    class: classArray(format.classes).from(stored),
    score: SCORE_ARRAYS[format.dtype].from(score),
  };
  return { map, label, width, height };
}

/**
 * Writes a selection.
 *
 * @param chosen The images to write.
 * @param overwrite Whether it replaces a file that is there.
 * @returns What was written.
 * @throws {Error} With the server's sentence; {@linkcode isInTheWay} tells whether a file is there.
 */
export function saveSelection(
  chosen: Chosen,
  overwrite: boolean,
): Promise<Selection> {
  const what = "keys" in chosen ? chosen : { filter: Object.fromEntries(filterParameters(chosen.filter)) };
  const body = overwrite ? { ...what, overwrite } : what;
  return ask<Selection>("api/selection", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** Whether an error is that there is a file where the selection would be written. */
export function isInTheWay(error: unknown): boolean {
  return error instanceof Error && (error.cause as { exists?: boolean } | undefined)?.exists === true;
}

/** The address of an image's picture. */
export function pictureAddress(kind: "image" | "thumbnail", key: string): string {
  return `${kind}?${new URLSearchParams({ key })}`;
}

/**
 * Why an address gives no picture.
 *
 * @param address Address of a picture that could not be shown.
 * @returns The server's sentence.
 */
export async function failureOf(address: string): Promise<string> {
  try {
    await ask(address);
    return "The browser cannot show it";
  } catch (error) {
    return messageOf(error);
  }
}

/** What an error says. */
export function messageOf(error: unknown): string {
  return printable(error instanceof Error ? error.message : String(error));
}

async function ask<Answer>(address: string, request: RequestInit = {}): Promise<Answer> {
  let response: Response;
  try {
    response = await fetch(address, request);
  } catch (error) {
    if (request.signal?.aborted) throw error;
    throw new Error("The server does not answer: is the explorer still running?");
  }
  const json = response.headers.get("content-type")?.startsWith("application/json");
  const answer = json ? await response.json() : undefined;
  if (!response.ok) {
    throw new Error(answer?.error ?? `The server answered with status ${response.status}`, { cause: answer });
  }
  return answer;
}
