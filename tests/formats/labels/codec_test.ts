import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  dequantise,
  fromFloat16,
  fromFloat8E4M3,
  fromFloat8E5M2,
  quantise,
  toFloat16,
  toFloat8E4M3,
  toFloat8E5M2,
} from "../../../formats/labels/mod.ts";

const allBytes = Uint8Array.from({ length: 256 }, (_, byte) => byte);

/** The float32 just below or above a positive one. */
function neighbour(value: number, step: 1 | -1): number {
  const bits = new Uint32Array(Float32Array.of(value).buffer);
  bits[0] += step;
  return new Float32Array(bits.buffer)[0];
}

Deno.test("fromFloat16() and toFloat16() agree with the definition of all 65,536 halves", () => {
  const bits = Uint16Array.from({ length: 65536 }, (_, index) => index);
  const values = fromFloat16(bits);
  const back = toFloat16(values);
  for (const half of bits) {
    const sign = half < 0x8000 ? 1 : -1;
    const exponent = half >> 10 & 31;
    const mantissa = half & 1023;
    const expected = exponent === 31
      ? mantissa === 0 ? sign * Infinity : NaN
      : exponent === 0
      ? sign * 2 ** -24 * mantissa
      : sign * 2 ** (exponent - 25) * (1024 + mantissa);
    assertStrictEquals(values[half], expected);
    if (Number.isNaN(expected)) assertEquals(fromFloat16(back.slice(half, half + 1))[0], NaN);
    else assertEquals(back[half], half);
  }
});

Deno.test("toFloat16() rounds midpoints to the even half, and 65,520 to infinity", () => {
  for (let half = 0; half < 0x7bff; half++) {
    const [low, high] = fromFloat16(Uint16Array.of(half, half + 1));
    const middle = (low + high) / 2;
    const rounded = toFloat16(Float32Array.of(middle, -middle, neighbour(middle, -1), neighbour(middle, 1)));
    const even = half % 2 === 0 ? half : half + 1;
    assertEquals([...rounded], [even, even | 0x8000, half, half + 1]);
  }
  assertEquals([...toFloat16(Float32Array.of(65519.996, 65520, -65520))], [0x7bff, 0x7c00, 0xfc00]);
});

const float8 = [
  { name: "E4M3", to: toFloat8E4M3, from: fromFloat8E4M3, largest: 0x7e },
  { name: "E5M2", to: toFloat8E5M2, from: fromFloat8E5M2, largest: 0x7b },
];

for (const { name, to, from, largest } of float8) {
  Deno.test(`toFloat8${name}() gives back every finite byte that fromFloat8${name}() reads`, () => {
    const values = from(allBytes);
    const back = to(values);
    for (const byte of allBytes) if ((byte & 0x7f) <= largest) assertEquals(back[byte], byte);
    assertEquals([...from(Uint8Array.of(0, 0x80))], [0, -0]);
  });

  Deno.test(`toFloat8${name}() rounds to the nearest byte, midpoints to the even one`, () => {
    for (let byte = 0; byte < largest; byte++) {
      const [low, high] = from(Uint8Array.of(byte, byte + 1));
      const middle = (low + high) / 2;
      const rounded = to(Float32Array.of(middle, -middle, neighbour(middle, -1), neighbour(middle, 1)));
      const even = byte % 2 === 0 ? byte : byte + 1;
      assertEquals([...rounded], [even, even | 0x80, byte, byte + 1]);
    }
  });

  Deno.test(`toFloat8${name}() saturates and keeps NaN`, () => {
    const [top] = from(Uint8Array.of(largest));
    const past = Float32Array.of(neighbour(top, 1), top * 1.5, 3e38, Infinity, -Infinity, NaN, 1e-40, -1e-40);
    assertEquals([...to(past)], [largest, largest, largest, largest, largest | 0x80, 0x7f, 0, 0x80]);
  });
}

Deno.test("fromFloat8E4M3() and fromFloat8E5M2() read the values of the OCP specification", () => {
  assertEquals(
    [...fromFloat8E4M3(Uint8Array.of(0x01, 0x07, 0x08, 0x38, 0x39, 0x7e, 0xfe, 0x7f, 0xff))],
    [2 ** -9, 7 * 2 ** -9, 2 ** -6, 1, 1.125, 448, -448, NaN, NaN],
  );
  assertEquals(
    [...fromFloat8E5M2(Uint8Array.of(0x01, 0x03, 0x04, 0x3c, 0x3d, 0x7b, 0xfb, 0x7c, 0xfc, 0x7d, 0xff))],
    [2 ** -16, 3 * 2 ** -16, 2 ** -14, 1, 1.25, 57344, -57344, Infinity, -Infinity, NaN, NaN],
  );
});

Deno.test("toFloat8E4M3() and toFloat8E5M2() give the bytes that PyTorch gives", () => {
  const values = Float32Array.of(0.0877652, 46.270725, -3.3, 1e-3, 17, 17.01, 9.5, 0.0009765625, 0.0029296875, 240.1);
  assertEquals([...toFloat8E4M3(values)], [27, 100, 197, 1, 88, 89, 82, 0, 2, 119]);
  assertEquals([...toFloat8E5M2(values)], [46, 82, 195, 20, 76, 76, 73, 20, 26, 92]);
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
