import { assertEquals, assertStrictEquals } from "@std/assert";
import {
  decodeNumber,
  encodeNumber,
  NUMBER_FORMATS,
  numberStep,
  numberTable,
} from "../../../formats/base/number_formats.ts";
import { definedNumber, definedPattern, interestingBits, SMALL_FORMATS } from "./values.ts";

for (const name of SMALL_FORMATS) {
  const format = NUMBER_FORMATS[name];

  Deno.test(`decodeNumber() gives the number that ${name} defines for every bit pattern`, () => {
    const table = numberTable(format);
    assertEquals(table.length, 2 ** format.bits);
    for (let pattern = 0; pattern < table.length; pattern++) {
      assertStrictEquals(decodeNumber(pattern, format), definedNumber(pattern, name));
      assertStrictEquals(table[pattern], definedNumber(pattern, name));
    }
  });

  Deno.test(`encodeNumber() gives the nearest number of ${name}, about every number and every middle of two`, () => {
    const bits = interestingBits(name);
    const values = new Float32Array(bits.buffer);
    let saturated = 0;
    values.forEach((value, index) => {
      const pattern = encodeNumber(value, format);
      const expected = definedPattern(value, name);
      if (pattern !== expected) assertEquals([value, pattern], [value, expected], `of bits ${bits[index]}`);
      if (Math.abs(value) > decodeNumber(format.largest, format)) saturated++;
    });
    assertEquals([bits.length > 3 * 2 ** (format.bits - 1), saturated > 20], [true, true]);
  });
}

Deno.test("encodeNumber() saturates where PyTorch overflows, and writes one NaN", () => {
  const patterns = (value: number) => SMALL_FORMATS.map((name) => encodeNumber(value, NUMBER_FORMATS[name]));
  for (const value of [65520, 70000, 1e30, 1e300, Infinity]) {
    assertEquals(patterns(value), [0x7bff, 0x7e, 0x7b]);
    assertEquals(patterns(-value), [0xfbff, 0xfe, 0xfb]);
  }
  assertEquals(patterns(61440), [0x7b80, 0x7e, 0x7b]);
  assertEquals(patterns(NaN), [0x7e00, 0x7f, 0x7f]);
});

Deno.test("encodeNumber() gives the bytes that PyTorch gives", () => {
  const values = [0.0877652, 46.270725, -3.3, 1e-3, 17, 17.01, 9.5, 0.0009765625, 0.0029296875, 240.1];
  const bytes = (name: "fp8_e4m3" | "fp8_e5m2") => values.map((value) => encodeNumber(value, NUMBER_FORMATS[name]));
  assertEquals(bytes("fp8_e4m3"), [27, 100, 197, 1, 88, 89, 82, 0, 2, 119]);
  assertEquals(bytes("fp8_e5m2"), [46, 82, 195, 20, 76, 76, 73, 20, 26, 92]);
});

Deno.test("encodeNumber() rounds to fp16 as the platform's Float16Array does, up to the largest", () => {
  const values = new Float32Array(interestingBits("fp16").buffer);
  const platform = new Uint16Array(Float16Array.from(values).buffer);
  values.forEach((value, index) => {
    if (Math.abs(value) < 65520) assertEquals(encodeNumber(value, NUMBER_FORMATS.fp16), platform[index], `of ${value}`);
  });
});

Deno.test("numberStep() is the distance to the next stored number", () => {
  assertEquals(numberStep(1, "fp32"), 2 ** -23);
  assertEquals([numberStep(8, "fp16"), numberStep(-7.9, "fp16"), numberStep(0, "fp16")], [2 ** -7, 2 ** -8, 2 ** -24]);
  assertEquals([numberStep(40, "fp8_e4m3"), numberStep(0.001, "fp8_e4m3")], [4, 2 ** -9]);
  assertEquals([numberStep(40, "fp8_e5m2"), numberStep(0, "fp8_e5m2")], [8, 2 ** -16]);
});
