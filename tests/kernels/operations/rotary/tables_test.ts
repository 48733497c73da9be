import { assertEquals, assertThrows } from "@std/assert";
import { rotaryShape } from "../../../../kernels/operations/rotary/kernels.ts";
import { rotary } from "../../../../kernels/operations/rotary/rule.ts";
import { centredRotaryTable, rotaryTable } from "../../../../kernels/operations/rotary/tables.ts";
import { emptyProgram } from "../../../../kernels/operations/shared/builder.ts";
import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";
import { assertClose } from "../../compare.ts";
import fixture from "./fixtures/timm.json" with { type: "json" };

type Options = typeof fixture.cat[number]["options"] & typeof fixture.dino[number]["options"];

/** Options of both kinds of tables, by timm's. */
function gridOf({ feat_shape, grid_indexing, grid_offset }: Partial<Options>, half: boolean) {
  return {
    grid: pair(feat_shape!),
    headChannels: fixture.dim,
    rotation: half ? "halves" : "interleaved",
    indexing: grid_indexing as "ij" | "xy" | undefined,
    offset: grid_offset,
  } as const;
}

function pair([height, width]: readonly number[]): [number, number] {
  return [height, width];
}

/** Sines before cosines, position by position. */
function joined({ cosine, sine }: ReturnType<typeof rotaryTable>): number[] {
  return Array.from({ length: 2 * cosine.length }, (_, index) => {
    const row = Math.floor(index / (2 * fixture.dim)) * fixture.dim;
    const column = index % (2 * fixture.dim);
    return column < fixture.dim ? sine[row + column] : cosine[row + column - fixture.dim];
  });
}

// An angle of some units is rounded to f32 before its cosine is taken, by PyTorch too, in the last place.
const NEAR = { absolute: 4e-6, relative: 0 };

Deno.test("rotaryTable() is timm's RotaryEmbeddingCat", () => {
  for (const { options, values } of fixture.cat as { options: Partial<Options>; values: number[] }[]) {
    const { temperature, ref_feat_shape, in_pixels, max_res, linear_bands, rotate_half = false } = options;
    const table = rotaryTable({
      ...gridOf(options, rotate_half),
      temperature,
      ...(ref_feat_shape ? { reference: pair(ref_feat_shape) } : {}),
      ...(in_pixels ? { inPixels: { largest: max_res!, linear: linear_bands } } : {}),
    });
    // In pixels the highest frequency turns by as many times pi as half the image is wide.
    const near = in_pixels ? { ...NEAR, absolute: 4e-5 } : NEAR;
    assertClose(joined(table), values, { ...near, name: JSON.stringify(options) });
  }
});

Deno.test("centredRotaryTable() is timm's RotaryEmbeddingDinoV3", () => {
  for (const { options, values } of fixture.dino as { options: Partial<Options>; values: number[] }[]) {
    const { temperature, normalize_coords, rotate_half = true } = options;
    const table = centredRotaryTable({
      ...gridOf(options, rotate_half),
      temperature,
      normalisation: normalize_coords as "min" | "max" | undefined,
    });
    assertClose(joined(table), values, { ...NEAR, name: JSON.stringify(options) });
  }
});

Deno.test("operations that have one function of a table share its constant", () => {
  const table = () => rotaryTable({ grid: [2, 3], headChannels: 8 });
  const program = emptyProgram();
  const builder = {
    program,
    target: { profile: "gpu", storage: "f32" },
    shapeOf: (): Shape => [1, 2, 3, 16],
    parameters: { trained: false, read: () => new Float32Array() },
  } as const;
  const options = { parts: [0], heads: 2, headChannels: 8, prefix: 0, rotation: "interleaved" } as const;
  rotary.forward(builder, { type: "rotary", input: "x", output: "y", table, ...options }, 0);
  rotary.forward(builder, { type: "rotary", input: "y", output: "z", table, ...options }, 1);
  assertEquals([...program.constants.keys()], ["y rotary table"]);
  assertEquals(program.steps.map(({ bindings }) => bindings.table), ["y rotary table", "y rotary table"]);
});

Deno.test("rotaryShape() refuses channels that are not there and heads that vectors do not fill", () => {
  const options = { parts: [0, 8], heads: 1, headChannels: 8, prefix: 0, rotation: "halves" } as const;
  assertEquals(rotaryShape([1, 2, 3, 16], options), [1, 2, 3, 16]);
  assertThrows(() => rotaryShape([1, 2, 3, 15], options), TypeError, "1 x 8 channels from 0, 8 on of [1, 2, 3, 15]");
  assertThrows(() => rotaryShape([1, 2, 3, 24], { ...options, headChannels: 12 }), TypeError, "no multiples of 8");
});
