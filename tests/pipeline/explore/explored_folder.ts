/**
 * Label maps with their images for an explorer, and requests that a browser would not send.
 *
 * @module
 */

import { join } from "@std/path";
import type { LabelMapRow } from "../../../formats/labels/mod.ts";
import { type ExplorerPaths, openExplorer } from "../../../pipeline/explore/explorer.ts";
import { serveExplorer } from "../../../pipeline/explore/server.ts";
import { smallMetadata, smallRow } from "../../formats/labels/fixture.ts";
import { mixedFolder } from "../photographs.ts";
import { folderOf, TWELVE } from "../query/query_folder.ts";

/** What the data set calls its classes: of `pier` and `wombat` the annotator knows the first, its class 8. */
export const LABELS = { name: ["pier", "wombat"] };

/** Rows of some keys; a label in three is null, and the best classes and their probabilities differ from row to row. */
export function exploredRows(keys: readonly string[], shift = 0): LabelMapRow[] {
  const metadata = smallMetadata();
  return keys.map((key, index) => {
    const confidence = ((index * 7 + shift) % 19 + 1) / 20;
    return {
      ...smallRow(index, metadata),
      key,
      label: index % 3 === 0 ? null : index % 2,
      topClass: Uint16Array.from({ length: 5 }, (_, rank) => (index * 5 + rank * (1 + index % 2) + shift) % 12),
      topProbability: Float32Array.from({ length: 5 }, (_, rank) => confidence * (1 - confidence) ** rank),
    };
  });
}

/** Twelve images, of which some cannot be decoded, with their label maps. */
export function exploredFolder(): { labels: string; images: string; rows: readonly LabelMapRow[] } {
  const images = mixedFolder(12);
  const keys = ["cats", "dogs"].flatMap((folder) =>
    [...Deno.readDirSync(join(images, folder))].map(({ name }) => `${folder}/${name}`).sort()
  );
  const rows = exploredRows(keys);
  return { labels: folderOf(rows, smallMetadata(), { classes: TWELVE, dataSetClasses: LABELS }), images, rows };
}

/** A folder of the same classes with other rows. */
export function comparedFolder(rows: readonly LabelMapRow[]): string {
  return folderOf(rows, smallMetadata(), { classes: TWELVE, dataSetClasses: LABELS });
}

/** Serves folders while a test runs. */
export async function withServer(
  paths: Omit<ExplorerPaths, "selection"> & { readonly selection?: string },
  use: (url: string) => Promise<void>,
): Promise<void> {
  const selection = paths.selection ?? join(Deno.makeTempDirSync(), "selection.txt");
  const explorer = await openExplorer({ ...paths, selection });
  const server = serveExplorer(explorer, 0);
  try {
    await use(server.url);
  } finally {
    await server.close();
    await explorer.close();
  }
}

/** An answer's status and its JSON. */
// deno-lint-ignore no-explicit-any
export async function ask(url: string, init?: RequestInit): Promise<{ status: number; json: any }> {
  const response = await fetch(url, init);
  return { status: response.status, json: await response.json() };
}

/** Sends a selection. */
export function select(url: string, body: unknown, type = "application/json") {
  return ask(`${url}api/selection`, {
    method: "POST",
    headers: { "content-type": type },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
}

/**
 * Sends a request as it is written, which `fetch` would put right.
 *
 * @param url Where the server is.
 * @param target What follows `GET `.
 * @param headers Lines; without a `Host` among them the server's own.
 * @returns The answer's status and all of its text.
 */
export async function sendRaw(url: string, target: string, headers: readonly string[] = [], method = "GET") {
  const { port, host } = new URL(url);
  const connection = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  const hosts = headers.some((line) => /^host:/i.test(line)) ? [] : [`Host: ${host}`];
  const lines = [`${method} ${target} HTTP/1.1`, ...hosts, ...headers, "Connection: close", "", ""];
  await connection.write(new TextEncoder().encode(lines.join("\r\n")));
  const text = await new Response(connection.readable).text();
  return { status: Number(text.split(" ")[1]), text };
}
