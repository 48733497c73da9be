/**
 * Which images are on a page, and in which order: the query of `api/rows`.
 *
 * @module
 */

import { MULTI_LABEL_THRESHOLD } from "../../formats/labels/multi_label.ts";
import { RequestError } from "./request_error.ts";

/** What may be asked for; what is left out lets every image through. */
export interface ImageFilter {
  /** Images that carry this class of the annotator, with a score of `threshold` or more. */
  readonly class?: number;
  /** Images that the data set labels so. */
  readonly label?: number;
  /** Images whose key contains this, whatever the case. */
  readonly key?: string;
  /** A condition in SQL. */
  readonly where?: string;
  /** Only images whose best class another one is in the second folder. */
  readonly differs: boolean;
  /** From which score on an image carries a class. */
  readonly threshold: number;
  readonly order: ImageOrder;
}

/** Orders of images: as in the folder; or first those of doubtful labels, of no clear class, of several classes. */
export const imageOrders = ["key", "suspicious", "least-confident", "most-classes"] as const;

/** One of {@linkcode imageOrders}. */
export type ImageOrder = typeof imageOrders[number];

/** A part of what a filter lets through. */
export interface RowRange {
  readonly offset: number;
  readonly limit: number;
}

/** Rows of a page unless the query says how many, and at most. */
const DEFAULT_LIMIT = 50;
const MOST_ROWS = 500;

/** Characters of a text in a query. */
const LONGEST_TEXT = 4096;

/** The parameters of a filter. */
const FILTER = ["class", "label", "key", "where", "differs", "threshold", "order"];

/**
 * Reads the parameters of a request.
 *
 * @param parameters The request's parameters, by name.
 * @returns The filter, and the part of it.
 * @throws {RequestError} If one is unknown, or its value cannot be.
 */
export function readRowsQuery(parameters: ReadonlyMap<string, string>): { filter: ImageFilter; range: RowRange } {
  checkNames(parameters, [...FILTER, "offset", "limit"]);
  const limit = readInteger(parameters, "limit") ?? DEFAULT_LIMIT;
  if (limit < 1 || limit > MOST_ROWS) {
    throw new RequestError(400, `Cannot use limit=${limit}: expected 1 to ${MOST_ROWS}`);
  }
  return { filter: filterOf(parameters), range: { offset: readInteger(parameters, "offset") ?? 0, limit } };
}

/**
 * Reads a filter.
 *
 * @param parameters The request's parameters, by name.
 * @returns The filter.
 * @throws {RequestError} If one is unknown, or its value cannot be.
 */
export function readFilter(parameters: ReadonlyMap<string, string>): ImageFilter {
  checkNames(parameters, FILTER);
  return filterOf(parameters);
}

/**
 * Refuses parameters that nobody reads.
 *
 * @param parameters The request's parameters, by name.
 * @param known The names there are.
 * @throws {RequestError} If there are others.
 */
export function checkNames(parameters: ReadonlyMap<string, string>, known: readonly string[]): void {
  for (const name of parameters.keys()) {
    if (!known.includes(name)) {
      throw new RequestError(400, `Unknown parameter ${JSON.stringify(name)}: known are ${known.join(", ")}`);
    }
  }
}

function filterOf(parameters: ReadonlyMap<string, string>): ImageFilter {
  const order = parameters.get("order") ?? "key";
  const known = imageOrders.find((name) => name === order);
  if (!known) throw refuse("order", order, `one of ${imageOrders.join(", ")}`);
  const threshold = Number(parameters.get("threshold") || MULTI_LABEL_THRESHOLD);
  if (!(threshold >= 0 && threshold <= 1)) {
    throw refuse("threshold", parameters.get("threshold")!, "a score, 0 to 1");
  }
  const differs = parameters.get("differs") ?? "0";
  if (differs !== "0" && differs !== "1") throw refuse("differs", differs, "0 or 1");
  return {
    class: readInteger(parameters, "class"),
    label: readInteger(parameters, "label"),
    key: readText(parameters, "key"),
    where: readText(parameters, "where"),
    differs: differs === "1",
    threshold,
    order: known,
  };
}

function readInteger(parameters: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = parameters.get(name);
  if (!text) return undefined;
  if (!/^\d{1,10}$/.test(text) || Number(text) >= 2 ** 32) throw refuse(name, text, "a number from 0");
  return Number(text);
}

/** A text; an empty field of a form asks for nothing. */
function readText(parameters: ReadonlyMap<string, string>, name: string): string | undefined {
  const text = parameters.get(name)?.trim();
  if (!text) return undefined;
  if (text.length > LONGEST_TEXT) {
    throw new RequestError(
      400,
      `Cannot use ${name}: it has ${text.length} characters, expected ${LONGEST_TEXT} at most`,
    );
  }
  if (text.includes("\0")) throw new RequestError(400, `Cannot use ${name}: it has a character 0`);
  return text;
}

function refuse(name: string, text: string, expected: string): RequestError {
  return new RequestError(400, `Cannot use ${name}=${text.slice(0, 100)}: expected ${expected}`);
}
