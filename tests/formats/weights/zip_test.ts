import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { openBytes } from "../../../formats/weights/byte_source.ts";
import { openWeights } from "../../../formats/weights/mod.ts";
import { readZipDirectory } from "../../../formats/weights/zip.ts";
import { withFile } from "./with_file.ts";
import { zipFile } from "./zip_file.ts";

const entries = { "a/data.pkl": new Uint8Array([1, 2, 3]), "a/data/0": new Uint8Array([4, 5]) };

for (const zip64 of [false, true]) {
  Deno.test(`readZipDirectory() finds the entries of a ${zip64 ? "zip64" : "zip"} file`, async () => {
    await withFile("a.pth", zipFile(entries, { zip64 }), async (path) => {
      const source = await openBytes(path);
      const directory = readZipDirectory(source);
      assertEquals([...directory.keys()], Object.keys(entries));
      for (const [name, content] of Object.entries(entries)) {
        const { offset, length } = directory.get(name)!;
        assertEquals(source.read(offset, length), content);
      }
      source.close();
    });
  });

  Deno.test(`readZipDirectory() refuses a damaged ${zip64 ? "zip64" : "zip"} file`, async () => {
    const bytes = zipFile(entries, { zip64 });
    let refused = 0;
    for (let index = 0; index < bytes.length; index++) {
      const damaged = bytes.slice();
      damaged[index] ^= 0xff;
      await withFile("a.pth", damaged, async (path) => {
        const source = await openBytes(path);
        try {
          // Many bytes do not matter (times, checksums, contents); what matters must be an error of this kind.
          for (const { offset, length } of readZipDirectory(source).values()) source.read(offset, length);
        } catch (error) {
          refused++;
          assertThrows(
            () => {
              throw error;
            },
            TypeError,
            `Cannot read "${path}": `,
          );
        } finally {
          source.close();
        }
      });
    }
    assert(refused > 40, `only ${refused} of ${bytes.length} changed bytes were noticed`);
  });
}

Deno.test("readZipDirectory() finds the end before a comment", async () => {
  const bytes = zipFile(entries);
  const commented = new Uint8Array(bytes.length + 9);
  commented.set(bytes);
  commented[bytes.length - 2] = 9;
  await withFile("a.pth", commented, async (path) => {
    const source = await openBytes(path);
    assertEquals(readZipDirectory(source).size, 2);
    source.close();
  });
});

Deno.test("openWeights() refuses a compressed entry and a zip file that is not PyTorch's", async () => {
  await withFile("a.pth", zipFile(entries, { method: 8 }), async (path) => {
    await assertRejects(() => openWeights(path), TypeError, 'zip entry "a/data.pkl" is compressed');
  });
  await withFile("a.zip", zipFile({ "photo.jpg": new Uint8Array(3) }), async (path) => {
    await assertRejects(() => openWeights(path), TypeError, "it is a zip file with 0 data.pkl, PyTorch's have one");
  });
  const pickle = new Uint8Array([0x7d, 0x2e]);
  const big = zipFile({ "a/data.pkl": pickle, "a/byteorder": new TextEncoder().encode("big") });
  await withFile("a.pth", big, async (path) => {
    await assertRejects(() => openWeights(path), TypeError, "its byte order is big");
  });
});
