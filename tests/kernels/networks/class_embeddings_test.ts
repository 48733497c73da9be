import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { withClassEmbeddings } from "../../../kernels/networks/class_embeddings.ts";
import { initialParameters } from "../../../kernels/networks/mod.ts";
import { parameterShapes } from "../../../kernels/operations/network.ts";
import { randomValues } from "../tensors.ts";
import { hiddenLayerNetwork } from "./hidden_layer_network.ts";
import { classifyReference, runReference } from "./reference.ts";

const SIZE = [20, 28] as const;
const own = hiddenLayerNetwork(7);
const parameters = initialParameters(own, 5) as Parameters<typeof runReference>[1];
const input = { shape: [1, ...SIZE, 3], data: Float32Array.from(randomValues(20 * 28 * 3, 3)) };
const features = runReference(own, parameters, input).get(own.features)!;
const width = features.shape.at(-1)!;

function embeddingsOf(channels: number, classes = 5) {
  return { vectors: Float32Array.from(randomValues(channels * classes, 9)), classes, channels, scale: 20 };
}

/** Scaled cosines of the vectors of some positions. */
function cosines(values: ArrayLike<number>, { vectors, classes, channels, scale }: ReturnType<typeof embeddingsOf>) {
  const length = (vector: number[]) => Math.hypot(...vector);
  return Array.from({ length: values.length / channels * classes }, (_, index) => {
    const [position, c] = [Math.floor(index / classes), index % classes];
    const x = Array.from({ length: channels }, (_, at) => values[position * channels + at]);
    const e = [...vectors.subarray(c * channels, (c + 1) * channels)];
    return scale * x.reduce((sum, value, at) => sum + value * e[at], 0) / length(x) / length(e);
  });
}

function assertNear(actual: ArrayLike<number>, expected: readonly number[]): void {
  assertEquals(actual.length, expected.length);
  expected.forEach((value, index) => assertAlmostEquals(actual[index], value, 1e-5));
}

for (const [what, channels] of [["the feature map", width], ["what its head gives", 7]] as const) {
  Deno.test(`withClassEmbeddings() compares classes with ${what}, for cells and for the picture`, () => {
    const embeddings = embeddingsOf(channels);
    const made = withClassEmbeddings(own, parameters, embeddings, SIZE);
    const all = made.parameters as typeof parameters;
    assertEquals(parameterShapes(made.network).get("class_embeddings.weight"), [5, channels]);
    const cells = channels === 7 ? runReference(own, parameters, input).get(own.dense.output)! : features;
    const positions = features.data.length / width;
    const mean = Array.from({ length: width }, (_, channel) => {
      let sum = 0;
      for (let position = 0; position < positions; position++) sum += features.data[position * width + channel];
      return sum / positions;
    });
    const picture = channels === 7 ? classifyReference(own, parameters, input).data : mean;
    const dense = runReference(made.network, all, input).get(made.network.dense.output)!;
    assertNear(dense.data, cosines(cells.data, embeddings));
    assertNear(classifyReference(made.network, all, input).data, cosines(picture, embeddings));
  });
}

Deno.test("withClassEmbeddings() refuses vectors that neither is as wide as, and a class without direction", () => {
  const wrong = embeddingsOf(width + 1);
  assertThrows(
    () => withClassEmbeddings(own, parameters, wrong, SIZE),
    TypeError,
    `of ${width + 1} numbers: its head gives 7, its feature map has ${width} channels`,
  );
  const zero = embeddingsOf(7);
  zero.vectors.fill(0, 14, 21);
  assertThrows(() => withClassEmbeddings(own, parameters, zero, SIZE), TypeError, "that of class 2 is zero");
});
