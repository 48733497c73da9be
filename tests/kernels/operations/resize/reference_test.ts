import { assertEquals, assertThrows } from "@std/assert";
import {
  type Box,
  RESIZE_RULES,
  type ResizeFilter,
  resizeReference,
  type ResizeRule,
  resizeTables,
  type Window,
} from "../../../../kernels/operations/resize/mod.ts";
import { readExpected, readPhoto } from "./fixtures.ts";

/** Height and width, box (left, top, right, bottom), and Pillow 12.3's bytes of {@linkcode pattern}. */
const PILLOW: [ResizeFilter, [number, number], [number, number, number, number] | null, string][] = [
  ["nearest", [4, 3], null, "95d00bf5306b5590cb75b0eb013c778dc8035590cb0d4883c5003b3570ab19548ffd3873"],
  [
    "nearest",
    [2, 11],
    null,
    "ca0540ca054005407b407bb6407bb67bb6f1b6f12cb6f12cf12c672c67a22c67a25e99d45e99d4c5003b2c67a22c67a293ce09fa3570fa3570619cd7c8033ec8033e",
  ],
  ["nearest", [5, 2], [1.25, 0.5, 5.75, 8.1], "c5003b25609b407bb6b6f12c3671acd8134eb1ec2769a4dfa7e21d8bc601"],
  ["box", [4, 3], null, "48837e886d7e9d98937d6373739194866b7c9d58937b8b71843f7a72ad685c975287827d"],
  [
    "box",
    [2, 11],
    null,
    "646b73646b736b737b737b83737b837b83be838b5f838b5f8b92679267a29267a2918c87918c877d78736aa5606aa56056914c837e79837e79af6a655c57925c5792",
  ],
  ["box", [5, 2], [1.25, 0.5, 5.75, 8.1], "c5553b3d78b3538e9e9f9a558b71ac813c776f7f65a35e99528d72c47f3a"],
  ["bilinear", [4, 3], null, "5a6c788b7c888e9184767a816d87908a737295757973827d86568a72986c6d93528b7974"],
  [
    "bilinear",
    [2, 11],
    null,
    "74607a6c6b7c64797d747e7b797e8e777cb37c8c85848f699584678d72868465a08c95798b7f79866b7871936d619c675691677e7d6f9670719b6e6f846484705b96",
  ],
  ["bilinear", [5, 2], [1.25, 0.5, 5.75, 8.1], "856476818c8164838f8790777c8a8c77688b7785718866896c925f91825a"],
  ["hamming", [4, 3], null, "58797693708a8e958d6f768d5f8b949270619b69806b877c804d8773a1696396518e7e76"],
  [
    "hamming",
    [2, 11],
    null,
    "6f5d80676a7d5d7e797a79797d78867d78b37992787b98689888688e748b8666a193997c8e847a8663776c9d6665a0635691608a7a6b99726fa1677682608a6e5c97",
  ],
  ["hamming", [5, 2], [1.25, 0.5, 5.75, 8.1], "9a575f6d848554899a98a06a7b8094845b857595698a67926c985d9b844b"],
  ["bicubic", [4, 3], null, "56697b8c7c849095847778806b8c948970729a737974837d87508f709b6d6a944b8c7a74"],
  [
    "bicubic",
    [2, 11],
    null,
    "715d7b69697d637a7f767e777c7c917879b77a8c878394639388658f72888962a3909876907f7988697971986a5ca5635492657d7b709b6c739e6a6c7f6286675e9b",
  ],
  ["bicubic", [5, 2], [1.25, 0.5, 5.75, 8.1], "895f71848c835b87948c92747f8c926f668c75856e8a638b678f5e968357"],
  ["lanczos", [4, 3], null, "53627e8c807f9296827a7a7d6c8c95846f7699777974817d8c4d916c9a706c96468e7a73"],
  [
    "lanczos",
    [2, 11],
    null,
    "735c7a69677f6579807780737e7e957779b9798a8e85965f918863906f8a8b62a4909a73937d798a6a7a74976b56ad60519265797874a16a72a0686a7c628562619e",
  ],
  ["lanczos", [5, 2], [1.25, 0.5, 5.75, 8.1], "865c738b8e875b87928d91747f919567668c76826f8d638e64905a978555"],
];

/** An image of 7 x 9 that wraps around at 256. */
function pattern(): Uint8Array {
  return Uint8Array.from({ length: 9 * 7 * 3 }, (_, index) => {
    const [y, x, c] = [Math.floor(index / 21), Math.floor(index / 3) % 7, index % 3];
    return (x * 37 + y * 101 + c * 59 + x * y * 11) % 256;
  });
}

Deno.test("resizeReference() gives Pillow's bytes with every filter, reduced, enlarged and from a box", () => {
  for (const [filter, size, corners, expected] of PILLOW) {
    const box = corners ? { left: corners[0], top: corners[1], right: corners[2], bottom: corners[3] } : undefined;
    const actual = resizeReference(pattern(), 7, 9, { size, filter, box, rule: "Pillow 12" });
    assertEquals(actual.toHex(), expected, `${filter} ${size.join(" x ")}`);
  }
});

Deno.test("resizeReference() gives the bytes of Pillow 12 and of Pillow 13, where they differ too", async () => {
  const cases: Record<string, Record<ResizeRule, string>> = JSON.parse(
    await Deno.readTextFile(new URL("fixtures/pillow.json", import.meta.url)),
  );
  let different = 0;
  for (const [key, expected] of Object.entries(cases)) {
    const [width, height, size, filter, corners] = JSON.parse(key);
    const box = corners ? { left: corners[0], top: corners[1], right: corners[2], bottom: corners[3] } : undefined;
    const pixels = Uint8Array.from({ length: height * width * 3 }, (_, index) => {
      const [y, x, c] = [Math.floor(index / 3 / width), Math.floor(index / 3) % width, index % 3];
      return (x * 37 + y * 101 + c * 59 + x * y * 11) % 256;
    });
    for (const rule of RESIZE_RULES) {
      // Up to Pillow 12 an image over 100 times as tall as wide has an order of its own.
      if (rule === "Pillow 12" && height > 100 * width) continue;
      const actual = resizeReference(pixels, width, height, { size, filter, box, rule });
      const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", actual)).toHex();
      assertEquals(hash, expected[rule], `${key}, ${rule}`);
      if (rule === "Pillow 13") {
        assertEquals(resizeReference(pixels, width, height, { size, filter, box }), actual, "the default");
      }
    }
    if (expected["Pillow 12"] !== expected["Pillow 13"]) different++;
  }
  assertEquals([Object.keys(cases).length, different], [102, 25]);
});

Deno.test("resizeReference() gives Pillow's bytes of a photograph", async () => {
  const { width, height, pixels } = await readPhoto();
  const expected = await readExpected();
  const box: Box = { left: 40, top: 25, right: 300, bottom: 210 };
  for (
    const [name, filter, side, part] of [
      ["bilinear.224", "bilinear", 224, undefined],
      ["bicubic.224", "bicubic", 224, undefined],
      ["bicubic.475", "bicubic", 475, undefined],
      ["bicubic.crop64", "bicubic", 64, box],
    ] as const
  ) {
    const actual = resizeReference(pixels, width, height, { size: [side, side], filter, box: part });
    assertEquals(actual.length, expected[name].pixels.length);
    assertEquals(actual.findIndex((value, index) => value !== expected[name].pixels[index]), -1, name);
  }
});

Deno.test("resizeReference() copies an image that keeps its size", () => {
  assertEquals(resizeReference(pattern(), 7, 9, { size: [9, 7], filter: "lanczos" }), pattern());
});

Deno.test("resizeTables() reads only the rows of the box", () => {
  const box = { left: 0, top: 50, right: 64, bottom: 58 };
  const { firstRow, rows } = resizeTables(64, 100, { size: [8, 8], filter: "bicubic", box });
  assertEquals([firstRow, rows], [49, 11]);
});

Deno.test("resizeTables() refuses sizes and boxes that are empty or beyond the image", () => {
  const make = (size: [number, number], box?: Box) => () => resizeTables(7, 9, { size, filter: "bilinear", box });
  assertThrows(make([0, 4]), RangeError, "resize 7 x 9 to 4 x 0");
  assertThrows(make([4, 2.5]), RangeError, "2.5 x 4");
  assertThrows(make([4, 4], { left: 0, top: 0, right: 7.5, bottom: 9 }), RangeError, "box (0, 0, 7.5, 9)");
  assertThrows(make([4, 4], { left: 3, top: 0, right: 3, bottom: 9 }), RangeError, "image of 7 x 9");
  assertThrows(make([4, 4], { left: NaN, top: 0, right: 3, bottom: 9 }), RangeError, "NaN");
});

Deno.test("resizeTables() refuses windows that are empty or beyond the output", () => {
  const make = (window: Window) => () => resizeTables(7, 9, { size: [4, 5], filter: "bilinear", window });
  const window = { top: 0, left: 0, height: 4, width: 5 };
  for (const change of [{ top: 1 }, { left: -1 }, { width: 0 }, { height: 1.5 }]) {
    assertThrows(make({ ...window, ...change }), RangeError, "of an output of 5 x 4");
  }
});

Deno.test("resizeReference() refuses pixels that are not as many as the size says", () => {
  const short = () => resizeReference(pattern().subarray(3), 7, 9, { size: [4, 4], filter: "box" });
  assertThrows(short, TypeError, "RGB image of 7 x 9: it has 186 bytes");
});
