import { assertEquals, assertThrows } from "@std/assert";
import type { Device } from "../../../../kernels/engine/device.ts";
import type { Profile, Storage } from "../../../../kernels/engine/kernel.ts";
import {
  normalisationLevels,
  placeParameters,
  type ResizeFilter,
  type ResizeOptions,
  resizePasses,
  resizeReference,
  resizeTables,
} from "../../../../kernels/operations/resize/mod.ts";
import { runKernel } from "../../../../kernels/engine/run.ts";
import { padChannels, randomValues, stored, targets, testDevice } from "../../tensors.ts";
import { readPhoto } from "./fixtures.ts";

/** Levels that leave pixels as they are: what comes out are Pillow's bytes. */
const PLAIN = Float32Array.from({ length: 1024 }, (_, index) => index % 4 < 3 ? Math.floor(index / 4) : 0);

/** `Normalize(mean, std)(ToTensor()(pixel))` of grey 0, 100 and 255, and the padding. */
const PYTORCH_LEVELS = [
  [-2.1179039478302, -2.0357141494750977, -1.804444432258606, 0],
  [-0.40542858839035034, -0.28501397371292114, -0.061524976044893265, 0],
  [2.248908281326294, 2.4285714626312256, 2.640000104904175, 0],
];

/** Both passes; image and tables begin at the given places of their buffers. */
async function resize(
  device: Device,
  pixels: Uint8Array,
  width: number,
  height: number,
  options: ResizeOptions,
  target: { profile: Profile; storage: Storage },
  { offset = 0, slot = 0, levels = PLAIN } = {},
): Promise<Float32Array | Float16Array> {
  const { profile, storage } = target;
  const tables = resizeTables(width, height, options);
  const shifted = new Int32Array(tables.values.length + offset).fill(-1);
  shifted.set(tables.values, offset);
  const bytes = new Uint8Array(pixels.length + offset * 4).fill(255);
  bytes.set(pixels, offset * 4);
  const [rowCount, columnCount] = tables.size;
  const place = { pixelsOffset: offset * 4, tablesOffset: offset, slot };
  const passes = resizePasses({ tables, profile, storage });
  const [first, second] = [passes.first, passes.second].map((pass) => ({
    ...pass,
    parameters: placeParameters(pass, place),
  }));
  const { rows } = await runKernel(device, first, {
    pixels: bytes,
    tables: shifted,
    rows: { bytes: tables.rows * tables.columns * 4 },
  });
  const { output } = await runKernel(device, second, {
    rows: new Uint32Array(rows),
    tables: shifted,
    levels,
    output: { bytes: (slot + 1) * rowCount * columnCount * (storage === "f16" ? 8 : 16) },
  });
  const batch = storage === "f16" ? new Float16Array(output) : new Float32Array(output);
  return batch.subarray(slot * rowCount * columnCount * 4);
}

Deno.test("resize kernels give the reference's bytes at any size, filter and box", async () => {
  const device = await testDevice();
  const cases: [width: number, height: number, options: ResizeOptions][] = [
    [1, 1, { size: [1, 1], filter: "bicubic" }],
    [1, 1, { size: [5, 7], filter: "lanczos" }],
    [53, 47, { size: [19, 53], filter: "bilinear" }],
    [53, 47, { size: [47, 20], filter: "hamming" }],
    [53, 47, { size: [47, 53], filter: "bicubic" }],
    [997, 2, { size: [17, 13], filter: "bicubic" }],
    [3, 401, { size: [31, 9], filter: "lanczos" }],
    [37, 41, { size: [60, 59], filter: "nearest" }],
    [53, 47, { size: [20, 20], filter: "bicubic", box: { left: 3.25, top: 1.7, right: 40.1, bottom: 46.99 } }],
    [53, 47, { size: [9, 7], filter: "box", box: { left: 10, top: 20, right: 53, bottom: 29 } }],
    [53, 47, { size: [29, 31], filter: "bicubic", window: { top: 5, left: 3, height: 17, width: 23 } }],
    // The vertical pass first, and as Pillow 12 has it.
    [33, 90, { size: [16, 16], filter: "bicubic" }],
    [33, 90, { size: [16, 16], filter: "bicubic", rule: "Pillow 12" }],
    [9, 80, { size: [16, 16], filter: "lanczos" }],
    [53, 147, { size: [29, 31], filter: "bilinear", window: { top: 5, left: 3, height: 17, width: 23 } }],
    [53, 147, { size: [20, 20], filter: "hamming", box: { left: 3.25, top: 1.7, right: 40.1, bottom: 146.99 } }],
  ];
  for (const [width, height, options] of cases) {
    // Black and white: filters overshoot, and clipping shows.
    const pixels = Uint8Array.from(randomValues(width * height * 3, 31), (value) => value < 0 ? 0 : 255);
    const expected = padChannels(resizeReference(pixels, width, height, options), 3, "f32");
    for (const target of targets(device)) {
      const actual = await resize(device, pixels, width, height, options, target, { offset: 5 });
      const name = `${width} x ${height} to ${JSON.stringify(options)} ${target.profile} ${target.storage}`;
      assertEquals(actual.length, expected.length);
      assertEquals(actual.findIndex((value, index) => value !== expected[index]), -1, name);
    }
  }
});

Deno.test("resize kernels give the reference's bytes of a photograph, normalised as torchvision does", async () => {
  const device = await testDevice();
  const { width, height, pixels } = await readPhoto();
  const options: ResizeOptions = { size: [224, 224], filter: "bicubic" };
  const mean = [0.485, 0.456, 0.406];
  const std = [0.229, 0.224, 0.225];
  const bytes = resizeReference(pixels, width, height, options);
  const expected = Float32Array.from(bytes, (value, index) => {
    const centred = Math.fround(Math.fround(value / 255) - Math.fround(mean[index % 3]));
    return centred / Math.fround(std[index % 3]);
  });
  for (const target of targets(device)) {
    const levels = normalisationLevels(mean, std);
    const actual = await resize(device, pixels, width, height, options, target, { slot: 1, levels });
    const wanted = padChannels(expected, 3, "f32");
    // Storing f16 may round either way, where the device's conversion is not to the nearest.
    const near = stored(wanted, target.storage);
    const tolerance = target.storage === "f16" ? 2 ** -10 : 0;
    const wrong = actual.findIndex((value, index) =>
      !(Math.abs(value - near[index]) <= tolerance * Math.abs(near[index]))
    );
    assertEquals([wrong, actual[wrong]], [-1, undefined], `${target.profile} ${target.storage}`);
  }
});

Deno.test("normalisationLevels() gives PyTorch's values", () => {
  const levels = normalisationLevels([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
  const at = (level: number) => [...levels.subarray(level * 4, level * 4 + 4)];
  assertEquals(at(0), PYTORCH_LEVELS[0]);
  assertEquals(at(100), PYTORCH_LEVELS[1]);
  assertEquals(at(255), PYTORCH_LEVELS[2]);
});

Deno.test("resize kernels of one storage and order share their text between images", () => {
  const texts = (width: number, height: number, filter: ResizeFilter) => {
    const tables = resizeTables(width, height, { size: [224, 224], filter });
    const { first, second } = resizePasses({ tables, profile: "software", storage: "f32" });
    return [first.code, second.code];
  };
  assertEquals(texts(40, 30, "bicubic"), texts(700, 90, "bilinear"));
  assertEquals(texts(40, 300, "bicubic"), texts(7, 900, "bilinear"));
});

Deno.test("placeParameters() refuses an image that does not begin on a word", () => {
  for (const height of [4, 40]) {
    const tables = resizeTables(4, height, { size: [2, 2], filter: "box" });
    const { first } = resizePasses({ tables, profile: "gpu", storage: "f32" });
    const place = { pixelsOffset: 6, tablesOffset: 0, slot: 0 };
    assertThrows(() => placeParameters(first, place), RangeError, "image at byte 6");
  }
});
