import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { resampleBiasTable } from "../../../kernels/networks/resample_bias_table.ts";
import { resamplePositionEmbedding } from "../../../kernels/networks/resample_position_embedding.ts";
import type { Pair } from "../../../kernels/operations/shared/window.ts";
import table from "./fixtures/resampled.json" with { type: "json" };

function assertClose(actual: Float32Array, expected: readonly number[]): void {
  assertEquals(actual.length, expected.length);
  actual.forEach((value, index) => assertAlmostEquals(value, expected[index], 1e-6));
}

for (const { stored, from, to, prefix, expected } of table.embeddings) {
  Deno.test(`resamplePositionEmbedding() goes from ${from} to ${to} patches as timm does`, () => {
    const parameter = { shape: [1, stored.length / 2, 2], data: new Float32Array(stored) };
    assertClose(resamplePositionEmbedding(parameter, to as unknown as Pair, prefix), expected);
  });
}

for (const { stored, from, to, expected } of table.tables) {
  Deno.test(`resampleBiasTable() goes from ${from} to ${to} patches as timm does`, () => {
    const parameter = { shape: [stored.length / 2, 2], data: new Float32Array(stored) };
    assertClose(resampleBiasTable(parameter, to as unknown as Pair, 1), expected);
  });
}

Deno.test("resampleBiasTable() resamples a table without a class token as the rows of one with it", () => {
  const { stored, to } = table.tables[0];
  const withToken = { shape: [stored.length / 2, 2], data: new Float32Array(stored) };
  const without = { shape: [stored.length / 2 - 3, 2], data: withToken.data.slice(0, -6) };
  const grid = to as unknown as Pair;
  assertEquals(resampleBiasTable(without, grid, 0), resampleBiasTable(withToken, grid, 1).slice(0, -6));
});

Deno.test("resamplePositionEmbedding() and resampleBiasTable() leave what is of the wanted size as it is", () => {
  const data = Float32Array.from({ length: 28 * 3 }, (_, index) => Math.fround(Math.sin(index)));
  assertEquals(resamplePositionEmbedding({ shape: [1, 28, 3], data }, [5, 5], 3), data);
  assertEquals(resampleBiasTable({ shape: [28, 3], data }, [3, 3], 1), data);
});

Deno.test("resamplePositionEmbedding() and resampleBiasTable() refuse what is of no square grid", () => {
  const data = new Float32Array(14);
  assertThrows(
    () => resamplePositionEmbedding({ shape: [1, 7, 2], data }, [4, 4], 1),
    TypeError,
    "Cannot resample position embeddings of shape [1, 7, 2]: they are not of 1 tokens and a square",
  );
  assertThrows(
    () => resampleBiasTable({ shape: [7, 2], data }, [4, 4], 1),
    TypeError,
    "Cannot resample a table of relative position bias of shape [7, 2]: it is of no square grid",
  );
});
