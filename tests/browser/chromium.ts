/**
 * Chromium, driven over its protocol, and the pictures it takes for people to look at.
 *
 * @module
 */

import { join } from "@std/path";
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** Where Debian's package puts it. */
const CHROMIUM = "/usr/bin/chromium";

const isInstalled = await Deno.stat(CHROMIUM).then(({ isFile }) => isFile, () => false);

/** Where screenshots go: `SCREENSHOTS`, or a temporary folder. */
const pictures = Deno.env.get("SCREENSHOTS") ?? await Deno.makeTempDir({ prefix: "screenshots-" });

const ARGUMENTS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
];

let browser: Browser | undefined;

/**
 * Starts Chromium, without a window.
 *
 * @returns It.
 * @throws {Error} If it is not installed.
 */
export function launchChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ARGUMENTS });
}

/** A page, and what went wrong on it. */
export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What the page wrote to the console as an error, and what it threw. */
  readonly errors: string[];
  /** Addresses asked for. */
  readonly requests: string[];
  /** Takes a picture, of the window or of all of the page. */
  picture(name: string, options?: { fullPage?: boolean }): Promise<void>;
}

/**
 * A test in a browser; where there is none, it is ignored and its name says why.
 *
 * @param name A sentence.
 * @param body What to do with a page of its own.
 * @param options How large it is, and light or dark.
 */
export function browserTest(
  name: string,
  body: (visit: Visit) => Promise<void>,
  options: BrowserContextOptions = {},
): void {
  Deno.test({
    name: isInstalled ? name : `${name} (ignored: there is no ${CHROMIUM})`,
    ignore: !isInstalled,
    // The browser stays open from one test to the next.
    sanitizeOps: false,
    sanitizeResources: false,
    async fn() {
      if (!browser?.isConnected()) browser = await launchChromium();
      const context = await browser.newContext({ viewport: { width: 1400, height: 900 }, ...options });
      try {
        const page = await context.newPage();
        // A picture of a long page takes long where cores are busy.
        page.setDefaultTimeout(60_000);
        await body(watch(page, context));
      } finally {
        await context.close();
      }
    },
  });
}

/** Ends the browser, and says where its pictures are. */
export async function closeBrowser(): Promise<void> {
  await browser?.close();
  browser = undefined;
  console.log(`Screenshots are in ${pictures}`);
}

function watch(page: Page, context: BrowserContext): Visit {
  const errors: string[] = [];
  const requests: string[] = [];
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("request", (request) => requests.push(request.url()));
  return {
    page,
    context,
    errors,
    requests,
    async picture(name, { fullPage = false } = {}) {
      await page.screenshot({ path: join(pictures, `${name}.png`), fullPage });
    },
  };
}

/** How far the page is wider than its window, pixels. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
