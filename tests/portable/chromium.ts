/**
 * Chromium's WGSL compiler, through its own WebGPU on SwiftShader.
 *
 * @module
 */

import { type Browser, chromium, type Page } from "playwright-core";
import type { ShaderText } from "./catalogue.ts";
import { compileTexts, type Complaint, type Stage } from "./compiler.ts";

/** Where Debian's package puts it. */
const CHROMIUM = "/usr/bin/chromium";

const ARGUMENTS = [
  "--no-sandbox",
  "--enable-unsafe-webgpu",
  "--use-webgpu-adapter=swiftshader",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A page with WebGPU. */
export interface CompilerPage {
  readonly page: Page;
  readonly browser: Browser;
}

/**
 * Starts Chromium without a window, on an empty page.
 *
 * @returns The page; close its browser when done.
 */
export async function openChromium(): Promise<CompilerPage> {
  const browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: ARGUMENTS });
  const page = await browser.newPage();
  // WebGPU wants a secure context, which localhost is; nothing listens there, the page comes from here.
  await page.route("**/*", (route) => route.fulfill({ contentType: "text/html", body: "<title>WGSL</title>" }));
  await page.goto("http://localhost/");
  return { page, browser };
}

/**
 * Compiles texts in Chromium.
 *
 * @param compiler An open page.
 * @param texts Of f32 only: SwiftShader has no `shader-f16`.
 * @param stage How far. Of a pipeline's time, 98 % is SwiftShader's, which makes machine code.
 * @returns One complaint for each text with an error.
 */
export function compileInChromium(
  { page }: CompilerPage,
  texts: readonly ShaderText[],
  stage: Stage,
): Promise<Complaint[]> {
  return page.evaluate(
    async ({ texts, stage, compile }): Promise<Complaint[]> => {
      const adapter = await navigator.gpu.requestAdapter();
      if (!adapter) throw new Error("Chromium has no WebGPU adapter");
      const device = await adapter.requestDevice({ requiredFeatures: ["subgroups"] });
      const complaints = await new Function(`return (${compile})`)()(device, texts, stage);
      device.destroy();
      return complaints;
    },
    { texts, stage, compile: compileTexts.toString() },
  );
}
