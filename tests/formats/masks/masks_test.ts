import { assert, assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { cellShares, polygonRuns, runLengthRuns, uniteRuns } from "../../../formats/masks/mod.ts";
import { pythonTest } from "../../python.ts";

/** A segmentation and the run lengths that pycocotools makes of it. */
interface Case {
  readonly size: readonly [height: number, width: number];
  readonly segmentation: number[][] | { readonly counts: string | number[] };
  readonly counts: number[];
}

const CASES: readonly Case[] = Deno.readTextFileSync(new URL("fixtures/masks.jsonl", import.meta.url))
  .trimEnd().split("\n").map((line) => JSON.parse(line));

function runsOf({ size: [height, width], segmentation }: Omit<Case, "counts">): number[] {
  const image = { height, width };
  if (!Array.isArray(segmentation)) return uniteRuns([runLengthRuns(segmentation.counts, image)]);
  return uniteRuns(segmentation.map((polygon) => polygonRuns(polygon, image)));
}

Deno.test("masks of polygons and run lengths are those of pycocotools in every pixel", () => {
  assert(CASES.length > 80);
  for (const sample of CASES) {
    const [height, width] = sample.size;
    assertEquals(runsOf(sample), runLengthRuns(sample.counts, { height, width }), JSON.stringify(sample.segmentation));
  }
});

pythonTest("thousands of random polygons have the pixels that pycocotools gives them", ["pycocotools"], async (run) => {
  let state = 1;
  const draw = (below: number) => (state = state * 48271 % 2147483647) / 2147483647 * below;
  const cases = Array.from({ length: 3000 }, () => {
    const size: [number, number] = [1 + Math.floor(draw(60)), 1 + Math.floor(draw(60))];
    const step = [1, 0.5, 0.2, 0.1, 0.01, 0.001][Math.floor(draw(6))];
    const coordinate = (side: number) => Math.round((draw(1.4) - 0.2) * side / step) * step;
    const points = 3 + Math.floor(draw(8));
    const polygon = Array.from({ length: 2 * points }, (_, place) => coordinate(size[1 - place % 2]));
    return { size, segmentation: [polygon] };
  });
  const folder = Deno.makeTempDirSync();
  Deno.writeTextFileSync(join(folder, "cases.json"), JSON.stringify(cases));
  const program = `
import json, sys
from pycocotools import mask as tools
for case in json.load(open(sys.argv[1])):
    pixels = tools.decode(tools.merge(tools.frPyObjects(case["segmentation"], *case["size"]))).T.reshape(-1)
    print("".join(map(str, pixels)))
`;
  const lines = (await run(program, join(folder, "cases.json"))).split("\n");
  cases.forEach((sample, index) => {
    const pixels = new Uint8Array(sample.size[0] * sample.size[1]);
    const runs = runsOf(sample);
    for (let place = 0; place < runs.length; place += 2) pixels.fill(1, runs[place], runs[place + 1]);
    assertEquals(pixels.join(""), lines[index], JSON.stringify(sample));
  });
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("cellShares() gives at the grid of the pixels the mask, and elsewhere its mean over each cell", () => {
  const [height, width] = [12, 18];
  const mask = uniteRuns([[3, 40, 77, 78, 100, 216]]);
  const pixels = new Float64Array(height * width);
  for (let place = 0; place < mask.length; place += 2) {
    for (let pixel = mask[place]; pixel < mask[place + 1]; pixel++) {
      pixels[pixel % height * width + Math.floor(pixel / height)] = 1;
    }
  }
  assertEquals(cellShares(mask, { height, width }, { height, width }), pixels);
  const fine = cellShares(mask, { height, width }, { height: 24, width: 36 });
  assertEquals(fine, fine.map((_, cell) => pixels[Math.floor(cell / 72) * width + Math.floor(cell % 36 / 2)]));
  const coarse = cellShares(mask, { height, width }, { height: 4, width: 6 });
  coarse.forEach((share, cell) => {
    let sum = 0;
    for (let at = 0; at < 9; at++) {
      sum += pixels[(Math.floor(cell / 6) * 3 + Math.floor(at / 3)) * width + cell % 6 * 3 + at % 3];
    }
    assertEquals(share, sum / 9);
  });
});

Deno.test("cellShares() divides a pixel among the cells that it lies in", () => {
  // One pixel of 3 x 3, in a grid of 2 x 2: a quarter of it lies in each cell, which has 2.25 of them.
  assertEquals([...cellShares([4, 5], { height: 3, width: 3 }, { height: 2, width: 2 })], [1 / 9, 1 / 9, 1 / 9, 1 / 9]);
  const odd = cellShares([0, 35], { height: 7, width: 5 }, { height: 3, width: 11 });
  assertEquals([...odd], Array(33).fill(1));
});

Deno.test("uniteRuns() joins runs that overlap or touch, whatever their order", () => {
  assertEquals(uniteRuns([[5, 8, 20, 22], [0, 2, 7, 12], [22, 23], [6, 7]]), [0, 2, 5, 12, 20, 23]);
  assertEquals(uniteRuns([]), []);
});

Deno.test("polygons and run lengths that are none are refused with what was found", () => {
  const image = { height: 4, width: 6 };
  const refusals: [() => unknown, string][] = [
    [() => polygonRuns([1, 2, 3, 4], image), "a polygon has 4 numbers, expected x and y of three points or more"],
    [() => polygonRuns([1, 2, 3, 4, 5, 6, 7], image), "a polygon has 7 numbers"],
    [() => polygonRuns([1, 2, 3, null, 5, 6], image), "a polygon has null as y of point 1, expected a number"],
    [() => polygonRuns([1, 2, 3, 4, 1e9, 6], image), "a polygon has x 1000000000 in an image of 6 x 4"],
    [() => runLengthRuns([4, 2], image), "its counts are of 6 pixels, the image has 24, 6 x 4"],
    [() => runLengthRuns([4, 21], image), "its counts are of more than 24 pixels"],
    [() => runLengthRuns([4, -1, 21], image), "run 1 of its counts is -1, expected a number of pixels"],
    [() => runLengthRuns(undefined, image), "its counts are missing, expected a list or a text"],
    [() => runLengthRuns("0 1", image), 'the text of its counts has character " " at 1'],
    [() => runLengthRuns("P", image), "the text of its counts has no end of its last number"],
    [() => runLengthRuns("oooooooooo0", image), "the text of its counts has a number of more than 7 characters"],
  ];
  for (const [action, message] of refusals) assertThrows(action, Error, message);
});
