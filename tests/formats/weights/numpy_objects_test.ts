import { assertEquals, assertThrows } from "@std/assert";
import { isNumpyArray, isUnread, numpyValues, readTorch } from "../../../formats/weights/mod.ts";
import { zipFile } from "./zip_file.ts";

const fixtures = new URL("../published/fixtures/", import.meta.url).pathname;

for (const name of ["marginal.tar", "marginal.stream.tar", "marginal.half.tar"]) {
  Deno.test(`readTorch() reads the arrays of NumPy in ${name}`, () => {
    const { value } = readTorch(name, Deno.readFileSync(fixtures + name));
    const arrays = Array.isArray(value) ? value.filter(isNumpyArray) : [];
    const type = name === "marginal.half.tar" ? "F16" : "F32";
    assertEquals(arrays.map(({ dtype, shape }) => [dtype, shape]), [[type, [3, 4]], ["BOOL", [3]], [type, [3, 2, 3]]]);
    const [coordinates, flips, labels] = arrays.map(numpyValues);
    assertEquals([...coordinates], Array.from({ length: 12 }, (_, index) => (index + 1) / 32));
    assertEquals([...flips], [1, 0, 1]);
    assertEquals([...labels.slice(0, 6)], [1, 2, 3, 0.5, 0.25, 0.125]);
  });
}

Deno.test("readTorch() reads an array of int64", () => {
  const { value } = readTorch("hard.tar", Deno.readFileSync(`${fixtures}hard.tar`));
  const labels = Array.isArray(value) ? value[2] : null;
  if (!isNumpyArray(labels)) throw new TypeError("expected an array");
  assertEquals([labels.dtype, ...numpyValues(labels)], ["I64", 1, 999, 7]);
});

/** A PyTorch file around a pickle that is written as text, `\0` and all. */
function file(pickle: string): Uint8Array<ArrayBuffer> {
  return zipFile({ "a/data.pkl": Uint8Array.from(pickle, (character) => character.charCodeAt(0)) });
}

const empty = "\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\x85C\x01b\x87R";
const type = (name: string, order: string) => `cnumpy\ndtype\nU\x02${name}\x85R(K\x03U\x01${order}NNNtb`;

/** A file that holds an array of this state. */
function arrayFile(
  shape: string,
  name: string,
  order: string,
  fortran: string,
  bytes: string,
): Uint8Array<ArrayBuffer> {
  return file(`${empty}(K\x01${shape}${type(name, order)}${fortran}${bytes}tb.`);
}

Deno.test("readTorch() refuses arrays whose bytes are not what shape and type say", () => {
  const cases: [Uint8Array<ArrayBuffer>, string][] = [
    [arrayFile("K\x02\x85", "f4", "<", "\x89", "C\x04abcd"), "an array of shape [2] has 4 bytes, expected 8"],
    [arrayFile("J\xff\xff\xff\xff\x85", "f4", "<", "\x89", "C\0"), "pickle describes an array in an unknown way"],
    [arrayFile("K\x01\x85", "f4", "<", "\x89", "N"), "pickle describes an array in an unknown way"],
    [arrayFile("K\x01\x85", "z4", "<", "\x89", "C\0"), "pickle describes the elements of an array in an unknown way"],
    [arrayFile("K\x01\x85", "f4", "!", "\x89", "C\0"), "an array of it has an unknown byte order"],
    [arrayFile(`(${"K\x01".repeat(65)}t`, "f4", "<", "\x89", "C\0"), "pickle describes an array in an unknown way"],
    [
      arrayFile(`(${"J\xff\xff\xff\x7f".repeat(60)}t`, "f4", "<", "\x89", "C\0"),
      "pickle describes an array in an unknown way",
    ],
    [file(`${empty}Nb.`), "pickle describes an array in an unknown way"],
  ];
  for (const [bytes, message] of cases) {
    assertThrows(() => readTorch("a.tar", bytes), TypeError, `Cannot read "a.tar": ${message}`);
  }
});

Deno.test("readTorch() does not read the elements of arrays of other kinds, which may stand beside weights", () => {
  const cases: [Uint8Array<ArrayBuffer>, string][] = [
    [arrayFile("K\x01\x85", "f4", ">", "\x89", "C\x04abcd"), 'an array of byte order ">"'],
    [arrayFile("K\x01\x85", "O8", "|", "\x89", "]"), 'an array of "O8"'],
    [arrayFile("K\x01\x85", "c8", "<", "\x89", "C\x08abcdefgh"), 'an array of "c8"'],
    [arrayFile("K\x01K\x01\x86", "f4", "<", "\x88", "C\x04abcd"), "an array in Fortran's order"],
  ];
  for (const [bytes, what] of cases) {
    const { value } = readTorch("a.tar", bytes);
    assertEquals([isNumpyArray(value), isUnread(value) ? value.what : ""], [false, what]);
  }
});

Deno.test("readTorch() refuses NumPy's other functions", () => {
  assertThrows(
    () => readTorch("a.tar", file("\x80\x02cnumpy\nload\nU\x04evil\x85R.")),
    TypeError,
    'Cannot read "a.tar": pickle refers to numpy.load, which is not a tensor',
  );
});
