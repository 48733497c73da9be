import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import { join } from "@std/path";
import type { Page } from "playwright-core";
import { openLabelMaps } from "../../formats/labels/mod.ts";
import { printable } from "../../formats/base/printable.ts";
import { classHeat, heatPixels } from "../../pipeline/pictures/heat_map.ts";
import { type PoolingOptions, poolLabels } from "../../kernels/operations/label_pooling/mod.ts";
import { browserTest, closeBrowser, overflow, type Visit } from "./chromium.ts";
import {
  imageHash,
  pictured,
  type RunningExplorer,
  settled,
  shownKeys,
  shownLabel,
  startExplorer,
} from "./explorer.ts";
import { BROKEN, CLASSES, IMAGES, makeImages, makeLabelMaps, PHOTOGRAPH, SHOWN_HTML } from "./label_maps.ts";
import type { LabelMapBatch } from "../../formats/base/label_map.ts";

let images: string;
let folders: Record<"fp32" | "fp8", string>;
let selection: string;
let single: RunningExplorer;
let pair: RunningExplorer;

Deno.test.beforeAll(async () => {
  images = await makeImages();
  folders = { fp32: await makeLabelMaps("fp32"), fp8: await makeLabelMaps("fp8_e4m3") };
  selection = join(await Deno.makeTempDir(), "chosen images.txt");
  [single, pair] = await Promise.all([
    startExplorer(folders.fp32, images, "--selection", selection),
    startExplorer(folders.fp32, images, "--compare", folders.fp8),
  ]);
});

Deno.test.afterAll(async () => {
  await Promise.all([single?.stop(), pair?.stop(), closeBrowser()]);
  for (const path of [images, ...Object.values(folders), join(selection, "..")]) {
    await Deno.remove(path, { recursive: true });
  }
});

/** The label map of an image, read from the folder. */
async function mapOf(folder: keyof typeof folders, key: string): Promise<LabelMapBatch> {
  const labelMaps = await openLabelMaps(folders[folder]);
  try {
    return await labelMaps.batch([(await labelMaps.indexOf(key))!]);
  } finally {
    labelMaps.close();
  }
}

/** Fails unless the label on the page is that of the crop on the page, class by class. */
async function assertPooled(page: Page, maps: readonly LabelMapBatch[], options: PoolingOptions = {}): Promise<void> {
  const { crop, rows } = await shownLabel(page);
  const targets = maps.map((map) => poolLabels(map, [crop], options));
  for (const row of rows) {
    assertEquals(row.name, printable(CLASSES[row.class].split(",")[0]));
    assertEquals(row.crop, targets.map((target) => `${(target[row.class] * 100).toFixed(1)} %`));
    row.bars.forEach((bar, index) => assertAlmostEquals(bar, targets[index][row.class], 1e-12));
  }
  const best = [...targets[0].keys()].filter((index) => targets[0][index] > 0)
    .sort((a, b) => targets[0][b] - targets[0][a]);
  const shown = rows.map((row) => row.class);
  const certain = Math.min(maps.length > 1 ? 3 : 6, best.length);
  // The best six lead; after them comes at most the given label. Of two maps the other's best are among them.
  assertEquals(shown.slice(0, certain), best.slice(0, certain));
}

/** The middle of an element on the screen. */
async function middleOf(page: Page, selector: string): Promise<{ x: number; y: number }> {
  const { x, y, width, height } = (await page.locator(selector).first().boundingBox())!;
  return { x: x + width / 2, y: y + height / 2 };
}

/** Drags with the mouse, and looks on the way. */
async function drag(
  page: Page,
  from: { x: number; y: number },
  by: { x: number; y: number },
  onTheWay = () => Promise.resolve(),
): Promise<void> {
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(from.x + by.x / 2, from.y + by.y / 2, { steps: 4 });
  await onTheWay();
  await page.mouse.move(from.x + by.x, from.y + by.y, { steps: 4 });
  await page.mouse.up();
}

async function openImage({ page }: Visit, key: string, explorer = single): Promise<void> {
  await page.goto(`${explorer.address}${imageHash(key)}`);
  await page.locator(".pooled tbody tr").first().waitFor();
}

browserTest("the label of a crop that is dragged is that of poolLabels(), while it moves too", async (visit) => {
  const { page, picture, errors } = visit;
  const map = await mapOf("fp32", PHOTOGRAPH);
  await openImage(visit, PHOTOGRAPH);
  const start = await shownLabel(page);
  assertEquals(start.crop, { top: 0.25, left: 0.25, height: 0.5, width: 0.5 });
  await assertPooled(page, [map]);

  // From a place in the box that no grip covers.
  const middle = await middleOf(page, ".crop");
  const hold = { x: middle.x + 20, y: middle.y + 20 };
  await drag(page, hold, { x: -120, y: 60 }, () => assertPooled(page, [map]));
  const moved = await shownLabel(page);
  assertNotEquals(moved.crop, start.crop);
  assertEquals([moved.crop.height, moved.crop.width], [0.5, 0.5]);
  assertNotEquals(moved.rows, start.rows);
  await assertPooled(page, [map]);

  await drag(
    page,
    await middleOf(page, '.grip[data-x="1"][data-y="-1"]'),
    { x: 90, y: -70 },
    () => assertPooled(page, [map]),
  );
  const resized = await shownLabel(page);
  assert(resized.crop.width > moved.crop.width && resized.crop.height > moved.crop.height);
  assertEquals(resized.crop.left, moved.crop.left);
  assertAlmostEquals(resized.crop.top + resized.crop.height, moved.crop.top + moved.crop.height, 1e-9);
  await assertPooled(page, [map]);
  await pictured(page);
  await picture("crop-dragged");

  // Against the edge it stays within the image.
  const held = await middleOf(page, ".crop");
  await drag(page, { x: held.x + 20, y: held.y + 20 }, { x: 2000, y: 2000 });
  const { crop } = await shownLabel(page);
  assertAlmostEquals(crop.left + crop.width, 1, 1e-9);
  assertAlmostEquals(crop.top + crop.height, 1, 1e-9);

  // On the image beside it a new one is drawn.
  const { x, y, width, height } = (await page.locator(".stage").boundingBox())!;
  await drag(page, { x: x + 0.1 * width, y: y + 0.05 * height }, { x: 0.2 * width, y: 0.1 * height });
  const drawn = (await shownLabel(page)).crop;
  assertAlmostEquals(drawn.left, 0.1, 0.005);
  assertAlmostEquals(drawn.width, 0.2, 0.005);
  assertAlmostEquals(drawn.height, 0.1, 0.005);
  await assertPooled(page, [map]);
  assertEquals(errors, []);
});

browserTest("a finger drags the crop box", async (visit) => {
  const { page, context, picture } = visit;
  const map = await mapOf("fp32", PHOTOGRAPH);
  await openImage(visit, PHOTOGRAPH);
  const { x, y } = await middleOf(page, ".crop");
  const protocol = await context.newCDPSession(page);
  const touch = (type: "touchStart" | "touchMove" | "touchEnd", to: number) =>
    protocol.send("Input.dispatchTouchEvent", {
      type,
      touchPoints: type === "touchEnd" ? [] : [{ x: x + to, y: y + to }],
    });
  await touch("touchStart", 0);
  for (let to = 5; to <= 40; to += 5) await touch("touchMove", to);
  await touch("touchEnd", 40);
  const { crop } = await shownLabel(page);
  assert(crop.left > 0.3 && crop.top > 0.3, `The box is at ${crop.left}, ${crop.top}`);
  await assertPooled(page, [map]);
  assertEquals(await overflow(page), 0);
  await pictured(page);
  await picture("image-phone", { fullPage: true });
}, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, colorScheme: "dark" });

browserTest("arrow keys move the crop box, with Shift they change its size, and cells are read out", async (visit) => {
  const { page, picture, errors } = visit;
  const map = await mapOf("fp32", PHOTOGRAPH);
  await openImage(visit, PHOTOGRAPH);
  await page.locator(".crop").focus();
  for (const key of ["ArrowRight", "ArrowRight", "ArrowUp", "Shift+ArrowRight", "Shift+ArrowUp", "Alt+ArrowLeft"]) {
    await page.keyboard.press(key);
  }
  const { crop, rows } = await shownLabel(page);
  assertEquals(crop, { top: 0.23, left: 0.288, height: 0.48, width: 0.52 });
  await assertPooled(page, [map]);
  const said = page.locator(".crop-panel [role=status]");
  await said.filter({ hasText: `${rows[0].name} ${rows[0].crop[0]}` }).waitFor({ state: "attached" });

  await page.locator(".cells").focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowDown");
  assertEquals(await page.locator(".cell-panel h2 small").textContent(), "row 5 of 7, column 6 of 9");
  const names = await page.locator(".cell-panel .class-name").allTextContents();
  const cell = 4 * 9 + 5;
  assertEquals(names, [0, 1, 2, 3].map((rank) => printable(CLASSES[map.class[rank * 63 + cell]].split(",")[0])));
  await pictured(page);
  await picture("crop-and-cell-by-keyboard");
  assertEquals(errors, []);
});

browserTest(
  "pooling takes the mode, the rule for missing classes and the temperature that are chosen",
  async (visit) => {
    const { page } = visit;
    const map = await mapOf("fp32", PHOTOGRAPH);
    await openImage(visit, PHOTOGRAPH);
    await page.selectOption("#missing", "renormalise");
    await page.fill("#temperature", "2.5");
    await assertPooled(page, [map], { missing: "renormalise", temperature: 2.5 });
    for (const mode of ["global-multi", "global-single", "local-single"] as const) {
      await page.selectOption("#mode", mode);
      await assertPooled(page, [map], { missing: "renormalise", temperature: 2.5, mode });
    }
    // All of it is in the address, after a moment.
    await page.waitForURL(/mode=local-single&missing=renormalise&temperature=2\.5/);
    await page.reload();
    await page.locator(".pooled tbody tr").first().waitFor();
    await assertPooled(page, [map], { missing: "renormalise", temperature: 2.5, mode: "local-single" });
  },
);

browserTest("the pixels of a heat map are those of the map's cells", async (visit) => {
  const { page, picture } = visit;
  const map = await mapOf("fp32", PHOTOGRAPH);
  await openImage(visit, PHOTOGRAPH);
  for (const index of [0, 9, 2]) {
    await page.selectOption("#heat", String(index));
    const expected = heatPixels(classHeat(map, index));
    // A canvas keeps colours multiplied by their opacity: what is expected goes through one too.
    const { shown, kept, size, smoothing } = await page.evaluate((pixels) => {
      const canvas = document.querySelector<HTMLCanvasElement>(".stage .heat")!;
      const { width, height } = canvas;
      const read = (from: HTMLCanvasElement) => [...from.getContext("2d")!.getImageData(0, 0, width, height).data];
      const other = document.createElement("canvas");
      Object.assign(other, { width, height });
      other.getContext("2d")!.putImageData(new ImageData(Uint8ClampedArray.from(pixels), width, height), 0, 0);
      return {
        shown: read(canvas),
        kept: read(other),
        size: [height, width],
        smoothing: getComputedStyle(canvas).imageRendering,
      };
    }, [...expected]);
    assertEquals(size, [7, 9]);
    assertEquals(smoothing, "pixelated");
    assertEquals(shown, kept);
    const opacity = (pixels: ArrayLike<number>) => Array.from(pixels).filter((_, place) => place % 4 === 3);
    assertEquals(opacity(shown), opacity(expected));
  }
  // It lies on the image, to the pixel.
  const boxes = await Promise.all([".stage .heat", ".stage .picture"].map((part) => page.locator(part).boundingBox()));
  assertEquals(boxes[0], boxes[1]);
  await pictured(page);
  await picture("heat-map");
});

browserTest("the list is filtered by key, class, label and SQL, and going back undoes it", async (visit) => {
  const { page, picture, errors } = visit;
  await page.goto(single.address);
  await settled(page);
  assertEquals(await page.locator(".total").textContent(), `${IMAGES} images`);
  assertEquals((await shownKeys(page)).length, 48);
  await pictured(page);
  await picture("list");

  await page.locator("#key").pressSequentially("coffee");
  await page.locator(".total", { hasText: "2 images" }).waitFor();
  assertEquals(await shownKeys(page), ["cup/cat-coffee.jpg", "cup/coffee.jpg"]);
  await page.getByRole("button", { name: "Clear" }).click();
  await page.locator(".total", { hasText: /^108 images$/ }).waitFor();

  // The class is offered by a part of any of its names.
  await page.locator("#class").pressSequentially("house");
  assertEquals(
    await page.locator("#class-names option").evaluateAll((options) =>
      options.map((option) => option.getAttribute("value"))
    ),
    ["0 cat"],
  );
  await page.locator("#class").fill("cat");
  await page.keyboard.press("Enter");
  await page.locator("#threshold").fill("0.2");
  await page.keyboard.press("Enter");
  await page.locator("#where").fill("label IS NOT NULL");
  await page.keyboard.press("Enter");
  await page.locator(".total", { hasText: /of 108$/ }).waitFor();
  await page.waitForURL(/where=/);
  await settled(page);
  const keys = await shownKeys(page);
  assertEquals(keys, [PHOTOGRAPH, "cup/cat-coffee.jpg"]);
  await pictured(page);
  await picture("filtered");

  await page.reload();
  await settled(page);
  assertEquals(await shownKeys(page), keys);
  assertEquals(await page.locator("#class").inputValue(), "0 cat");
  await page.goBack();
  await page.waitForURL(/#class=0&threshold=0\.2$/);
  await page.waitForFunction(() => document.querySelector<HTMLInputElement>("#where")!.value === "");
  await settled(page);

  await page.goto(`${single.address}#label=1`);
  await page.locator(".total", { hasText: "3 images" }).waitFor();
  assertEquals(await shownKeys(page), ["cup/broken.jpg", "cup/cat-coffee.jpg", "cup/coffee.jpg"]);
  assertEquals(await page.locator("#label").inputValue(), "1 cup");
  await page.locator("#class").fill("unicorn");
  await page.keyboard.press("Enter");
  assertStringIncludes(await page.locator("#class-wrong").innerText(), 'No one class is called "unicorn"');
  // The broken image's request is meant to fail.
  assertEquals(errors.filter((error) => !error.includes("422")), []);
});

browserTest("suspicious labels come first when they are asked for", async ({ page, picture }) => {
  await page.goto(single.address);
  await page.selectOption("#order", "suspicious");
  await page.locator(".card-link").first().and(page.locator('[data-key="cat/china.jpg"]')).waitFor();
  const confidences = await page.locator(".given .number").allTextContents();
  const numbers = confidences.map((text) => Number.parseFloat(text));
  assertEquals(numbers, numbers.toSorted((a, b) => a - b));
  await pictured(page);
  await picture("suspicious-dark");
}, { colorScheme: "dark" });

browserTest("a list that waits for the scores of all images says so until it is there", async ({ page }) => {
  await page.goto(single.address);
  await settled(page);
  const scores = Promise.withResolvers<void>();
  await page.route("**/api/scores", (route) => route.fulfill({ json: { scored: false } }));
  await page.route("**/api/rows?*suspicious*", async (route) => {
    await scores.promise;
    await route.continue();
  });
  await page.getByLabel("Order").selectOption("suspicious");
  await page.locator(".total", { hasText: "Computing the scores of all images" }).waitFor();
  scores.resolve();
  await page.locator(".total", { hasText: /^\d+ images$/ }).waitFor();
  await page.unrouteAll({ behavior: "wait" });
});

browserTest("a condition that is no SQL is answered with a sentence", async ({ page, picture }) => {
  await page.goto(single.address);
  await settled(page);
  await page.locator("#where").fill("wdth > 100");
  await page.keyboard.press("Enter");
  const failure = page.locator("main.list > .failure");
  await failure.waitFor();
  const text = await failure.innerText();
  assertMatch(text, /^Cannot .*wdth/s);
  assertEquals(await shownKeys(page), []);
  await picture("sql-error");
  await page.locator("#where").fill("width > 100");
  await page.keyboard.press("Enter");
  await page.locator(".card").first().waitFor();
  assertEquals(await failure.count(), 0);
});

browserTest("pages hold their rows alone, and the image after a page's last one is on the next", async (visit) => {
  const { page, requests, picture } = visit;
  await page.goto(single.address);
  await settled(page);
  const first = await shownKeys(page);
  await page.getByRole("button", { name: "Next page" }).first().click();
  await page.waitForURL(/page=2/);
  await page.locator(`[data-key="zoo/040.jpg"]`).waitFor();
  const second = await shownKeys(page);
  assertEquals(second.length, 48);
  assert(second.every((key) => !first.includes(key)));
  await page.locator('.pager input[type="number"]').first().fill("99");
  await page.keyboard.press("Enter");
  await page.waitForURL(/page=3/);
  await page.locator(`[data-key="zoo/099.jpg"]`).waitFor();
  assertEquals((await shownKeys(page)).length, IMAGES - 96);
  await pictured(page);
  await picture("last-page");
  for (const request of requests.filter((address) => address.includes("api/rows"))) {
    assertEquals(new URL(request).searchParams.get("limit"), "48");
  }

  await page.goBack();
  await page.goBack();
  await page.locator(`[data-key="${first[0]}"]`).waitFor();
  const last = first.at(-1)!;
  await page.locator(".card-link").last().click();
  await page.locator(".image-key", { hasText: last }).waitFor();
  await page.getByRole("button", { name: "Next" }).click();
  await page.locator(".image-key", { hasText: second[0] }).waitFor();
  assertMatch(page.url(), /page=2/);
  assertEquals(await page.locator(".image-header .number").textContent(), `49 of ${IMAGES}`);
  await page.keyboard.press("k");
  await page.locator(".image-key", { hasText: last }).waitFor();
  await page.keyboard.press("Escape");
  await page.locator(".card-link").last().waitFor();
  assertEquals(await page.evaluate(() => (document.activeElement as HTMLElement).dataset.key), last);
});

browserTest(
  "what is typed or clicked while an answer is awaited is not lost, and means what was seen",
  async (visit) => {
    const { page } = visit;
    // Answers wait while they are held.
    let held = Promise.withResolvers<void>();
    await page.route("**/api/rows?*", async (route) => {
      const { promise } = held;
      const response = await route.fetch();
      await promise;
      await route.fulfill({ response });
    });
    /** Lets the answers go until the list is what was asked for, and holds the next. */
    async function answered() {
      held.resolve();
      await settled(page);
      held = Promise.withResolvers();
    }
    await page.goto(single.address);
    await answered();
    const first = await shownKeys(page);

    await page.locator("#label").fill("1 cup");
    await page.keyboard.press("Enter");
    await page.locator('[aria-busy="true"]').waitFor();
    await page.locator("#threshold").fill("0.25");
    await page.locator("#key").fill("coffee");
    await answered();
    assertEquals(await page.locator("#threshold").inputValue(), "0.25");
    await page.locator("#threshold").press("Enter");
    await answered();
    await page.waitForURL(/#key=coffee&threshold=0\.25&label=1$/);
    await answered();
    assertEquals(await shownKeys(page), ["cup/cat-coffee.jpg", "cup/coffee.jpg"]);
    await page.getByRole("button", { name: "Clear" }).click();
    await page.waitForURL(/#$/);
    await answered();
    assertEquals(await shownKeys(page), first);

    // An image of the list that is still there is that of its own page.
    await page.getByRole("button", { name: "Next page" }).first().click();
    await page.waitForURL(/page=2/);
    await page.locator(".card-link").last().click();
    await page.locator(".image-key", { hasText: first.at(-1)! }).waitFor();
    assert(!page.url().includes("page="));
    await page.locator(".image-header .number", { hasText: `48 of ${IMAGES}` }).waitFor();
    // Two steps over a page's end, of which the second finds the first under way.
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    held.resolve();
    await page.locator(".image-header .number", { hasText: `49 of ${IMAGES}` }).waitFor();
    await page.goBack();
    await page.locator(".image-header .number", { hasText: `48 of ${IMAGES}` }).waitFor();
  },
);

browserTest("two folders are seen side by side, with their difference", async (visit) => {
  const { page, picture, errors } = visit;
  const maps = await Promise.all([mapOf("fp32", PHOTOGRAPH), mapOf("fp8", PHOTOGRAPH)]);
  await openImage(visit, PHOTOGRAPH, pair);
  assertEquals(await page.locator(".stage").count(), 3);
  await assertPooled(page, maps);
  const hold = await middleOf(page, ".stage >> nth=1 >> .crop");
  await drag(page, { x: hold.x + 15, y: hold.y + 15 }, { x: 50, y: -30 });
  await assertPooled(page, maps);
  const { crop, rows } = await shownLabel(page);
  assert(crop.left > 0.25 && crop.top < 0.25);
  const targets = maps.map((map) => poolLabels(map, [crop]));
  for (const row of rows) {
    const points = (targets[1][row.class] - targets[0][row.class]) * 100;
    assertAlmostEquals(Number(row.points!.replace("\u2212", "-")), points, 0.051);
  }
  const opacities = await page.locator(".heat").evaluateAll((canvases) =>
    canvases.slice(0, 3).map((canvas) => {
      const { width, height } = canvas as HTMLCanvasElement;
      const { data } = (canvas as HTMLCanvasElement).getContext("2d")!.getImageData(0, 0, width, height);
      return [...data].filter((_, place) => place % 4 === 3);
    })
  );
  assertNotEquals(opacities[0], opacities[1]);
  assertEquals(Math.max(...opacities[2]), 255);
  await pictured(page);
  await picture("compare");
  assertEquals(errors, []);
  await page.goto(`${pair.address}#differs=1`);
  await page.locator(".total", { hasText: "0 images of 108" }).waitFor();
}, { viewport: { width: 1500, height: 1000 } });

browserTest("two folders on a phone", async (visit) => {
  await openImage(visit, "cup/cat-coffee.jpg", pair);
  await pictured(visit.page);
  assertEquals(await overflow(visit.page), 0);
  await visit.picture("compare-phone", { fullPage: true });
}, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

browserTest(
  "an image that cannot be decoded has a placeholder with the reason, and crops of its map a label",
  async (visit) => {
    const { page, picture } = visit;
    await page.goto(`${single.address}#label=1`);
    const card = page.locator(".card", { hasText: "broken.jpg" });
    await card.locator(".placeholder-reason", { hasText: "it ends early" }).waitFor();
    await card.locator(".card-link").click();
    await page.locator(".stage .placeholder-reason", { hasText: "it ends early" }).waitFor();
    const map = await mapOf("fp32", BROKEN);
    const { x, y } = await middleOf(page, ".crop");
    await drag(page, { x: x + 20, y: y + 20 }, { x: 60, y: 40 });
    assertNotEquals((await shownLabel(page)).crop.left, 0.25);
    await assertPooled(page, [map]);
    await pictured(page);
    await picture("broken-image");
  },
);

browserTest("ticked images, and all of a filter, are saved as a list of keys", async ({ page, picture }) => {
  await page.goto(single.address);
  await settled(page);
  await page.getByRole("checkbox", { name: `Select ${PHOTOGRAPH}` }).check();
  await page.getByRole("button", { name: "Next page" }).first().click();
  await page.getByRole("checkbox", { name: "Select zoo/050.jpg" }).check();
  await Deno.writeTextFile(selection, "of somebody else");
  await page.getByRole("button", { name: "Save 2 selected" }).click();
  await page.locator(".selection .failure", { hasText: "there is a file of that name" }).waitFor();
  assertEquals(await Deno.readTextFile(selection), "of somebody else");
  await page.getByRole("button", { name: "Replace the file" }).click();
  await page.locator(".saved", { hasText: "Wrote 2 keys" }).waitFor();
  assertEquals(await Deno.readTextFile(selection), `${PHOTOGRAPH}\nzoo/050.jpg\n`);
  assertEquals(await page.locator(".saved [data-saved=path]").textContent(), selection);
  const command = await page.locator(".saved code").textContent();
  assertEquals(command, `deno task train ${images} --maps ${folders.fp32} --subset '${selection}'`);
  await pictured(page);
  await picture("selection-saved");

  await page.goto(`${single.address}#label=1`);
  await page.locator(".total", { hasText: "3 images" }).waitFor();
  await page.getByRole("button", { name: "Save all 3" }).click();
  await page.locator(".saved", { hasText: "Wrote 3 keys" }).waitFor();
  assertEquals(await Deno.readTextFile(selection), "cup/broken.jpg\ncup/cat-coffee.jpg\ncup/coffee.jpg\n");
});

browserTest("names of images and classes stay text, whatever they hold", async (visit) => {
  const { page, picture, errors } = visit;
  await page.goto(`${single.address}#${new URLSearchParams({ key: "onerror" })}`);
  const card = page.locator(".card");
  await card.waitFor();
  assertStringIncludes(await card.innerText(), SHOWN_HTML);
  await card.locator(".card-link").click();
  await page.locator(".pooled tbody tr").first().waitFor();
  assertEquals(await page.locator(".image-key").textContent(), `${SHOWN_HTML}/${SHOWN_HTML}.jpg`);
  const { rows } = await shownLabel(page);
  assert(rows.some(({ name }) => name === SHOWN_HTML));
  await page.locator(".stage .picture").waitFor();
  assertEquals(await page.locator('[src="x"], [onerror]').count(), 0);
  assertEquals(await page.title(), "Label maps");
  await pictured(page);
  await picture("html-in-names");
  assertEquals(errors, []);
});

browserTest("the list fits a phone", async ({ page, picture }) => {
  await page.goto(single.address);
  await settled(page);
  await pictured(page);
  assertEquals(await overflow(page), 0);
  await picture("list-phone");
}, { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
