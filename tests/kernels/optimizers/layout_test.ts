import { assertEquals, assertThrows } from "@std/assert";
import { flattenParameters, layOutParameters, layoutTables } from "../../../kernels/optimizers/layout.ts";

const PARAMETERS = [
  { name: "conv.weight", shape: [3, 2, 3, 5], weightDecay: 0.5 },
  { name: "norm.weight", shape: [3], weightDecay: 0 },
  { name: "fc.weight", shape: [7, 11], weightDecay: 0.25 },
];

Deno.test("layOutParameters() begins each tensor at 256 bytes and counts its output channels", () => {
  const { segments, length, rows } = layOutParameters(PARAMETERS);
  assertEquals([length, rows], [320, 11]);
  assertEquals(
    segments.map(({ first, length, firstRow, rows, columns }) => [first, length, firstRow, rows, columns]),
    [[0, 90, 0, 3, 30], [128, 3, 3, 1, 3], [192, 77, 4, 7, 11]],
  );
});

Deno.test("layoutTables() leads from blocks and rows to segments", () => {
  const { blocks, rowSegments, segments } = layoutTables(layOutParameters(PARAMETERS));
  assertEquals([...blocks], [0, 0, 1, 2, 2]);
  assertEquals([...rowSegments], [0, 0, 0, 1, 2, 2, 2, 2, 2, 2, 2]);
  assertEquals([...segments.subarray(16, 22)], [192, 77, 4, 7, 11, 1]);
  assertEquals([6, 14, 22].map((word) => new Float32Array(segments.buffer)[word]), [0.5, 0, 0.25]);
  assertEquals([5, 13, 21].map((word) => segments[word]), [1, 0, 1]);
  assertEquals([7, 15, 23].map((word) => new Float32Array(segments.buffer)[word]), [1, 1, 1]);
});

Deno.test("flattenParameters() leaves zeros between the tensors", () => {
  const layout = layOutParameters(PARAMETERS);
  const flat = flattenParameters(layout, (name) => {
    const { length } = layout.segments.find((segment) => segment.name === name)!;
    return new Float32Array(length).fill(1);
  });
  assertEquals(flat.reduce((sum, value) => sum + value), 170);
  assertEquals([89, 90, 127, 128, 130, 131, 192, 268, 269].map((at) => flat[at]), [1, 0, 0, 1, 1, 0, 1, 1, 0]);
});

Deno.test("a layout names the tensor that does not fit", () => {
  assertThrows(() => layOutParameters([]), TypeError, "Cannot lay out parameters: there are none");
  assertThrows(
    () => layOutParameters([{ name: "fc.weight", shape: [0, 5], weightDecay: 0 }]),
    TypeError,
    'Cannot lay out parameter "fc.weight": shape [0, 5] has 0 elements',
  );
  assertThrows(
    () => flattenParameters(layOutParameters(PARAMETERS), () => [1, 2, 3]),
    TypeError,
    'Cannot lay out parameter "conv.weight": 3 elements, expected 90',
  );
});
