import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { resampleBiasTable } from "../../../kernels/networks/resample_bias_table.ts";
import { resamplePositionEmbedding, squareGrid } from "../../../kernels/networks/resample_position_embedding.ts";
import type { Pair } from "../../../kernels/operations/shared/window.ts";
import table from "./fixtures/resampled.json" with { type: "json" };

function assertClose(actual: Float32Array, expected: readonly number[]): void {
  assertEquals(actual.length, expected.length);
  actual.forEach((value, index) => assertAlmostEquals(value, expected[index], 1e-6));
}

for (const { stored, from, to, prefix, expected } of table.embeddings) {
  Deno.test(`resamplePositionEmbedding() goes from ${from} to ${to} patches as timm does`, () => {
    const parameter = { shape: [1, stored.length / 2, 2], data: new Float32Array(stored) };
    assertClose(resamplePositionEmbedding(parameter, from as unknown as Pair, to as unknown as Pair, prefix), expected);
  });
}

for (const { stored, from, to, expected } of table.tables) {
  Deno.test(`resampleBiasTable() goes from ${from} to ${to} patches as timm does`, () => {
    const parameter = { shape: [stored.length / 2, 2], data: new Float32Array(stored) };
    assertClose(resampleBiasTable(parameter, from as unknown as Pair, to as unknown as Pair), expected);
  });
}

Deno.test("resamplePositionEmbedding() and resampleBiasTable() leave what is of the wanted size as it is", () => {
  const data = Float32Array.from({ length: 28 * 3 }, (_, index) => Math.fround(Math.sin(index)));
  assertEquals(resamplePositionEmbedding({ shape: [1, 28, 3], data }, [3, 9], [3, 9], 1), data);
  assertEquals(resampleBiasTable({ shape: [28, 3], data }, [3, 3], [3, 3]), data);
});

Deno.test("resamplePositionEmbedding() and resampleBiasTable() refuse another grid than they are told", () => {
  const parameter = { shape: [1, 5, 2], data: new Float32Array(10) };
  assertThrows(
    () => resamplePositionEmbedding(parameter, [3, 3], [4, 4], 1),
    TypeError,
    "Cannot resample position embeddings of shape [1, 5, 2] as a grid of 3 x 3",
  );
  assertThrows(
    () => resampleBiasTable(parameter, [3, 3], [4, 4]),
    TypeError,
    "Cannot resample a table of relative position bias of shape [1, 5, 2] as of a grid of 3 x 3",
  );
});

Deno.test("squareGrid() gives the side of a square number, and nothing else", () => {
  assertEquals([1, 196, 197].map(squareGrid), [[1, 1], [14, 14], undefined]);
});
