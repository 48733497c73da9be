import { assert, assertEquals } from "@std/assert";
import { highWater } from "../../../bench/high_water.ts";
import { makeFolder } from "./collect.ts";
import { imageColumns, writeParquet, type WriteParquetOptions } from "./parquet_writer.ts";
import { gzip, joinBytes, writeTar } from "./tar_writer.ts";

const ROOT = new URL("../../../", import.meta.url);

/** Decodes what it is given, says of how many images it has read, and then waits to be looked at. */
const PROGRAM = `
  import { decodeImages, openDecodePool, openImages } from "${new URL("formats/images/mod.ts", ROOT)}";
  const pool = openDecodePool(1);
  let images = 0;
  for await (const _ of decodeImages((await openImages(Deno.args[0])).read(), pool, { ahead: 8 })) images++;
  console.log(images);
  for await (const _ of Deno.stdin.readable);
  pool.close();
`;

const BYTES = 2 ** 26;
const IMAGES = 2;
/**
 * Times its bytes that an image of many may take beside what the program takes: those of its page, and its own. Each copy is
 * once more, and was there before it was looked for: the decode worker's, its message's, a page's that was done with.
 */
const MOST_COPIES = 2.5;

/** The first bytes of a JPEG. */
const JPEG = Uint8Array.of(0xff, 0xd8, 0xff, 0xe0);

async function peakMemory(path: string): Promise<{ images: number; bytes: number }> {
  await using folder = await makeFolder({ "program.ts": PROGRAM });
  const process = new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--no-prompt", "--config", "deno.json", "--allow-read", "--allow-ffi", "--allow-env"],
      ...[`${folder.path}/program.ts`, path],
    ],
    cwd: ROOT,
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const images = Number((await reader.read()).value);
  const bytes = await highWater(process.pid);
  await process.stdin.close();
  await reader.cancel();
  assertEquals((await process.status).code, 0);
  return { images, bytes };
}

/** A header as {@linkcode writeTar} writes it, of a member that has many bytes. */
function headerOf(name: string): Uint8Array<ArrayBuffer> {
  const size = new TextEncoder().encode(BYTES.toString(8).padStart(11, "0"));
  return writeTar([{ name, change: (header) => header.set(size, 124) }]).slice(0, 512);
}

/** Files that have holes in place of zeros. */
async function writeSparse(
  path: string,
  parts: readonly (readonly [offset: number, bytes: Uint8Array])[],
  size: number,
) {
  using file = await Deno.open(path, { write: true, create: true });
  await file.truncate(size);
  for (const [offset, bytes] of parts) {
    await file.seek(offset, Deno.SeekMode.Start);
    await file.write(bytes);
  }
}

const member = 512 + BYTES;

/** Writers of images into a folder. */
const INPUTS: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  "a folder": async (folder) => {
    await Deno.mkdir(`${folder}/cat`);
    for (let image = 0; image < IMAGES; image++) await writeSparse(`${folder}/cat/${image}.jpg`, [[0, JPEG]], BYTES);
  },
  "a tar": async (folder) => {
    const parts = Array.from({ length: IMAGES }, (_, image) => {
      return [member * image, joinBytes([headerOf(`${image}.jpg`), JPEG])] as const;
    });
    await writeSparse(`${folder}/images.tar`, parts, member * IMAGES + 1024);
  },
  "a tar.gz": async (folder) => {
    const zeros = await gzip(new Uint8Array(BYTES / 8));
    const first = joinBytes([JPEG, new Uint8Array(BYTES / 8 - JPEG.length)]);
    const packed: Uint8Array[] = [];
    for (let image = 0; image < IMAGES; image++) {
      packed.push(await gzip(joinBytes([headerOf(`${image}.jpg`), first])), ...Array(7).fill(zeros));
    }
    await Deno.writeFile(`${folder}/images.tar.gz`, joinBytes([...packed, await gzip(new Uint8Array(1024))]));
  },
  "Parquet": (folder) => writeImages(folder, {}),
  "Parquet with dictionaries": (folder) => writeImages(folder, {}, true),
  "Parquet with Zstandard": (folder) => writeImages(folder, { codec: "zstd" }),
  "Parquet with gzip and dictionaries": (folder) => writeImages(folder, { codec: "gzip", version: 2 }, true),
};

async function writeImages(folder: string, options: WriteParquetOptions, isDictionary = false): Promise<void> {
  const image = new Uint8Array(BYTES);
  image.set(JPEG);
  const [bytes, paths] = imageColumns(Array(IMAGES).fill(image));
  const columns = [{ ...bytes, isDictionary }, paths];
  await Deno.writeFile(`${folder}/images.parquet`, writeParquet(columns, { ...options, rowsPerGroup: 1 }));
}

for (const [name, write] of Object.entries(INPUTS)) {
  Deno.test({
    name: `encoded images of 64 MiB each in ${name} are not held several times`,
    ignore: Deno.build.os !== "linux",
    async fn() {
      await using small = await makeFolder({ "cat/0.jpg": JPEG });
      const least = await peakMemory(small.path);
      await using folder = await makeFolder({});
      await write(folder.path);
      const { images, bytes } = await peakMemory(folder.path);
      assertEquals([least.images, images], [1, IMAGES]);
      const copies = (bytes - least.bytes) / BYTES;
      assert(copies < MOST_COPIES, `${name}: ${copies.toFixed(2)} times its bytes`);
    },
  });
}
