import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { encodePng } from "../../../formats/images/encode_png.ts";
import {
  type DecodedImage,
  decodeImage,
  decodeImages,
  type DecodeResult,
  openDecodePool,
  openImages,
  type StoredImage,
} from "../../../formats/images/mod.ts";
import { makeFolder } from "./collect.ts";

const UNSTEADY = new URL("./unsteady_worker.ts", import.meta.url);

function stored(paths: readonly string[]): StoredImage[] {
  return paths.map((path, index) => ({ index, key: path, label: null, bytes: { path } }));
}

async function* asSource(images: readonly StoredImage[], given?: { count: number }): AsyncGenerator<StoredImage> {
  for (const image of images) {
    if (given) given.count++;
    yield image;
  }
}

function summary(result: DecodeResult): string {
  return "decoded" in result
    ? `${result.image.key} ${result.decoded.pixels[0]}`
    : `${result.image.key}: ${result.reason}`;
}

Deno.test("decodeImages() gives the photographs' pixels in order, for any number of workers", async () => {
  const source = await openImages("assets/photos");
  const expected: DecodedImage[] = [];
  for await (const { bytes } of source.read()) {
    expected.push(await decodeImage(await Deno.readFile((bytes as { path: string }).path)));
  }
  for (const [workers, ahead] of [[1, 1], [2, 5], [3, 20]]) {
    const pool = openDecodePool(workers);
    const results = await Array.fromAsync(decodeImages(source.read(), pool, { ahead }));
    pool.close();
    assertEquals(results.map(({ image }) => image.index), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    results.forEach((result, index) => {
      assertEquals("decoded" in result ? result.decoded : result.reason, expected[index]);
    });
  }
});

Deno.test("decodeImages() gives what cannot be decoded its reason, in its place", async () => {
  await using folder = await makeFolder({
    "1.jpg": await Deno.readFile("assets/photos/single/rocket.jpg"),
    "2.jpg": "",
    "3.jpg": "This is text",
  });
  const good = await Deno.readFile("tests/fixtures/images/decode/png_rgb.png");
  const images: StoredImage[] = [
    ...stored([`${folder.path}/1.jpg`, `${folder.path}/2.jpg`, `${folder.path}/3.jpg`, `${folder.path}/4.jpg`]),
    { index: 4, key: "b.tar", label: null, bytes: { unreadable: "Cannot read tar shard" } },
    { index: 5, key: "good", label: null, bytes: good },
  ];
  const pool = openDecodePool(2);
  const results = await Array.fromAsync(decodeImages(asSource(images), pool, { ahead: 3 }));
  pool.close();
  assertEquals(results.map((result) => "reason" in result ? result.reason : result.decoded.width), [
    640,
    "Cannot decode image: it is empty (0 bytes)",
    'Cannot decode image: text that begins "This is text" is no JPEG, PNG, WebP, AVIF, GIF, TIFF, BMP or PNM',
    `Cannot read image: No such file or directory (os error 2): stat '${folder.path}/4.jpg'`,
    "Cannot read tar shard",
    31,
  ]);
  // It was released.
  assertEquals(good.length, 0);
});

Deno.test("decodeImages() keeps the order when later images are done first, and reads a bounded number ahead", async () => {
  const paths = ["40", "1", "30", "2", "20", "3", "10", "4"];
  const given = { count: 0 };
  const pool = openDecodePool(3, { script: UNSTEADY });
  let taken = 0;
  for await (const result of decodeImages(asSource(stored(paths), given), pool, { ahead: 3 })) {
    assertEquals(summary(result), `${paths[taken]} ${paths[taken]}`);
    taken++;
    assert(given.count <= taken + 2, `${given.count} read when ${taken} were taken`);
  }
  assertEquals(taken, 8);
  pool.close();
});

Deno.test("decodeImages() goes on with a new worker after one stopped", async () => {
  const pool = openDecodePool(2, { script: UNSTEADY });
  const source = asSource(stored(["1", "crash", "2", "crash", "crash", "3", "4", "5"]));
  const results = await Array.fromAsync(decodeImages(source, pool, { ahead: 4 }));
  pool.close();
  const stopped = "crash: Cannot decode image: the decode worker stopped (Uncaught Error: out of memory)";
  assertEquals(results.map(summary), ["1 1", stopped, "2 2", stopped, stopped, "3 3", "4 4", "5 5"]);
});

Deno.test("decodeImages() gives the images of a source that fails before its error", async () => {
  async function* failing(): AsyncGenerator<StoredImage> {
    yield* asSource(stored(["5", "1"]));
    throw new Error("Cannot list folder");
  }
  const pool = openDecodePool(2, { script: UNSTEADY });
  const results: string[] = [];
  await assertRejects(
    async () => {
      for await (const result of decodeImages(failing(), pool, { ahead: 4 })) results.push(summary(result));
    },
    Error,
    "Cannot list folder",
  );
  pool.close();
  assertEquals(results, ["5 5", "1 1"]);
});

Deno.test("decodeImages() closes its source when the caller leaves early", async () => {
  let closed = false;
  async function* watched(): AsyncGenerator<StoredImage> {
    try {
      yield* asSource(stored(["1", "2", "3", "4", "5"]));
    } finally {
      closed = true;
    }
  }
  const pool = openDecodePool(1, { script: UNSTEADY });
  for await (const _ of decodeImages(watched(), pool, { ahead: 2 })) break;
  pool.close();
  assert(closed);
});

Deno.test("decode() of a pool that cannot work or is closed says so", async () => {
  const missing = openDecodePool(2, {
    script: new URL("data:application/javascript,postMessage({missing:'Cannot load sharp'})"),
  });
  await assertRejects(() => missing.decode(stored(["1"])[0]), Deno.errors.NotSupported, "Cannot load sharp");
  const results = decodeImages(asSource(stored(["1", "2"])), missing, { ahead: 2 });
  await assertRejects(() => Array.fromAsync(results), Deno.errors.NotSupported, "Cannot load sharp");
  const broken = openDecodePool(1, {
    script: new URL("data:application/javascript,throw new Error('no such module')"),
  });
  await assertRejects(() => broken.decode(stored(["1"])[0]), Deno.errors.NotSupported, "Cannot start a decode worker");
  const closed = openDecodePool(1, { script: UNSTEADY });
  const waiting = closed.decode(stored(["1000"])[0]);
  closed.close();
  await assertRejects(() => waiting, Deno.errors.NotSupported, "the decode pool is closed");
  await assertRejects(() => closed.decode(stored(["1"])[0]), Deno.errors.NotSupported, "the decode pool is closed");
});

Deno.test("openDecodePool() and decodeImages() refuse numbers that are none", async () => {
  assertThrows(() => openDecodePool(0), RangeError, "Cannot start 0 decode workers");
  assertThrows(() => openDecodePool(1.5), RangeError, "Cannot start 1.5 decode workers");
  const pool = openDecodePool(1, { script: UNSTEADY });
  const results = decodeImages(asSource([]), pool, { ahead: 0 });
  await assertRejects(() => Array.fromAsync(results), RangeError, "Cannot read 0 images ahead");
  pool.close();
});

Deno.test("decode() says the same of a damaged image, whatever is decoded beside it", async () => {
  const folder = "assets/photos/single";
  const name = [...Deno.readDirSync(folder)].map(({ name }) => name).sort().find((name) => name.endsWith(".jpg"))!;
  const photograph = await Deno.readFile(`${folder}/${name}`);
  const path = await Deno.makeTempDir();
  const paths = [0.4, 0.5, 0.6, 0.7].map((share) => `${path}/${share}.jpg`);
  for (const [index, file] of paths.entries()) {
    await Deno.writeFile(file, photograph.slice(0, Math.round(photograph.length * (0.4 + index / 10))));
  }
  const pool = openDecodePool(4);
  const images = stored(Array.from({ length: 120 }, (_, index) => paths[index % 4]));
  const reasons = await Promise.all(
    images.map((image) => pool.decode(image).then(() => "decoded", ({ message }) => message)),
  );
  pool.close();
  assertEquals(new Set(reasons).size, 1, [...new Set(reasons)].join("\n"));
});

Deno.test("decodeImages() gives all images in order, however little memory the pool may take", async () => {
  const sizes = [700, 10, 900, 300, 40, 800, 20, 600];
  const images = () =>
    sizes.map((width, index) => ({
      index,
      key: String(index),
      label: null,
      bytes: new Uint8Array(
        encodePng(new Uint8Array(width * 500 * 3).fill(index), { width, height: 500, channels: 3 }),
      ),
    }));
  for (const memory of [0, 2 ** 21]) {
    for (const [workers, ahead] of [[1, 1], [3, 8]]) {
      const pool = openDecodePool(workers, { memory });
      const results = await Array.fromAsync(decodeImages(asSource(images()), pool, { ahead }));
      pool.close();
      const found = results.map((result) => "decoded" in result && [result.decoded.width, result.decoded.pixels[0]]);
      assertEquals(found, sizes.map((width, index) => [width, index]));
    }
  }
});

Deno.test("hold() gives images whoever lets go of others when, and a caller who leaves lets go of what was read ahead", async () => {
  const image = (index: number) => ({
    index,
    key: String(index),
    label: null,
    bytes: new Uint8Array(encodePng(new Uint8Array(600 * 600 * 3), { width: 600, height: 600, channels: 3 })),
  });
  const pool = openDecodePool(2, { memory: 2 ** 21 });
  // The first two take nearly all there is: of two more only the first that is not done may go beyond it.
  const [first, second] = await Promise.all([pool.hold(image(0)), pool.hold(image(1))]);
  const third = await pool.hold(image(2));
  const waiting = [pool.hold(image(3)), pool.hold(image(4))];
  const fourth = await waiting[0];
  for (const { letGo } of [first, second, third, fourth]) letGo();
  (await waiting[1]).letGo();
  const ahead = Array.from({ length: 6 }, (_, index) => image(index));
  for await (const _ of decodeImages(asSource(ahead), pool, { ahead: 4 })) break;
  // What it had read ahead does not keep others waiting.
  const after = await Promise.all([0, 1, 2].map((index) => pool.decode(image(index))));
  assertEquals(after.map(({ width }) => width), [600, 600, 600]);
  pool.close();
});

Deno.test("decode() rejects an image whose bytes are gone, and gives no other image its pixels", async () => {
  const good = () => Deno.readFile("tests/fixtures/images/decode/png_rgb.png");
  const other = () => Deno.readFile("assets/photos/single/rocket.jpg");
  const image = (bytes: Uint8Array<ArrayBuffer>): StoredImage => ({ index: 0, key: "a", label: null, bytes });
  const gone = await good();
  const pool = openDecodePool(1);
  const results = [await good(), gone, await other(), await good()].map(image);
  gone.buffer.transfer(0);
  const settled = await Promise.allSettled(results.map(pool.decode));
  pool.close();
  assertEquals(
    settled.map((result) => result.status === "fulfilled" ? result.value.width : result.reason.message),
    [
      31,
      "Cannot decode image: its bytes cannot be handed to a worker (An ArrayBuffer is detached and could not be cloned.)",
      640,
      31,
    ],
  );
});
