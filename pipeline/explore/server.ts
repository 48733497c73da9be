/**
 * The answers of `deno task explore`: a page, data as JSON, and pictures.
 *
 * @module
 */

import { decodingBytes, readImageHeader } from "../../formats/images/image_header.ts";
import { fileError } from "../../formats/base/files.ts";
import { isTurned, mapFormat } from "../../formats/labels/mod.ts";
import { thumbnail } from "../pictures/thumbnail.ts";
import type { Explorer } from "./explorer.ts";
import { checkNames, readFilter, readRowsQuery } from "./filter.ts";
import { type CheckedRequest, checkRequest, createToken, HEADERS } from "./guard.ts";
import type { FolderNumber } from "./image_index.ts";
import { RequestError } from "./request_error.ts";
import { selectionFile } from "./selection.ts";
import { createTurns } from "./turns.ts";
import { printError } from "../command/terminal.ts";
import { areTexts, isObject } from "../../formats/base/json.ts";

/** A running server. */
export interface ExplorerServer {
  /** The page's address, token included. */
  readonly url: string;
  /** Ends what it is doing and listens no more. */
  close(): Promise<void>;
}

/** The page's files by their addresses. */
const PAGE: ReadonlyMap<string, readonly [file: string, type: string]> = new Map([
  ["", ["page.html", "text/html; charset=utf-8"]],
  ["page.js", ["page.js", "text/javascript; charset=utf-8"]],
  ["page.css", ["page.css", "text/css; charset=utf-8"]],
]);

const PAGE_FOLDER = new URL("../../assets/explorer/", import.meta.url);

/** Pixels of the longer side. */
const SIDES: ReadonlyMap<string, number> = new Map([["image", 1600], ["thumbnail", 160]]);

/** Images that are decoded at once. */
const MOST_DECODED = 4;

/** Bytes that decoding takes from which on images are decoded one at a time. */
const LARGE = 2 ** 27;

/** Bytes of a selection that the page sends. */
const LARGEST_BODY = 16 * 2 ** 20;

/** How a path is answered. */
type Answer = (request: Request, parameters: ReadonlyMap<string, string>) => Promise<Response>;

/**
 * Serves an explorer on the loopback interface.
 *
 * @param explorer What to show.
 * @param port Where; 0 for any that is free.
 * @returns The server.
 * @throws {Deno.errors.AddrInUse} If another program listens there.
 */
export function serveExplorer(explorer: Explorer, port: number): ExplorerServer {
  const token = createToken();
  const answers = answersOf(explorer);
  let server: Deno.HttpServer<Deno.NetAddr>;
  try {
    server = Deno.serve({ hostname: "127.0.0.1", port, onListen() {} }, async (request) => {
      try {
        return await answer(request, checkRequest(request, server.addr.port, token), answers);
      } catch (error) {
        return failure(error, request.signal);
      }
    });
  } catch (error) {
    throw fileError(`Cannot listen on 127.0.0.1:${port}, choose another --port`, error);
  }
  return { url: `http://127.0.0.1:${server.addr.port}/${token}/`, close: () => server.shutdown() };
}

async function answer(
  request: Request,
  { path, parameters }: CheckedRequest,
  answers: ReadonlyMap<string, Answer>,
): Promise<Response> {
  if (path === undefined) {
    return new Response(null, { status: 308, headers: { ...HEADERS, location: `${request.url}/` } });
  }
  const isPost = path === "api/selection";
  const found = answers.get(path);
  if (!found) throw new RequestError(404, "There is nothing at this address");
  if (request.method !== (isPost ? "POST" : "GET")) {
    throw new RequestError(405, `Cannot answer ${request.method}: expected ${isPost ? "POST" : "GET"}`);
  }
  return await found(request, parameters);
}

function failure(error: unknown, signal: AbortSignal): Response {
  // Nobody reads what is answered to a request that was given up.
  if (signal.aborted) return json({ error: "Given up" }, 499);
  if (error instanceof RequestError) return json({ error: error.message, ...error.facts }, error.status);
  const [message] = (error as Error).message.split("\n");
  printError(message);
  return json({ error: message }, 500);
}

function json(value: unknown, status = 200): Response {
  return new Response(JSON.stringify(value), { status, headers: { ...HEADERS, "content-type": "application/json" } });
}

function answersOf(explorer: Explorer): ReadonlyMap<string, Answer> {
  const { index, description } = explorer;
  const picture = pictureAnswer(explorer);
  const select = selectionAnswer(explorer);
  return new Map<string, Answer>([
    ...[...PAGE].map(([path, [file, type]]): [string, Answer] => [path, () => pageFile(file, type)]),
    ...[...SIDES].map(([path, side]): [string, Answer] => [
      path,
      ({ signal }, parameters) => picture(side, parameters, signal),
    ]),
    ["api/folder", bare(() => Promise.resolve(json(description)))],
    ["api/rows", async ({ signal }, parameters) => {
      const { filter, range } = readRowsQuery(parameters);
      return json(await explorer.rows(filter, range, signal));
    }],
    ["api/scores", bare(() => Promise.resolve(json({ scored: index.isScored() })))],
    ["api/map", (_, parameters) => mapAnswer(explorer, parameters)],
    ["api/selection", bare(select)],
  ]);
}

/** An answer to what has no parameters. */
function bare(answer: (request: Request) => Promise<Response>): Answer {
  return (request, parameters) => {
    checkNames(parameters, []);
    return answer(request);
  };
}

/** Answers with the label map of an image. */
async function mapAnswer({ folders, rowOf }: Explorer, parameters: ReadonlyMap<string, string>): Promise<Response> {
  checkNames(parameters, ["folder", "key"]);
  const number = parameters.get("folder") ?? "0";
  const folder = folders[Number(number)];
  if (!/^[01]$/.test(number) || !folder) {
    throw new RequestError(404, `There is no folder ${JSON.stringify(number)}: expected 0${folders[1] ? " or 1" : ""}`);
  }
  const row = await rowOf(Number(number) as FolderNumber, keyOf(parameters));
  const stored = await folder.get(row);
  const { label, width, height } = stored;
  return json({
    ...mapFormat(folder.metadata),
    ...{ label, width, height },
    class: Array.from(stored.class),
    score: Array.from(stored.score),
  });
}

/** Makes pictures of images no larger than `side`; of large images one is decoded at a time. */
function pictureAnswer({ folders, images, rowOf }: Explorer) {
  const turns = createTurns(MOST_DECODED);
  const turnsOfLarge = createTurns(1);
  const exifOrientation = isTurned(folders[0].metadata);

  async function read(key: string): Promise<Uint8Array<ArrayBuffer>> {
    try {
      return await images.read(key);
    } catch (error) {
      throw new RequestError(404, (error as Error).message);
    }
  }

  return async (side: number, parameters: ReadonlyMap<string, string>, signal: AbortSignal): Promise<Response> => {
    checkNames(parameters, ["key"]);
    const key = keyOf(parameters);
    await rowOf(0, key);
    const bytes = await turns(signal, async () => {
      const encoded = await read(key);
      const shrink = () => thumbnail(encoded, { side, exifOrientation });
      try {
        return await (decodingBytes(readImageHeader(encoded), { exifOrientation }) > LARGE
          ? turnsOfLarge(signal, shrink)
          : shrink());
      } catch (error) {
        signal.throwIfAborted();
        throw new RequestError(422, (error as Error).message);
      }
    });
    return new Response(bytes, { headers: { ...HEADERS, "content-type": "image/webp" } });
  };
}

/** Writes the keys that a request chooses into the selection's file. */
function selectionAnswer({ index, paths }: Explorer) {
  const selection = selectionFile(paths.selection);
  return async (request: Request): Promise<Response> => {
    const { keys, filter, overwrite } = await readSelection(request);
    const chosen = keys ? [keys] : index.keys(readFilter(filter!), request.signal);
    const unknown = keys && await index.firstUnknown(keys);
    if (unknown !== undefined) {
      throw new RequestError(400, `"${paths.labels}" has no label map of ${JSON.stringify(unknown)}`);
    }
    return json({ path: paths.selection, images: await selection.write(chosen, overwrite) });
  };
}

async function pageFile(file: string, type: string): Promise<Response> {
  return new Response(await Deno.readFile(new URL(file, PAGE_FOLDER)), {
    headers: { ...HEADERS, "content-type": type },
  });
}

function keyOf(parameters: ReadonlyMap<string, string>): string {
  const key = parameters.get("key");
  if (key === undefined || key.includes("\0")) throw new RequestError(400, "Expected the key of an image: key=KEY");
  return key;
}

/** What a selection says: keys without repetition, or the parameters of a filter. */
async function readSelection(request: Request) {
  const type = request.headers.get("content-type")?.split(";")[0].trim().toLowerCase();
  if (type !== "application/json") throw new RequestError(415, "Cannot read the selection: expected application/json");
  let value: unknown;
  try {
    value = JSON.parse(await readBody(request));
  } catch (error) {
    throw error instanceof SyntaxError ? new RequestError(400, "Cannot read the selection: it is not JSON") : error;
  }
  const { keys, filter, overwrite = false, ...others } = (value ?? {}) as Record<string, unknown>;
  const isKeys = areTexts(keys) && filter === undefined;
  const isFilter = isObject(filter) && areTexts(Object.values(filter)) &&
    keys === undefined;
  if (!(isKeys || isFilter) || typeof overwrite !== "boolean" || Object.keys(others).length > 0) {
    throw new RequestError(400, "Cannot read the selection: expected keys or filter, and overwrite");
  }
  return {
    keys: isKeys ? [...new Set(keys)] : undefined,
    filter: isFilter ? new Map(Object.entries(filter) as [string, string][]) : undefined,
    overwrite,
  };
}

async function readBody(request: Request): Promise<string> {
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  let length = 0;
  for await (const chunk of request.body ?? []) {
    length += chunk.length;
    if (length > LARGEST_BODY) {
      throw new RequestError(413, `Cannot read the selection: it has more than ${LARGEST_BODY} bytes, send a filter`);
    }
    chunks.push(chunk);
  }
  return await new Blob(chunks).text();
}
