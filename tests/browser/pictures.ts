/**
 * The pictures of README and docs, taken from the running program: the photographs of `assets/photos`, in folders of
 * ImageNet's classes, are labelled, and report and explorer opened in Chromium.
 *
 * Usage: `deno task pictures`, which writes `docs/pictures`.
 *
 * @module
 */

import { join } from "@std/path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { ROOT } from "../pipeline/task.ts";
import { launchChromium } from "./chromium.ts";
import { imageHash, pictured, waitForExplorer } from "./explorer.ts";

const FOLDER = join(ROOT, "docs/pictures");

/** Photographs by class. */
const PHOTOGRAPHS: Readonly<Record<string, readonly string[]>> = {
  "Egyptian cat": ["single/chelsea.jpg", "several/cat-coffee.jpg"],
  daisy: ["single/flower.jpg", "several/daisy-above-rocket.jpg"],
  espresso: ["single/coffee.jpg", "several/four.jpg"],
  missile: ["single/rocket.jpg"],
  palace: ["single/china.jpg"],
  "space shuttle": ["single/astronaut.jpg"],
};

const folder = await Deno.makeTempDir();

/** A subcommand of `relabel`, in the folder. */
function relabel(...args: string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", "--config", join(ROOT, "deno.json"), join(ROOT, "relabel.ts"), ...args],
    cwd: folder,
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs one to its end, which must be a good one. */
async function run(...args: string[]): Promise<void> {
  const { success, stderr } = await relabel(...args).output();
  if (!success) throw new Error(`Cannot run relabel ${args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

/** Takes a picture of what a window shows, as WebP. */
async function take(
  browser: Browser,
  name: string,
  options: BrowserContextOptions,
  open: (page: Page) => Promise<void>,
): Promise<void> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  await open(page);
  const session = await context.newCDPSession(page);
  const { data } = await session.send("Page.captureScreenshot", { format: "webp", quality: 80 });
  const path = join(FOLDER, `${name}.webp`);
  await Deno.writeFile(path, Uint8Array.fromBase64(data));
  console.log(`${path}: ${Math.ceil((await Deno.stat(path)).size / 1000)} kB`);
  await context.close();
}

for (const [label, names] of Object.entries(PHOTOGRAPHS)) {
  await Deno.mkdir(join(folder, "photos", label), { recursive: true });
  for (const name of names) {
    await Deno.copyFile(join(ROOT, "assets/photos", name), join(folder, "photos", label, name.split("/")[1]));
  }
}
await run("label", "photos");
await run("report", "labels", "photos");
const explorer = await waitForExplorer(relabel("explore", "labels", "photos"));
const browser = await launchChromium();
try {
  await Deno.mkdir(FOLDER, { recursive: true });
  await take(browser, "report", { viewport: { width: 1100, height: 760 } }, async (page) => {
    await page.goto(`file://${join(folder, "labels/report.html")}#maps`);
  });
  await take(browser, "explorer", { viewport: { width: 1280, height: 730 } }, async (page) => {
    await page.goto(explorer.address + imageHash("Egyptian cat/cat-coffee.jpg"));
    await page.locator(".pooled tbody tr").first().waitFor();
    await pictured(page);
    await page.locator(".stage").hover({ position: { x: 440, y: 100 } });
  });
} finally {
  await Promise.all([browser.close(), explorer.stop()]);
  await Deno.remove(folder, { recursive: true });
}
