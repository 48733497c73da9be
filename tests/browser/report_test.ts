import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { join } from "@std/path";
import { runTask } from "../pipeline/task.ts";
import { browserTest, closeBrowser, overflow, type Visit } from "./chromium.ts";
import { makeImages, makeLabelMaps, SHOWN_HTML } from "./label_maps.ts";

let folder: string;
let images: string;

Deno.test.beforeAll(async () => {
  images = await makeImages();
  folder = await makeLabelMaps("fp32");
  const { code, error } = await runTask("report", folder, images);
  assertEquals(code, 0, error);
});

Deno.test.afterAll(async () => {
  await closeBrowser();
  for (const path of [folder, images]) await Deno.remove(path, { recursive: true });
});

/** Opens the report as a file, as from a mail. */
async function openReport({ page }: Visit): Promise<void> {
  await page.goto(`file://${join(folder, "report.html")}`);
  await page.waitForLoadState("load");
}

/** Fails if anything was asked for but the file, or went wrong. */
function assertAlone({ requests, errors }: Visit): void {
  const others = requests.filter((address) => !address.startsWith("data:"));
  assertEquals(others, [`file://${join(folder, "report.html")}`]);
  assertEquals(errors, []);
}

browserTest("a report opens from a file, and asks for nothing", async (visit) => {
  const { page, picture } = visit;
  await openReport(visit);
  assertAlone(visit);
  assertEquals(await page.locator("h1").count(), 1);
  // Every picture is there, and none has run.
  const widths = await page.locator("img").evaluateAll((pictures) =>
    pictures.map((picture) => (picture as HTMLImageElement).naturalWidth)
  );
  assert(widths.length > 0 && widths.every((width) => width > 0), `Widths of pictures are ${widths}`);
  assertEquals(await page.locator('[src="x"], [onerror]').count(), 0);
  assertNotEquals(await page.title(), "run");
  assert((await page.locator("body").innerText()).includes(SHOWN_HTML));
  assertEquals(await overflow(page), 0);
  await picture("report");
}, { viewport: { width: 1200, height: 900 } });

browserTest("a report fits a phone", async (visit) => {
  await openReport(visit);
  assertAlone(visit);
  assertEquals(await overflow(visit.page), 0);
  await visit.picture("report-phone");
}, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

browserTest("a report is dark where the reader wants it dark", async (visit) => {
  const { page, picture } = visit;
  await openReport(visit);
  const ground = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const [red, green, blue] = ground.match(/[\d.]+/g)!.map(Number);
  assert(red + green + blue < 200, `The ground is ${ground}`);
  await picture("report-dark");
}, { viewport: { width: 1200, height: 900 }, colorScheme: "dark" });

browserTest("a report is printed in black on white, no wider than the paper", async (visit) => {
  const { page, picture } = visit;
  await openReport(visit);
  await page.emulateMedia({ media: "print", colorScheme: "dark" });
  const { ground, text } = await page.evaluate(() => {
    const { backgroundColor, color } = getComputedStyle(document.body);
    return { ground: backgroundColor, text: color };
  });
  const lightness = (colour: string) => {
    const [red, green, blue, opacity = 1] = colour.match(/[\d.]+/g)!.map(Number);
    return opacity === 0 ? 765 : red + green + blue;
  };
  assert(lightness(ground) > 700 && lightness(text) < 200, `Printed in ${text} on ${ground}`);
  assertEquals(await overflow(page), 0);
  await picture("report-print");
  const pages = await page.pdf({ format: "A4" });
  assertEquals(new TextDecoder().decode(pages.subarray(0, 5)), "%PDF-");
}, { viewport: { width: 794, height: 1123 } });
