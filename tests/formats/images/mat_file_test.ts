import { assertEquals, assertRejects } from "@std/assert";
import { deflateSync } from "node:zlib";
import { readMatFile } from "../../../formats/images/splits/mat_file.ts";

const KINDS = "tests/fixtures/images/mat/kinds.mat";

Deno.test("readMatFile() reads what SciPy writes: numbers, texts, structs in structs, and says what else is there", async () => {
  const variables = await readMatFile(KINDS);
  assertEquals(Object.fromEntries(variables), {
    text: { kind: "text", text: "näh" },
    nothing: { kind: "text", text: "" },
    // In columns.
    numbers: { kind: "numbers", values: [1.5, 3, -2, 4] },
    long: { kind: "numbers", values: [-(2 ** 40)] },
    nested: {
      kind: "structs",
      elements: [{ inner: { kind: "structs", elements: [{ value: { kind: "numbers", values: [0.25] } }] } }],
    },
    none: { kind: "numbers", values: [] },
    sparse: { kind: "other", classNumber: 5 },
  });
});

/** A file of an element. */
function fileOf(change: (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>): string {
  const path = Deno.makeTempFileSync({ suffix: ".mat" });
  Deno.writeFileSync(path, change(Deno.readFileSync(KINDS)));
  return path;
}

function header(...element: readonly Uint8Array<ArrayBuffer>[]) {
  return (bytes: Uint8Array<ArrayBuffer>) =>
    new Uint8Array([...bytes.subarray(0, 128), ...element.flatMap((part) => [...part])]);
}

function words(...values: readonly number[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Uint32Array.from(values).buffer);
}

function set(at: number, ...values: readonly number[]) {
  return (bytes: Uint8Array<ArrayBuffer>) => {
    bytes.set(values, at);
    return bytes;
  };
}

/** An array of numbers with its tag: flags, dimensions, name, and what follows. */
function array(
  classNumber: number,
  dimensions: readonly number[],
  ...rest: readonly number[]
): Uint8Array<ArrayBuffer> {
  const body = words(6, 8, classNumber, 0, 5, 4 * dimensions.length, ...dimensions, 1, 0, ...rest);
  return new Uint8Array([...words(14, body.length), ...body]);
}

Deno.test("readMatFile() refuses, in one sentence, what is no such file, damaged, or too large", async () => {
  const packed = Uint8Array.from(deflateSync(new Uint8Array(2 ** 25 + 8)));
  const cases: [(bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>, string][] = [
    [(bytes) => bytes.slice(0, 100), "it is no MATLAB 5 file"],
    [set(126, 77, 73), "its numbers are big-endian, which are not read"],
    [set(124, 0, 2), "its version is 0x0200, expected 0x0100, which is HDF5: save it with -v7"],
    [(bytes) => bytes.slice(0, -3), "more than the "],
    [set(160, 1, 2, 3), "cannot be unpacked: "],
    [header(words(15, packed.length), packed), "cannot be unpacked: Cannot create a Buffer larger than 33554432 bytes"],
    [header(words(14)), "has 4 bytes left for its tag"],
    [header(words(9, 8, 0, 0)), "is of type 9, expected 14 of an array"],
    [header(array(1, [1, 2 ** 30])), "1073741824 arrays cannot be in the 0 bytes"],
    [header(array(6, [1, 3], 9, 8, 0, 0)), "an array of 3 has 1 numbers"],
    [header(array(6, [1, 1], 42, 8, 0, 0)), "are of type 42, which is none of numbers"],
    [header(array(2, [1, 1], 5, 4, 5, 0, 1, 8, 0, 0)), "are 8 bytes, of 5 each"],
    [header(array(6, [2 ** 30, 2 ** 30])), "has the dimensions"],
  ];
  for (const [change, message] of cases) {
    const path = fileOf(change);
    const error = await assertRejects(() => readMatFile(path), TypeError, message);
    assertEquals(error.message.startsWith(`Cannot read "${path}": `), true);
  }
  await assertRejects(() => readMatFile("/no/such.mat"), Deno.errors.NotFound, 'Cannot read "/no/such.mat"');
});

Deno.test("readMatFile() refuses arrays that are in each other without end", async () => {
  let inner = array(1, [0, 0]);
  for (let depth = 0; depth < 20; depth++) {
    const body = new Uint8Array([...array(1, [1, 1]).subarray(8), ...inner]);
    inner = new Uint8Array([...words(14, body.length), ...body]);
  }
  await assertRejects(() => readMatFile(fileOf(header(inner))), TypeError, "more than 16 deep");
});
