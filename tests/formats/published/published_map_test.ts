import { assertEquals, assertThrows } from "@std/assert";
import { mapOf, type PublishedMap, publishedMapWriter, readPublished } from "../../../formats/published/mod.ts";
import { torchTensorWriter } from "../../../formats/weights/mod.ts";
import { zipFile } from "../weights/zip_file.ts";

const fixtures = new URL("./fixtures/", import.meta.url).pathname;

function read(name: string, bytes: Uint8Array): PublishedMap {
  const published = readPublished(name, bytes);
  if (published.kind === "crop_labels") throw new TypeError("expected a map");
  return published;
}

Deno.test("readPublished() tells ReLabel's maps from TokenLabeling's by their type", () => {
  const relabel = read("a.pt", torchTensorWriter([2, 1, 2, 3])(new Float32Array(12)));
  assertEquals([relabel.kind, relabel.k, relabel.axes], ["relabel", 1, [2, 3]]);
  const tokens = read("b.pt", Deno.readFileSync(`${fixtures}token_labels.pt`));
  assertEquals([tokens.kind, tokens.k, tokens.axes], ["token-labeling", 5, [3, 4]]);
});

Deno.test("mapOf() undoes publishedMapWriter() in either layout", () => {
  const map = { class: Uint16Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), score: new Float32Array(12) };
  map.score.forEach((_, index) => map.score[index] = 1 / (index + 1));
  for (const layout of ["hw", "wh"] as const) {
    const bytes = publishedMapWriter({ k: 2, grid: [2, 3], layout })(map);
    const published = read("a.pt", bytes);
    assertEquals(published.axes, layout === "hw" ? [2, 3] : [3, 2]);
    assertEquals(mapOf(published, { path: "a.pt", classes: 12, layout }), map);
  }
});

Deno.test("mapOf() has 32-bit classes from 65,536 on", () => {
  const published = read("a.pt", torchTensorWriter([2, 1, 1, 1])(Float32Array.of(1, 70000)));
  assertEquals(mapOf(published, { path: "a.pt", classes: 70001, layout: "hw" }).class, Uint32Array.of(70000));
});

Deno.test("mapOf() names the cell whose class is no index", () => {
  for (const value of [0.5, 12, -1, NaN, Infinity]) {
    const values = new Float32Array(24);
    values[12 + 6 + 5] = value;
    const published = read("a.pt", torchTensorWriter([2, 2, 2, 3])(values));
    assertThrows(
      () => mapOf(published, { path: "a.pt", classes: 12, layout: "wh" }),
      RangeError,
      `Cannot convert "a.pt": cell [1, 1, 2] has class ${value}, expected an integer from 0 to 11`,
    );
  }
});

Deno.test("mapOf() does not trust float16 indices where there may be classes above 2048", () => {
  const published = read("b.pt", Deno.readFileSync(`${fixtures}token_labels.pt`));
  mapOf(published, { path: "b.pt", classes: 2049, layout: "hw" });
  assertThrows(
    () => mapOf(published, { path: "b.pt", classes: 2050, layout: "hw" }),
    RangeError,
    'Cannot trust "b.pt": its class indices are float16, exact up to 2048, and there are 2050 classes',
  );
});

Deno.test("readPublished() refuses what is no map, however small its file", () => {
  const shapes = [[2, 5], [3, 5, 15, 15], [2, 0, 15, 15], [2, 1, 2, 2, 1]];
  for (const shape of shapes) {
    const count = shape.reduce((product, size) => product * size, 1);
    assertThrows(
      () => readPublished("a.pt", torchTensorWriter(shape)(new Float32Array(count))),
      TypeError,
      `Cannot read "a.pt": it is a tensor F32 [${shape.join(", ")}], expected F32 or F16 [2, k, H, W]`,
    );
  }
  // One element, seen four million times.
  const text = "\x80\x02ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x01tQ" +
    "K\0(K\x02K\x05M\0\x10M\0\x10t(K\0K\0K\0K\0t\x89}tR.";
  const pickle = Uint8Array.from(text, (character) => character.charCodeAt(0));
  assertThrows(
    () => readPublished("a.pt", zipFile({ "a/data.pkl": pickle, "a/data/0": new Uint8Array(4) })),
    TypeError,
    'Cannot read "a.pt": a tensor of shape [2, 5, 4096, 4096] repeats its 1 element',
  );
});

Deno.test("readPublished() says what a file holds instead of labels", () => {
  const program = (text: string) => zipFile({ "a/data.pkl": Uint8Array.from(text, (sign) => sign.charCodeAt(0)) });
  const cases = { "}.": "a dictionary", "].": "a list of 0", "N.": "None", "K\x05.": "a number" };
  for (const [text, found] of Object.entries(cases)) {
    assertThrows(
      () => readPublished("a.pt", program(text)),
      TypeError,
      `Cannot read "a.pt": it holds ${found}, expected a tensor [2, k, H, W] or coordinates, flips and labels`,
    );
  }
});
