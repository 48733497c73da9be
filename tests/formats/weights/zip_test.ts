import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { openBytes, sourceOfBytes } from "../../../formats/base/byte_source.ts";
import { openWeights, readTorch, type TorchTensor } from "../../../formats/weights/mod.ts";
import { readZipDirectory } from "../../../formats/weights/zip.ts";
import { torchFile } from "./torch_file.ts";
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
});

Deno.test("openWeights() reads a file whose elements have their highest byte first", async () => {
  const value = { weight: Float32Array.of(1.5, -2) };
  const [pickle, elements] = ["a/data.pkl", "a/data/0"].map((name) => entryOf(torchFile(value), name));
  const swapped = Uint8Array.from([...elements.subarray(0, 4).toReversed(), ...elements.subarray(4).toReversed()]);
  for (const [order, bytes] of [["little", elements], ["big", swapped]] as const) {
    const entries = { "a/data.pkl": pickle, "a/byteorder": new TextEncoder().encode(order), "a/data/0": bytes };
    await withFile("a.pth", zipFile(entries), async (path) => {
      const weights = await openWeights(path);
      assertEquals([...await weights.read("weight")], [1.5, -2]);
      weights.close();
    });
  }
  const unknown = { "a/data.pkl": pickle, "a/byteorder": new TextEncoder().encode("middle"), "a/data/0": elements };
  await withFile("a.pth", zipFile(unknown), async (path) => {
    await assertRejects(() => openWeights(path), TypeError, "its byte order is neither little nor big");
  });
});

/** The content of an entry of a zip file. */
function entryOf(bytes: Uint8Array<ArrayBuffer>, name: string): Uint8Array {
  const { offset, length } = readZipDirectory(sourceOfBytes("a.zip", bytes)).get(name)!;
  return bytes.subarray(offset, offset + length);
}

const two = { "a/data.pkl": new Uint8Array(4), "a/data/ten": new Uint8Array(6) };

/** The directory's entries of a file of two entries whose names have ten bytes, and its end record. */
const [FIRST, SECOND, END] = [0, 46 + 10, 2 * (46 + 10)];

const lies: Record<string, (directory: Uint8Array, view: DataView) => void> = {
  'it has two zip entries "a/data.pkl"': (directory) => directory.copyWithin(SECOND + 46, FIRST + 46, SECOND),
  'the header of entry "a/data.pk!" is damaged': (directory) => directory.set([0x21], SECOND - 1),
  'zip entry "a/data.pkl" has no sizes that agree': (_, view) => view.setUint32(FIRST + 24, 3, true),
  'zip entry "a/data.pkl" is encrypted': (_, view) => view.setUint16(FIRST + 8, 1, true),
  'entry "a/data/ten" lies outside the file': (_, view) => view.setUint32(SECOND + 42, 2 ** 31, true),
  "its directory has more than the 1 entries that it says": (_, view) => view.setUint16(END + 10, 1, true),
  "entry 2 of its directory is damaged": (_, view) => view.setUint16(END + 10, 0xffff, true),
  "its directory lies outside the file": (_, view) => view.setUint32(END + 16, 2 ** 31, true),
};

for (const [message, lie] of Object.entries(lies)) {
  Deno.test(`readZipDirectory() refuses a file that lies: ${message}`, () => {
    const bytes = zipFile(two);
    const directory = bytes.subarray(bytes.length - 22 - END);
    lie(directory, new DataView(directory.buffer, directory.byteOffset));
    assertThrows(() => readZipDirectory(sourceOfBytes("a.pth", bytes)), TypeError, `Cannot read "a.pth": ${message}`);
  });
}

Deno.test("readZipDirectory() refuses two end records that do not agree", () => {
  for (const [field, value] of [[10, 1], [12, 46], [16, 0]]) {
    const bytes = zipFile(two, { zip64: true });
    new DataView(bytes.buffer).setUint16(bytes.length - 22 + field, value, true);
    if (field > 10) new DataView(bytes.buffer).setUint16(bytes.length - 20 + field, 0, true);
    assertThrows(
      () => readZipDirectory(sourceOfBytes("a.pth", bytes)),
      TypeError,
      'Cannot read "a.pth": its two end records do not agree',
    );
  }
});

Deno.test("readZipDirectory() refuses entries that have bytes in common", () => {
  const plain = zipFile(two);
  const { header, offset, length } = readZipDirectory(sourceOfBytes("a.pth", plain)).get("a/data/ten")!;
  // The first entry holds all of the second one, at which the directory then points.
  const bytes = zipFile({ ...two, "a/data.pkl": plain.slice(header, offset + length) });
  const inner = readZipDirectory(sourceOfBytes("a.pth", bytes)).get("a/data.pkl")!.offset;
  new DataView(bytes.buffer).setUint32(bytes.length - 22 - END + SECOND + 42, inner, true);
  assertThrows(
    () => readZipDirectory(sourceOfBytes("a.pth", bytes)),
    TypeError,
    'Cannot read "a.pth": zip entry "a/data/ten" lies in the one before it',
  );
});

Deno.test("readZipDirectory() does not read a directory of many megabytes", () => {
  const bytes = new Uint8Array(22 + (5 << 20));
  bytes.set(zipFile({}), 5 << 20);
  const view = new DataView(bytes.buffer);
  view.setUint32(bytes.length - 10, 5 << 20, true);
  assertThrows(
    () => readZipDirectory(sourceOfBytes("a.pth", bytes)),
    TypeError,
    'Cannot read "a.pth": its directory has 5242880 bytes, at most 4194304 are read',
  );
});

Deno.test("openTorch() holds a storage to its checksum, of which tensors see parts", async () => {
  const bytes = await Deno.readFile(new URL("fixtures/tensors.zip.pt", import.meta.url));
  const { offset } = readZipDirectory(sourceOfBytes("a.pt", bytes)).get("tensors.zip/data/0")!;
  bytes[offset + 4 * 23] ^= 1; // of the last element, which "sliced" does not see
  const { value, read } = readTorch("a.pt", bytes);
  const tensor = (value as Map<string, TorchTensor>).get("sliced")!;
  assertThrows(() => read(tensor), TypeError, 'Cannot read "a.pt": entry "data/0" is not as its checksum says');
});
