/**
 * How fast published label maps are converted: `deno task bench:convert [--files N]`. Fails if a value changes on the way
 * there and back, or if both ways together take more than a second for 500 files.
 *
 * The 256 maps of `tests/fixtures/lite0/maps475.safetensors` (15 x 15, k = 5) are repeated as `.pt` files of ten classes,
 * every other one in PyTorch's older container: that of `tests/fixtures/published` with other elements in it. They
 * become label maps, read as W-first, and those become `.pt` files again.
 *
 * @module
 */

import { join } from "@std/path";
import { openWeights, torchTensorWriter } from "../formats/weights/mod.ts";
import { type PublishedMap, readPublished } from "../formats/published/mod.ts";
import { count } from "../pipeline/command/option_kinds.ts";
import { runTask } from "../tests/pipeline/task.ts";
import { describeMachine } from "./machine.ts";
import { readBenchOptions } from "./options.ts";
import { formatTable } from "./table.ts";
import { median } from "./timing.ts";

/** Files a second, both ways together. */
const PROMISED = 500;

const FIXTURES = new URL("../tests/fixtures/", import.meta.url).pathname;

const OPTIONS = {
  files: count({ default: 10_000, help: "files to convert" }),
  rounds: count({ default: 3, help: "times to do it, of which the median counts" }),
};

const { files, rounds } = readBenchOptions("bench:convert", OPTIONS);
console.log(describeMachine());
const folder = Deno.makeTempDirSync({ prefix: "convert-" });
try {
  const published = join(folder, "published");
  await makePublished(published);
  const seconds: Record<"there" | "back" | "arrow", number[]> = { there: [], back: [], arrow: [] };
  for (let round = 0; round < rounds; round++) {
    const [labels, maps, arrow] = ["labels", "maps", "arrow"].map((name) => join(folder, `${name}-${round}`));
    seconds.there.push(await convert(published, labels, "--layout", "wh"));
    seconds.back.push(await convert(labels, maps, "--to", "pt"));
    seconds.arrow.push(await convert(labels, arrow, "--to", "arrow"));
    checkEqual(published, maps);
    for (const path of [labels, maps, arrow]) Deno.removeSync(path, { recursive: true });
  }
  const [there, back, arrow] = [seconds.there, seconds.back, seconds.arrow].map(median);
  const row = (name: string, time: number) => [name, time.toFixed(2), (files / time).toFixed(0)];
  console.log(formatTable([
    [`${files} files of 9,000 bytes`, "seconds", "files/s"],
    row(".pt to label maps", there),
    row("label maps to .pt", back),
    row("both", there + back),
    row("label maps to Arrow", arrow),
  ]));
  console.log("  every value is what it was, bit for bit");
  const reached = files / (there + back);
  if (!(reached >= PROMISED)) {
    console.log(`  ${reached.toFixed(0)} files/s, promised are ${PROMISED}`);
    Deno.exitCode = 1;
  }
} finally {
  Deno.removeSync(folder, { recursive: true });
}

/** Writes the files. */
async function makePublished(path: string): Promise<void> {
  const weights = await openWeights(join(FIXTURES, "lite0/maps475.safetensors"));
  const [classes, scores] = [readWords(weights.path, "class"), await weights.read("score")];
  weights.close();
  const writers = [torchTensorWriter([2, 5, 15, 15]), streamWriter()];
  for (let number = 0; number < files; number++) {
    const wnid = `n0${1440764 + number % 10}`;
    if (number < 10) Deno.mkdirSync(join(path, wnid), { recursive: true });
    const map = number % 256;
    const values = new Float32Array(2250);
    values.set(scores.subarray(map * 1125, (map + 1) * 1125));
    values.set(classes.subarray(map * 1125, (map + 1) * 1125), 1125);
    values[number % 1125] += number; // no two are alike
    Deno.writeFileSync(join(path, wnid, `${wnid}_${number}.pt`), writers[number % 2](values));
  }
}

/** A uint16 tensor of a safetensors file. */
function readWords(path: string, name: string): Uint16Array {
  const bytes = Deno.readFileSync(path);
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const [start, end] = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)))[name].data_offsets;
  return new Uint16Array(bytes.slice(8 + length + start, 8 + length + end).buffer);
}

/** Writes the older container: the file of the fixtures with other elements, which are its last bytes. */
function streamWriter(): (values: Float32Array) => Uint8Array {
  const bytes = Deno.readFileSync(join(FIXTURES, "published/n01440764/n01440764_10027.pt"));
  return (values) => {
    bytes.set(new Uint8Array(values.buffer), bytes.length - values.byteLength);
    return bytes;
  };
}

async function convert(...args: string[]): Promise<number> {
  const start = performance.now();
  const { code, error } = await runTask("convert", ...args, "--quiet");
  if (code !== 0) throw new Error(`Cannot convert: ${error}`);
  return (performance.now() - start) / 1000;
}

/** Compares two folders of `.pt` files, value by value as bits. */
function checkEqual(expected: string, found: string): void {
  let compared = 0;
  for (const { name: wnid } of Deno.readDirSync(expected)) {
    for (const { name } of Deno.readDirSync(join(expected, wnid))) {
      const [was, is] = [expected, found].map((folder) => {
        const path = join(folder, wnid, name);
        const { k, axes, values } = readPublished(path, Deno.readFileSync(path)) as PublishedMap;
        return { shape: `${k}, ${axes}`, words: new Uint32Array(values.buffer, values.byteOffset, values.length) };
      });
      const place = was.words.findIndex((word, index) => word !== is.words[index]);
      if (place >= 0 || was.shape !== is.shape) {
        throw new Error(`Cannot round-trip "${wnid}/${name}": element ${place} of [2, ${was.shape}] has changed`);
      }
      compared++;
    }
  }
  if (compared !== files) throw new Error(`Cannot round-trip: ${compared} of ${files} files came back`);
}
