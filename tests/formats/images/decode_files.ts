/**
 * A program that prints which build of the decoder it has, and of each image file of some folders the size and SHA-256 of its
 * pixels or why there are none: `decode_files.ts FOLDER...`. Every file is decoded here and in a worker.
 *
 * @module
 */

import { join } from "@std/path";
import { createHash } from "node:crypto";
import { decodeImage, openDecodePool } from "../../../formats/images/mod.ts";
import { decoderBuild, loadDecoder } from "../../../formats/images/load_decoder.ts";

const found: Record<string, string> = {};
const build = decoderBuild(await loadDecoder());
const pool = openDecodePool(1);
for (const folder of Deno.args) {
  for (const { name } of [...Deno.readDirSync(folder)].filter(({ isFile }) => isFile)) {
    const path = join(folder, name);
    const here = await describe(() => decodeImage(Deno.readFileSync(path)));
    const there = await describe(() => pool.decode({ index: 0, key: name, label: null, bytes: { path } }));
    found[path] = here === there ? here : `${here}; in a worker ${there}`;
  }
}
pool.close();
console.log(JSON.stringify({ build, found }));

async function describe(decode: () => ReturnType<typeof decodeImage>): Promise<string> {
  try {
    const { width, height, pixels } = await decode();
    return `${width} x ${height} ${createHash("sha256").update(pixels).digest("hex")}`;
  } catch (error) {
    return (error as Error).message;
  }
}
