/**
 * Resizing, compared with Pillow.
 *
 * @module
 */

import type { Device } from "../../kernels/engine/device.ts";
import {
  type ResizeOptions,
  resizePasses,
  resizeReference,
  resizeTables,
} from "../../kernels/operations/resize/mod.ts";
import { runKernel } from "../../kernels/engine/run.ts";
import { type Image, readExpected, readPhoto } from "../../tests/kernels/operations/resize/fixtures.ts";
import { unpadChannels } from "../../tests/kernels/tensors.ts";
import { PROFILES, withProfile } from "../device.ts";
import { percent, type Section } from "./section.ts";

/** Pillow's `box` of `bicubic.crop64`. */
const CROP = { left: 40, top: 25, right: 300, bottom: 210 };

/** Levels that leave bytes as they are. */
const BYTES = Float32Array.from({ length: 1024 }, (_, index) => index % 4 < 3 ? Math.floor(index / 4) : 0);

const MOST = 1;
const EQUAL = 0.999;

/**
 * Compares the photograph resized on the CPU and by the kernels of each profile.
 *
 * @param device Where.
 * @returns A row for each of Pillow's results and each way.
 */
export async function compareResizing(device: Device): Promise<Section> {
  const rows: Section["rows"] = [["", "on", "largest", "equal"]];
  const failures: string[] = [];
  const photo = await readPhoto();
  for (const [name, { shape, pixels: expected }] of Object.entries(await readExpected())) {
    const options: ResizeOptions = {
      size: [shape[0], shape[1]],
      filter: name.startsWith("bilinear") ? "bilinear" : "bicubic",
      ...(name.includes("crop") ? { box: CROP } : {}),
    };
    const results: [string, ArrayLike<number>][] = [
      ["CPU", resizeReference(photo.pixels, photo.width, photo.height, options)],
    ];
    for (const profile of PROFILES) {
      results.push([`device, ${profile} profile`, await resizeOnDevice(withProfile(device, profile), photo, options)]);
    }
    for (const [way, actual] of results) {
      const differences = expected.map((value, index) => Math.abs(actual[index] - value));
      const largest = actual.length === expected.length
        ? differences.reduce((most, value) => Math.max(most, value))
        : NaN;
      const equal = differences.filter((difference) => difference === 0).length / expected.length;
      rows.push([name, way, largest, percent(equal)]);
      if (!(largest <= MOST && equal >= EQUAL)) failures.push(`${name} on ${way}`);
    }
  }
  const title = "Resizing against Pillow, 0 to 255: largest difference at most 1, equal at least 99.9 %";
  return { title, rows, failures };
}

async function resizeOnDevice(
  device: Device,
  { pixels, width, height }: Image,
  options: ResizeOptions,
): Promise<number[]> {
  const { profile } = device.capabilities;
  const tables = resizeTables(width, height, options);
  const [outputHeight, outputWidth] = options.size;
  const { first, second } = resizePasses({ tables, profile, storage: "f32" });
  const { rows } = await runKernel(device, first, {
    pixels,
    tables: tables.values,
    rows: { bytes: tables.rows * tables.columns * 4 },
  });
  const { output } = await runKernel(device, second, {
    rows: new Uint32Array(rows),
    tables: tables.values,
    levels: BYTES,
    output: { bytes: outputHeight * outputWidth * 16 },
  });
  return unpadChannels(output, 3, "f32");
}
