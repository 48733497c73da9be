/**
 * `deno task explore` as a process of its own, and reading what its page shows.
 *
 * @module
 */

import type { Page } from "playwright-core";
import type { Crop } from "../../kernels/operations/label_pooling/crop.ts";
import { taskCommand } from "../pipeline/task.ts";

/** A server that runs. */
export interface RunningExplorer {
  /** The page's address, token included. */
  readonly address: string;
  /** Ends it. */
  stop(): Promise<void>;
}

/** Starts the explorer as a task with arguments. */
export function startExplorer(...args: string[]): Promise<RunningExplorer> {
  return waitForExplorer(taskCommand("explore", args));
}

/**
 * Starts the explorer.
 *
 * @param command That does, with both outputs piped.
 * @returns It, once it answers.
 * @throws {Error} If it ends without naming an address.
 */
export async function waitForExplorer(command: Deno.Command): Promise<RunningExplorer> {
  const child = command.spawn();
  const complaints = new Response(child.stderr).text();
  let printed = "";
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  while (!/http:\/\/\S+\n/.test(printed)) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`The explorer ended: ${printed}${await complaints}`);
    printed += value;
  }
  return {
    address: /http:\/\/\S+/.exec(printed)![0],
    async stop() {
      child.kill("SIGTERM");
      await Promise.all([reader.cancel(), complaints, child.status]);
    },
  };
}

/** The label that the page shows beside an image. */
export interface ShownLabel {
  /** The crop, by the numbers on the page. */
  readonly crop: Crop;
  /** Classes in order, as they are written. */
  readonly rows: readonly ShownRow[];
}

/** One class of it. */
export interface ShownRow {
  readonly class: number;
  readonly name: string;
  /** In percent as written, by map. */
  readonly crop: readonly string[];
  readonly whole: readonly string[];
  /** What the bars stand for. */
  readonly bars: readonly number[];
  readonly points: string | null;
}

/** Reads the label of the crop off the page. */
export function shownLabel(page: Page): Promise<ShownLabel> {
  return page.evaluate(() => {
    const edge = (name: string) => Number(document.querySelector(`[data-edge="${name}"]`)!.textContent);
    const rows = [...document.querySelectorAll<HTMLElement>(".pooled tbody tr")].map((row) => {
      const texts = (of: string) =>
        [...row.querySelectorAll(`[data-of="${of}"] .number`)].map(({ textContent }) => textContent!);
      return {
        class: Number(row.dataset.class),
        name: row.querySelector("button")!.textContent!,
        crop: texts("crop"),
        whole: texts("whole"),
        bars: [...row.querySelectorAll<HTMLMeterElement>('[data-of="crop"] meter')].map(({ value }) => value),
        points: row.querySelector("td.points")?.textContent ?? null,
      };
    });
    return {
      crop: { top: edge("top"), left: edge("left"), height: edge("height"), width: edge("width") },
      rows,
    };
  });
}

/** The keys of the images that are listed. */
export function shownKeys(page: Page): Promise<string[]> {
  return page.locator(".card-link").evaluateAll((links) => links.map((link) => (link as HTMLElement).dataset.key!));
}

/** Waits until the list shows what was asked for. */
export async function settled(page: Page): Promise<void> {
  await page.locator('[aria-busy="false"]').waitFor();
}

/** Waits until the pictures that are seen are there. */
export async function pictured(page: Page): Promise<void> {
  await page.waitForFunction(() =>
    [...document.querySelectorAll<HTMLImageElement>(".picture")].every((picture) => {
      const { top, bottom } = picture.parentElement!.getBoundingClientRect();
      return !picture.checkVisibility() || bottom < 0 || top > innerHeight ||
        (picture.complete && picture.naturalWidth > 0);
    })
  );
}

/** The part of an address after `#` for an image. */
export function imageHash(key: string): string {
  return `#${new URLSearchParams({ image: key })}`;
}
