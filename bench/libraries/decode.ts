/**
 * Decoding images: `deno task bench:decode`. Fails if a pixel of ours is not Pillow's.
 *
 * Contestants are this project's decoder with sharp's native library and with its WebAssembly build, sharp alone in both, and
 * imagescript. First each decodes the files of `tests/fixtures/images`, of which Pillow's pixels are known, or that Pillow
 * refuses them; then they decode the photographs in turns, one at a time, each in a worker.
 *
 * @module
 */

import { join } from "@std/path";
import type { DecodedImage } from "../../formats/base/pixels.ts";
import { count } from "../../pipeline/command/option_kinds.ts";
import { describeMachine } from "../machine.ts";
import { readBenchOptions } from "../options.ts";
import { formatTable } from "../table.ts";
import { median, timeInTurns } from "../timing.ts";
import type { DECODERS } from "./decode/contestants.ts";
import type { DecodedFiles, DecodeFiles } from "./decode/worker.ts";

const FIXTURES = new URL("../../tests/fixtures/images/", import.meta.url).pathname;
const PHOTOGRAPHS = new URL("../../assets/photos/", import.meta.url).pathname;

/** Pillow's pixels: where they are, or that it refuses the file. */
type Expected = { readonly width: number; readonly height: number; readonly offset: number } | {
  readonly error: string;
};

interface Contestant {
  readonly name: string;
  readonly decoder: keyof typeof DECODERS;
  readonly build: "native" | "WebAssembly";
}

const CONTESTANTS: readonly Contestant[] = [
  { name: "relabel", decoder: "relabel", build: "native" },
  { name: "relabel, WebAssembly", decoder: "relabel", build: "WebAssembly" },
  { name: "sharp", decoder: "sharp", build: "native" },
  { name: "sharp, WebAssembly", decoder: "sharp", build: "WebAssembly" },
  { name: "imagescript", decoder: "imagescript", build: "native" },
];

const { rounds } = readBenchOptions("bench:decode", {
  rounds: count({ default: 5, help: "timings of each contestant; default {default}" }),
});
console.log(describeMachine());
const expected: Record<string, Expected> = JSON.parse(Deno.readTextFileSync(join(FIXTURES, "expected.json")));
const packed = new Blob([Deno.readFileSync(join(FIXTURES, "expected.rgb.gz"))]).stream();
const pixels = new Uint8Array(await new Response(packed.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer());
const hashes: Record<string, string> = JSON.parse(Deno.readTextFileSync(join(FIXTURES, "photographs.json")));
const files = Object.keys(expected).map((name) => join(FIXTURES, "decode", name));
const photographs = Object.keys(hashes).map((name) => join(PHOTOGRAPHS, name));

const workers = CONTESTANTS.map(startWorker);
const results = new Map<string, { equal: number; wrong: number; unread: number }>();
for (const { name, decoder, build, ask } of workers) {
  const found = await ask({ decoder, paths: [...files, ...photographs], wantsPixels: true });
  if (found.build !== build) throw new Error(`Cannot compare decoders: ${name} has the ${found.build} build`);
  const result = { equal: 0, wrong: 0, unread: 0 };
  for (const [place, image] of found.images.entries()) result[await judge(place, image)]++;
  results.set(name, result);
}
const timings = await timeInTurns(
  workers.map(({ name, decoder, ask }) => ({
    name,
    async run(repetitions: number) {
      for (let repetition = 0; repetition < repetitions; repetition++) {
        await ask({ decoder, paths: photographs, wantsPixels: false });
      }
    },
  })),
  rounds,
);
console.log(
  `${files.length + photographs.length} files; ${photographs.length} photographs, medians of ${rounds} rounds\n` +
    formatTable([
      ["", "as Pillow", "otherwise", "not read", "ms per photograph"],
      ...timings.map(({ runner: { name }, milliseconds }) => {
        const { equal, wrong, unread } = results.get(name)!;
        return [name, equal, wrong, unread, (median(milliseconds) / photographs.length).toFixed(2)];
      }),
    ]),
);
for (const { worker } of workers) worker.terminate();
const ours = [...results].filter(([name, { wrong, unread }]) => name.startsWith("relabel") && wrong + unread > 0);
for (const [name] of ours) console.log(`  ${name} decodes files otherwise than Pillow`);
if (ours.length > 0) Deno.exit(1);

/** A worker that may load the native library, or may not. */
function startWorker(contestant: Contestant) {
  const worker = new Worker(new URL("./decode/worker.ts", import.meta.url), {
    type: "module",
    deno: { permissions: { read: true, ffi: contestant.build === "native", env: ["IMAGESCRIPT_WASM_SIMD"] } },
  });
  const ask = (files: DecodeFiles) =>
    new Promise<DecodedFiles>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<DecodedFiles>) => resolve(data);
      worker.onerror = (event) => reject(new Error(event.message));
      worker.postMessage(files);
    });
  return { ...contestant, worker, ask };
}

/** Whether a file was decoded to Pillow's pixels, or refused where Pillow refuses it; otherwise; or not read. */
async function judge(place: number, image: DecodedImage | null): Promise<"equal" | "wrong" | "unread"> {
  const want = Object.values(expected)[place];
  if (want === undefined) {
    if (!image) return "unread";
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", image.pixels)).toHex();
    return hash === Object.values(hashes)[place - files.length] ? "equal" : "wrong";
  }
  if ("error" in want) return image ? "wrong" : "equal";
  if (!image) return "unread";
  const { width, height, offset } = want;
  const right = pixels.subarray(offset, offset + width * height * 3);
  const isEqual = image.width === width && image.height === height &&
    image.pixels.every((value, index) => value === right[index]);
  return isEqual ? "equal" : "wrong";
}
