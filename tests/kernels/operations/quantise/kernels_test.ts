import { assertEquals } from "@std/assert";
import {
  packClassesKernel,
  packClassesReference,
  packedWords,
  packScoresKernel,
  packScoresReference,
} from "../../../../kernels/operations/quantise/kernels.ts";
import { runKernel } from "../../../../kernels/engine/run.ts";
import { classArray } from "../../../../formats/base/label_map.ts";
import { quantise } from "../../../../formats/base/scores.ts";
import { interestingBits } from "../../../formats/base/values.ts";
import { randomValues, testDevice } from "../../tensors.ts";

const TYPES = ["fp32", "fp16", "fp8_e4m3", "fp8_e5m2"] as const;

/** Value, and PyTorch 2's bit patterns in float16, float8_e4m3fn and float8_e5m2: ties, subnormals, the largest. */
const PYTORCH = [
  [0, 0x0000, 0x00, 0x00],
  [-0, 0x8000, 0x80, 0x80],
  [1, 15360, 56, 60],
  [-1, 48128, 184, 188],
  [0.1, 11878, 29, 46],
  [3.3, 17050, 69, 67],
  [17, 19520, 88, 76],
  [19, 19648, 90, 77],
  [-18, 52352, 217, 204],
  [20, 19712, 90, 77],
  [1.0625, 15424, 56, 60],
  [1.1875, 15552, 58, 61],
  [448, 24320, 126, 95],
  [464, 24384, 126, 95],
  [240, 23424, 119, 92],
  [-30000, 63315, 254, 247],
  [57344, 31488, 126, 123],
  [61439, 31616, 126, 123],
  [2049, 26624, 126, 104],
  [2051, 26626, 126, 104],
  [0.015625, 9216, 8, 36],
  [0.01513671875, 9152, 8, 36],
  [0.0078125, 8192, 4, 32],
  [0.001953125, 6144, 1, 24],
  [0.0009765625, 5120, 0, 20],
  [0.0009766601724550128, 5120, 1, 20],
  [0.0029296875, 6656, 2, 26],
  [0.0048828125, 7424, 2, 29],
  [2 ** -14, 1024, 0, 4],
  [2 ** -16, 256, 0, 1],
  [2 ** -17, 128, 0, 0],
  [7.630157597304787e-06, 128, 0, 1],
  [2.288818359375e-05, 384, 0, 2],
  [2 ** -24, 1, 0, 0],
  [2 ** -25, 0, 0, 0],
  [2.9805303114471826e-08, 1, 0, 0],
  [8.940696716308594e-08, 2, 0, 0],
  [1e-40, 0, 0, 0],
  [12.345, 18988, 84, 74],
  [-7.77, 51141, 208, 200],
];

Deno.test("quantise() gives PyTorch's bit patterns", () => {
  for (const [value, ...patterns] of PYTORCH) {
    assertEquals(
      (["fp16", "fp8_e4m3", "fp8_e5m2"] as const).map((type) => quantise(Float32Array.of(value), type)[0]),
      patterns,
      `of ${value}`,
    );
  }
});

/** f32 bit patterns: every exponent and sign with mantissas on, below and above each format's ties. */
function patterns(): Uint32Array<ArrayBuffer> {
  const mantissas = new Set([0, 1, 0x7fffff]);
  for (const kept of [2, 3, 10]) {
    const half = 1 << (22 - kept);
    for (const high of [0, 1, 2, 3, (1 << kept) - 2, (1 << kept) - 1]) {
      for (const tail of [-1, 0, 1]) mantissas.add(((high & ((1 << kept) - 1)) << (23 - kept)) + half + tail);
    }
  }
  // The places below the smallest normal number: single bits, and their neighbours.
  for (let bit = 1; bit < 23; bit++) for (const tail of [-1, 0, 1]) mantissas.add((1 << bit) + tail);
  return Uint32Array.from(
    [0, 1].flatMap((sign) =>
      Array.from({ length: 256 }, (_, exponent) => exponent).flatMap((exponent) =>
        [...mantissas].map((mantissa) => ((sign << 31) | (exponent << 23) | mantissa) >>> 0)
      )
    ),
  );
}

for (const type of TYPES) {
  Deno.test(`packScoresKernel() rounds about every number, tie and exponent to ${type} as the reference`, async () => {
    const device = await testDevice();
    const bits = Uint32Array.from([...patterns(), ...type === "fp32" ? [] : interestingBits(type)]);
    const values = new Float32Array(bits.buffer);
    const options = { batch: 1, elements: bits.length, type };
    const expected = type === "fp32" ? bits : packScoresReference(values, options);
    for (const profile of ["software", "gpu"] as const) {
      const kernel = packScoresKernel({ ...options, profile });
      const { packed } = await runKernel(device, kernel, { elements: bits, packed: { bytes: expected.byteLength } });
      const actual = new Uint32Array(packed);
      const wrong = actual.findIndex((word, index) => word !== expected[index]);
      assertEquals([wrong, actual[wrong]], [-1, undefined], `${kernel.name}, expected ${expected[wrong]}`);
    }
  });

  Deno.test(`packScoresKernel() begins each image's ${type} row on a word`, async () => {
    const device = await testDevice();
    for (const [batch, elements] of [[3, 5], [1, 1], [2, 245], [4, 7]]) {
      const values = Float32Array.from(randomValues(batch * elements, 4, 16));
      const expected = packScoresReference(values, { batch, elements, type });
      const kernel = packScoresKernel({ batch, elements, type, profile: "gpu" });
      const { packed } = await runKernel(device, kernel, { elements: values, packed: { bytes: expected.byteLength } });
      assertEquals(new Uint32Array(packed), expected);
    }
  });
}

Deno.test("packClassesKernel() packs uint16 in pairs, and uint32 from 65,536 classes on", async () => {
  const device = await testDevice();
  assertEquals([
    classArray(65535).BYTES_PER_ELEMENT,
    classArray(65536).BYTES_PER_ELEMENT,
    packedWords(5, 2),
    packedWords(5, 4),
  ], [2, 4, 3, 5]);
  for (const classes of [1000, 65535, 70000]) {
    for (const [batch, elements] of [[3, 5], [2, 245], [1, 8]]) {
      const values = Uint32Array.from(randomValues(batch * elements, 4), (value) => (value + 1) / 2 * classes);
      const expected = packClassesReference(values, { batch, elements, classes });
      if (classes === 70000) assertEquals(expected, values);
      else {assertEquals(
          new Uint16Array(expected.buffer).slice(0, elements),
          Uint16Array.from(values).slice(0, elements),
        );}
      for (const profile of ["software", "gpu"] as const) {
        const kernel = packClassesKernel({ batch, elements, classes, profile });
        const { packed } = await runKernel(device, kernel, {
          elements: values,
          packed: { bytes: expected.byteLength },
        });
        assertEquals(new Uint32Array(packed), expected);
      }
    }
  }
});
