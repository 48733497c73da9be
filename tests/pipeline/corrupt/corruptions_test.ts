import { assert, assertEquals, assertNotEquals } from "@std/assert";
import type { Pixels } from "../../../formats/base/pixels.ts";
import { decodeImage } from "../../../formats/images/mod.ts";
import { corruptImage, type CorruptionName, corruptionNames } from "../../../pipeline/corrupt/corruptions.ts";
import { plasma } from "../../../pipeline/corrupt/plasma.ts";
import { randomKey, randomNumbers } from "../../../formats/base/random.ts";

/** Pixels of the photograph's middle that is corrupted; clouds and frost need many small ones. */
const SIDES: Readonly<Record<string, number>> = { frost: 32, fog: 32 };

/** Draws that their mean is of: as many as make it settle, one of what is not random. */
const DRAWS: Readonly<Record<string, number>> = {
  defocus_blur: 1,
  zoom_blur: 1,
  brightness: 1,
  contrast: 1,
  pixelate: 1,
  jpeg_compression: 1,
  motion_blur: 12,
  snow: 12,
  frost: 1500,
  fog: 1500,
};

async function photograph(side: number): Promise<Pixels> {
  const bytes = await Deno.readFile(new URL("../../../assets/photos/single/chelsea.jpg", import.meta.url));
  const { width, height, pixels } = await decodeImage(bytes);
  const [top, left] = [height, width].map((length) => Math.floor((length - side) / 2));
  const rows = Array.from({ length: side }, (_, y) => {
    const first = ((top + y) * width + left) * 3;
    return Array.from(pixels.subarray(first, first + side * 3));
  });
  return { width: side, height: side, pixels: Uint8Array.from(rows.flat()) };
}

/** Mean, deviation, mean difference to the photograph, and of neighbours in a row and in a column. */
function statisticsOf({ width, pixels }: Pixels, original: Pixels): number[] {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const all = Array.from(pixels);
  const middle = mean(all);
  return [
    middle,
    Math.sqrt(mean(all.map((value) => (value - middle) ** 2))),
    mean(all.map((value, index) => Math.abs(value - original.pixels[index]))),
    mean(all.flatMap((value, index) => index % (width * 3) < 3 ? [] : [Math.abs(value - pixels[index - 3])])),
    mean(all.slice(width * 3).map((value, index) => Math.abs(value - pixels[index]))),
  ];
}

const [, ...published] = Deno.readTextFileSync(new URL("statistics.tsv", import.meta.url)).trimEnd().split("\n").map((
  line,
) => line.split("\t"));

for (const corruption of corruptionNames) {
  Deno.test(`${corruption} changes a photograph as the published one does, by 2 of 255 levels, at each severity`, async () => {
    const original = await photograph(SIDES[corruption] ?? 112);
    const found: Record<string, string> = {};
    const lines = published.filter(([name]) => name === corruption);
    assertEquals(lines.map(([, severity]) => severity), ["1", "2", "3", "4", "5"]);
    for (const [, severity, ...wanted] of lines) {
      const draws = DRAWS[corruption] ?? 4;
      const sums = wanted.map(() => 0);
      for (let seed = 0; seed < draws; seed++) {
        const corrupted = await corruptImage(original, { corruption, severity: Number(severity), seed, key: "a" });
        statisticsOf(corrupted, original).forEach((value, index) => sums[index] += value / draws);
      }
      if (wanted.some((value, index) => Math.abs(sums[index] - Number(value)) > 2)) {
        found[severity] = `${sums.map((value) => value.toFixed(1))}, published ${wanted}`;
      }
    }
    assertEquals(found, {});
  });
}

Deno.test("corruptImage() draws by seed, key, corruption and severity, and takes any size", async () => {
  const small = { width: 7, height: 5, pixels: new Uint8Array(105).fill(100) };
  const corrupt = async (options: { seed?: number; key?: string; severity?: number }, image: Pixels = small) =>
    (await corruptImage(image, { corruption: "gaussian_noise", severity: 1, seed: 0, key: "a", ...options })).pixels;
  const first = await corrupt({});
  assertEquals(await corrupt({}), first);
  for (const other of [{ seed: 1 }, { key: "b" }, { severity: 2 }]) assertNotEquals(await corrupt(other), first);
  for (const [width, height] of [[1, 1], [1, 9], [13, 2], [40, 3]]) {
    const image = { width, height, pixels: Uint8Array.from({ length: width * height * 3 }, (_, index) => index % 256) };
    for (const corruption of corruptionNames as CorruptionName[]) {
      const { pixels, ...size } = await corruptImage(image, { corruption, severity: 5, seed: 0, key: "a" });
      assertEquals([size.width, size.height, pixels.length], [width, height, image.pixels.length], corruption);
    }
  }
});

Deno.test("plasma() goes from 0 to 1 and its opposite sides meet", () => {
  const side = 64;
  const heights = plasma(side, 2, randomNumbers(randomKey([1])));
  assertEquals([heights.reduce((a, b) => Math.min(a, b)), heights.reduce((a, b) => Math.max(a, b))], [0, 1]);
  const step = (first: number, second: number) => {
    const rows = Array.from({ length: side }, (_, y) => y * side);
    return rows.reduce((sum, row) => sum + Math.abs(heights[row + first] - heights[row + second]), 0) / side;
  };
  assert(step(side - 1, 0) < step(0, side / 2) / 2);
});
