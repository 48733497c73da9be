import { assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { type DecodedImage, decodeImage, openDecodePool } from "../../../formats/images/mod.ts";
import { openImageCache } from "../../../pipeline/training/image_cache.ts";
import { type ImageStore, type ImageStoreOptions, openImageStore } from "../../../pipeline/training/image_store.ts";
import { writeTar } from "../../formats/images/tar_writer.ts";
import { imageFolder, pngOf } from "./data.ts";

const pool = openDecodePool(1);
addEventListener("unload", pool.close);

const PARQUET = "tests/fixtures/images/parquet/train-{00000..00001}-of-00002.parquet";

async function withStore<Result>(
  path: string,
  options: Partial<ImageStoreOptions>,
  use: (store: ImageStore) => Promise<Result>,
): Promise<Result> {
  const store = await openImageStore(path, { pool, ...options });
  try {
    return await use(store);
  } finally {
    store.close();
  }
}

/** Every image by its key, decoded in another order than the source's, twice. */
function allImages(path: string, options: Partial<ImageStoreOptions> = {}): Promise<Record<string, DecodedImage>> {
  return withStore(path, options, async (store) => {
    const found = new Map<string, DecodedImage>();
    for (const round of [0, 1]) {
      for (let index = store.keys.length - 1; index >= 0; index--) {
        const image = await store.decode(index);
        const copy = { ...image, pixels: image.pixels.slice() };
        if (round === 1) assertEquals(copy, found.get(store.keys[index]));
        found.set(store.keys[index], copy);
        store.release(index, image);
      }
    }
    return Object.fromEntries(found);
  });
}

/** A tar of what `imageFolder` writes, and the same gzipped. */
async function tarOf(images: number): Promise<{ plain: string; packed: string }> {
  const classes = ["cat", "dog", "eel"];
  const bytes = writeTar(
    Array.from(
      { length: images },
      (_, image) => ({ name: `${classes[image % 3]}/${image}.png`, content: pngOf(image) }),
    ),
  );
  const folder = Deno.makeTempDirSync();
  const [plain, packed] = [join(folder, "a.tar"), join(folder, "b.tgz")];
  Deno.writeFileSync(plain, bytes);
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  Deno.writeFileSync(packed, new Uint8Array(await new Response(stream).arrayBuffer()));
  return { plain, packed };
}

Deno.test("openImageStore() gives a folder's images in any order, kept in memory or not", async () => {
  const folder = imageFolder(9);
  const images = await allImages(folder);
  assertEquals(Object.keys(images).length, 9);
  assertEquals(images["dog/4.png"], await decodeImage(Deno.readFileSync(join(folder, "dog/4.png"))));
  assertEquals(await allImages(folder, { memory: 0 }), images);
  assertEquals(await allImages(folder, { memory: 100 }), images);
  await withStore(folder, {}, (store) => {
    assertEquals([store.classes, store.description], [["cat", "dog", "eel"], "3 class folders"]);
    assertEquals([...store.labels], [0, 0, 0, 1, 1, 1, 2, 2, 2]);
    return Promise.resolve();
  });
});

Deno.test("openImageStore() gives images of shards, gzipped ones too, and of Parquet", async () => {
  const { plain, packed } = await tarOf(9);
  const folder = await allImages(imageFolder(9));
  const named = (images: Record<string, DecodedImage>, shard: string) =>
    Object.fromEntries(Object.entries(images).map(([key, image]) => [key.replace(`${shard}/`, ""), image]));
  assertEquals(named(await allImages(plain, { memory: 0 }), "a.tar"), folder);
  assertEquals(named(await allImages(packed), "b.tgz"), folder);
  const rows = await allImages(PARQUET);
  assertEquals(Object.keys(rows).length, 11);
  assertEquals(rows["train-00001-of-00002.parquet/0"].pixels[0], 7);
});

Deno.test("openImageStore() refuses what can be read in order only and does not fit into memory", async () => {
  const { packed } = await tarOf(9);
  await assertRejects(
    () => openImageStore(packed, { pool, memory: 100 }),
    RangeError,
    `Cannot train on "${packed}": its images can be read in order only, and 9 images do not fit into 0 MiB of memory ` +
      "when decoded: name a file with --cache",
  );
});

Deno.test("openImageStore() writes a cache once, and reads images from it", async () => {
  const cache = join(Deno.makeTempDirSync(), "images");
  const folder = imageFolder(9);
  Deno.writeTextFileSync(join(folder, "eel", "5.png"), "no image");
  const done: number[] = [];
  const onImage = (count: number, total: number) => done.push(count, total);
  const use = (store: ImageStore) =>
    Promise.all(store.keys.map((_, index) => store.decode(index).catch(({ message }) => message as string)));
  const decoded = await withStore(folder, {}, use);
  assertEquals(await withStore(folder, { cache, onImage }, use), decoded);
  assertEquals(done.slice(-2), [9, 9]);
  assertMatch(String(decoded[7]), /^Cannot decode/);
  assertEquals([...Deno.readDirSync(join(cache, ".."))].map(({ name }) => name), ["images"]);
  const again: number[] = [];
  assertEquals(await withStore(folder, { cache, onImage: (count) => again.push(count) }, use), decoded);
  assertEquals(again, []);
  for (const source of [(await tarOf(9)).packed, PARQUET]) {
    // Of other images: written anew.
    assertEquals(await allImages(source, { cache }), await allImages(source));
  }
});

Deno.test("openImageStore() writes a cache anew when an image has changed", async () => {
  const cache = join(Deno.makeTempDirSync(), "images");
  const folder = imageFolder(3);
  await allImages(folder, { cache });
  Deno.writeFileSync(join(folder, "cat/0.png"), pngOf(11));
  Deno.utimeSync(join(folder, "cat/0.png"), new Date(), new Date(Date.now() + 5000));
  assertEquals((await allImages(folder, { cache }))["cat/0.png"], await decodeImage(pngOf(11)));
});

Deno.test("openImageStore() leaves no cache when it is stopped, and takes no other file for one", async () => {
  const cache = join(Deno.makeTempDirSync(), "images");
  const folder = imageFolder(40);
  const controller = new AbortController();
  const onImage = (done: number) => {
    if (done === 3) controller.abort();
  };
  await assertRejects(
    () => openImageStore(folder, { pool, cache, signal: controller.signal, onImage }),
    DOMException,
    "aborted",
  );
  assertEquals([...Deno.readDirSync(join(cache, ".."))], []);
  const foreign = { tiny: "x", other: "x".repeat(5000) };
  for (const content of Object.values(foreign)) {
    Deno.writeTextFileSync(cache, content);
    await assertRejects(
      () => openImageStore(folder, { pool, cache }),
      TypeError,
      `Cannot use "${cache}" as a cache of images: it is another file`,
    );
    assertEquals(Deno.readTextFileSync(cache), content);
  }
});

Deno.test("openImageStore() makes a damaged cache anew, and says so", async () => {
  const cache = join(Deno.makeTempDirSync(), "images");
  const folder = imageFolder(9);
  const decoded = await allImages(folder, { cache });
  const whole = Deno.readFileSync(cache);
  const text = new TextDecoder("latin1").decode(whole);
  const changed = (from: RegExp, to: (found: string) => string) =>
    Uint8Array.from(text.replace(from, to), (letter) => letter.charCodeAt(0));
  const damages: Record<string, Uint8Array> = {
    "it is empty": new Uint8Array(),
    "its beginning is damaged, or of an earlier version": whole.subarray(8),
    "its end is missing": whole.subarray(0, -1),
    "its end is damaged": changed(/"identity"/, () => '"identify"'),
    "the sizes of its images are damaged": changed(/"images":9/, () => '"images":8'),
  };
  const others: readonly Uint8Array[] = [
    whole.subarray(0, 8),
    whole.subarray(0, 12),
    new Uint8Array([...whole.subarray(0, 8), ...whole.subarray(40)]),
    whole.with(whole.length - 9, 255),
    changed(/"images":9/, () => '"images":-'),
    changed(/"images":9/, () => '"images":1e9'),
    changed(/\{"identity/, () => '["identity'),
  ];
  const cases = [...Object.entries(damages), ...others.map((bytes) => [undefined, bytes] as const)];
  for (const [reason, bytes] of cases) {
    Deno.writeFileSync(cache, bytes);
    const warnings: string[] = [];
    assertEquals(await allImages(folder, { cache, onWarning: (sentence) => warnings.push(sentence) }), decoded, reason);
    const start = `Making the cache of images "${cache}" anew: `;
    assertEquals([warnings.length, warnings[0].startsWith(start)], [1, true]);
    if (reason !== undefined) assertEquals(warnings[0], start + reason);
    assertEquals(Deno.readFileSync(cache), whole);
  }
  assertEquals(openImageCache(join(cache, "..", "none"), ""), undefined);
});
