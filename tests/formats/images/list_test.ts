import { assertEquals } from "@std/assert";
import { type ListedImage, openDecodePool, openImages, type StoredImage } from "../../../formats/images/mod.ts";
import { bytesOf, makeFolder } from "./collect.ts";
import { writeTar } from "./tar_writer.ts";

const PHOTOS = "assets/photos/several";

async function tarOf(names: readonly string[], extra = ""): Promise<Uint8Array<ArrayBuffer>> {
  const members = await Promise.all(
    names.map(async (name, index) => [
      { name: `${index}/${name}`, content: await Deno.readFile(`${PHOTOS}/${name}`) },
      ...(extra === "" ? [] : [{ name: `${index}/${name.replace(/\..*$/, extra)}`, content: `${index + 3}` }]),
    ]),
  );
  return writeTar(members.flat()) as Uint8Array<ArrayBuffer>;
}

const named = ({ index, key, label }: StoredImage | ListedImage) => [index, key, label];

Deno.test("list() gives the images of read(), and where each can be read alone", async () => {
  const names = [...Deno.readDirSync(PHOTOS)].map(({ name }) => name).filter((name) => name.endsWith(".jpg")).sort();
  const plain = await tarOf(names);
  const packed = new Blob([plain]).stream().pipeThrough(new CompressionStream("gzip"));
  await using folder = await makeFolder({
    "plain/a.tar": plain,
    "samples/a.tar": await tarOf(names, ".cls"),
    "packed/a.tgz": new Uint8Array(await new Response(packed).arrayBuffer()),
    "damaged/a.tar": plain.subarray(0, plain.length - 4096),
  });
  const alone: Record<string, number> = {
    [PHOTOS]: names.length,
    [`${PHOTOS}/${names[0]}`]: 1,
    [`${folder.path}/plain`]: names.length,
    [`${folder.path}/samples`]: names.length,
    [`${folder.path}/packed`]: 0,
    [`${folder.path}/damaged`]: names.length - 1,
    "tests/fixtures/images/parquet/train-{00000..00001}-of-00002.parquet": 0,
    "tests/fixtures/images/parquet/holes.parquet": 0,
  };
  const pool = openDecodePool(1);
  try {
    for (const [path, count] of Object.entries(alone)) {
      const stored = await Array.fromAsync((await openImages(path)).read());
      const listed = await Array.fromAsync((await openImages(path)).list());
      assertEquals(listed.map(named), stored.map(named), path);
      assertEquals(listed.filter(({ place }) => place && "path" in place).length, count, path);
      for (const [index, { place, path: file }] of listed.entries()) {
        if (!place) continue;
        if ("unreadable" in place) {
          assertEquals(place, stored[index].bytes);
          continue;
        }
        assertEquals(place.path, file);
        const decoded = await pool.decode({ ...stored[index], bytes: place });
        const image = stored[index];
        const expected = image.bytes instanceof Uint8Array ? { ...image, bytes: bytesOf(image) } : image;
        assertEquals(decoded, await pool.decode(expected), path);
      }
    }
  } finally {
    pool.close();
  }
});

Deno.test("a part of a file that is shorter than it was is refused by name", async () => {
  await using folder = await makeFolder({ "a.tar": await tarOf(["cat-coffee.jpg"]) });
  const [{ place, ...image }] = await Array.fromAsync((await openImages(`${folder.path}/a.tar`)).list());
  Deno.truncateSync(`${folder.path}/a.tar`, 2000);
  const pool = openDecodePool(1);
  const error = await pool.decode({ ...image, bytes: place! }).then(() => null, (error: Error) => error.message);
  pool.close();
  assertEquals(
    error,
    `Cannot read image: "${folder.path}/a.tar" ends at byte 2000, before the end of what was to be read`,
  );
});
