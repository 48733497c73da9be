import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { gzipSync } from "node:zlib";
import { readIdx } from "../../../formats/images/idx.ts";
import { idxFile } from "./idx_writer.ts";

const VALUES = Uint8Array.from({ length: 24 }, (_, place) => 7 * place);
const WHOLE = idxFile([2, 3, 4], VALUES);

function fileOf(bytes: Uint8Array): string {
  const path = join(Deno.makeTempDirSync(), "images-idx3-ubyte");
  Deno.writeFileSync(path, bytes);
  return path;
}

/** What is said of a file after its name. */
async function refusal(bytes: Uint8Array, dimensions = 3): Promise<string> {
  const path = fileOf(bytes);
  const { message } = await assertRejects(() => readIdx(path, dimensions), TypeError, `Cannot read "${path}": `);
  return message.slice(`Cannot read "${path}": `.length);
}

Deno.test("readIdx() reads arrays of bytes, gzipped or not, whatever the file is called", async () => {
  for (const bytes of [WHOLE, gzipSync(WHOLE)]) {
    assertEquals(await readIdx(fileOf(bytes), 3), { shape: [2, 3, 4], values: VALUES });
  }
  const large = new Uint8Array(3_000_000).map((_, place) => place);
  for (const bytes of [idxFile([3, 1000, 1000], large), gzipSync(idxFile([3, 1000, 1000], large))]) {
    assertEquals((await readIdx(fileOf(bytes), 3)).values, large);
  }
  assertEquals(await readIdx(fileOf(idxFile([0], new Uint8Array())), 1), { shape: [0], values: new Uint8Array() });
});

Deno.test("readIdx() says what is wrong with a file", async () => {
  assertEquals(await refusal(new Uint8Array()), "it is no idx file: it is empty");
  assertEquals(await refusal(new TextEncoder().encode("<html>")), "it is no idx file: it begins with 3c68746d");
  assertEquals(await refusal(WHOLE, 1), "it has 3 dimensions, and 1 are expected");
  assertEquals(await refusal(WHOLE.with(2, 0x0d)), "it holds floats, not unsigned bytes");
  assertEquals(await refusal(WHOLE.subarray(0, 9)), "it ends within its header, after 9 bytes");
  assertEquals(await refusal(WHOLE.subarray(0, 30)), "it ends after 14 of the 2 x 3 x 4 bytes that it says it has");
  assertEquals(await refusal(idxFile([2, 3], VALUES), 2), "it has more bytes than the 2 x 3 that it says it has");
  const huge = idxFile([2 ** 32 - 1, 2 ** 32 - 1, 28], VALUES);
  assertEquals(await refusal(huge), "it says that it has 4294967295 x 4294967295 x 28 bytes, too many");
  const packed = gzipSync(WHOLE);
  assertEquals(await refusal(packed.subarray(0, 20)), "it cannot be unpacked: unexpected end of file");
  await assertRejects(() => readIdx("/nowhere", 1), Deno.errors.NotFound, 'Cannot read "/nowhere"');
});

Deno.test("readIdx() reads all of a file or none, wherever it ends and whatever byte is another", async () => {
  for (const bytes of [WHOLE, new Uint8Array(gzipSync(WHOLE))]) {
    for (let length = 0; length < bytes.length; length++) await refusal(bytes.subarray(0, length));
  }
  for (let place = 0; place < 16; place++) {
    for (const value of [0, 1, 127, 255]) {
      if (WHOLE[place] !== value) await refusal(WHOLE.with(place, value));
    }
  }
});
