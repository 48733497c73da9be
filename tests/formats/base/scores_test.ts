import { assertEquals, assertThrows } from "@std/assert";
import { decodeNumber, NUMBER_FORMATS } from "../../../formats/base/number_formats.ts";
import { dequantise, findWrongScore, quantise } from "../../../formats/base/scores.ts";
import type { LabelMapType, Scores } from "../../../formats/base/label_map.ts";
import { definedPattern, interestingBits, SMALL_FORMATS } from "../base/values.ts";

for (const dtype of SMALL_FORMATS) {
  Deno.test(`quantise() rounds as ${dtype} is defined, saturating, and dequantise() gives the numbers back`, () => {
    const values = new Float32Array(interestingBits(dtype).buffer);
    const scores = quantise(values, dtype);
    assertEquals([...scores], [...values].map((value) => definedPattern(value, dtype)));
    assertEquals(
      [...dequantise(scores, dtype)],
      [...scores].map((pattern) => decodeNumber(pattern, NUMBER_FORMATS[dtype])),
    );
  });
}

Deno.test("findWrongScore() finds infinities and NaN of either sign, and nothing else", () => {
  const cases: [LabelMapType, Scores, number][] = [
    ["fp32", Float32Array.of(1, -3e38, 0), -1],
    ["fp32", Float32Array.of(1, -Infinity, NaN), 1],
    ["fp32", Float32Array.of(1, 2, NaN), 2],
    ["fp16", Uint16Array.of(0x7bff, 0xfbff, 0x8000), -1],
    ["fp16", Uint16Array.of(0x7bff, 0xfc00), 1],
    ["fp16", Uint16Array.of(0x7c00), 0],
    ["fp16", Uint16Array.of(0, 0xfe00), 1],
    ["fp8_e4m3", Uint8Array.of(0x7e, 0xfe), -1],
    ["fp8_e4m3", Uint8Array.of(0x7e, 0xff), 1],
    ["fp8_e5m2", Uint8Array.of(0x7b, 0xfb), -1],
    ["fp8_e5m2", Uint8Array.of(0x7b, 0x7c), 1],
    ["fp8_e5m2", Uint8Array.of(0xfd), 0],
  ];
  for (const [dtype, scores, expected] of cases) assertEquals(findWrongScore(scores, { dtype }), expected, dtype);
});

Deno.test("findWrongScore() finds what is no probability where scores are such", () => {
  const scores = Float32Array.of(0, 1, 0.5, 1.25, -0.125, NaN);
  for (const dtype of ["fp32", ...SMALL_FORMATS] as const) {
    for (const [length, expected] of [[3, -1], [4, 3]]) {
      assertEquals(findWrongScore(quantise(scores.slice(0, length), dtype), { dtype, scores: "presence" }), expected);
    }
    assertEquals(findWrongScore(quantise(scores.slice(4), dtype), { dtype, scores: "presence" }), 0);
    assertEquals(findWrongScore(quantise(scores.slice(5), dtype), { dtype, scores: "presence" }), 0);
  }
});

Deno.test("dequantise() undoes quantise() up to the type's precision", () => {
  const logits = Float32Array.of(0, 1.7, -3.3, 12.34, 46.27);
  const precision = { fp32: 0, fp16: 2 ** -11, fp8_e4m3: 2 ** -4, fp8_e5m2: 2 ** -3 };
  for (const dtype of ["fp32", "fp16", "fp8_e4m3", "fp8_e5m2"] as const) {
    const back = dequantise(quantise(logits, dtype), dtype);
    logits.forEach((logit, i) => assertEquals(Math.abs(back[i] - logit) <= Math.abs(logit) * precision[dtype], true));
  }
});

Deno.test("dequantise() refuses an array of another type", () => {
  assertThrows(
    () => dequantise(new Uint8Array(3), "fp16"),
    TypeError,
    "Cannot dequantise scores: Uint8Array does not hold fp16",
  );
});
