import { assertAlmostEquals, assertEquals } from "@std/assert";
import { classMeanFigure, createAccuracy } from "../../../pipeline/evaluation/accuracy.ts";
import { shareFigure } from "../../../pipeline/evaluation/figures.ts";

const name = (label: number) => `class ${label}`;

Deno.test("createAccuracy() gives shares of the top-1 and top-5, of all images and of each class", () => {
  const accuracy = createAccuracy({ choices: 10, name });
  for (const [rank, label] of [[0, 7], [4, 7], [5, 7], [0, 7], [3, 2]]) accuracy.add(rank, label);
  assertEquals(accuracy.images, 5);
  assertEquals(accuracy.figures(), [
    { measure: "top-1", value: 0.4, standardError: Math.sqrt(0.4 * 0.6 / 5), images: 5 },
    { measure: "top-5", value: 0.8, standardError: Math.sqrt(0.8 * (1 - 0.8) / 5), images: 5 },
  ]);
  assertEquals(
    accuracy.classFigures().map(({ measure, of, value, images }) => [measure, of, value, images]),
    [
      ["top-1", "class 2", 0, 1],
      ["top-5", "class 2", 1, 1],
      ["top-1", "class 7", 0.5, 4],
      ["top-5", "class 7", 0.75, 4],
    ],
  );
});

Deno.test("createAccuracy() has no top-5 where no more than 5 classes are ranked, and nothing without images", () => {
  const accuracy = createAccuracy({ prefix: "ReaL ", choices: 5, name });
  assertEquals([accuracy.figures(), accuracy.classFigures()], [[], []]);
  accuracy.add(4);
  assertEquals(accuracy.figures(), [{ measure: "ReaL top-1", value: 0, standardError: 0, images: 1 }]);
  assertEquals(accuracy.classFigures(), []);
});

Deno.test("shareFigure() has the standard error of a mean of ones and zeros", () => {
  const ones = [1, 1, 1, 0, 0, 0, 0, 0];
  const mean = 3 / 8;
  const deviation = Math.sqrt(ones.reduce((sum, one) => sum + (one - mean) ** 2, 0) / 8);
  const figure = shareFigure("top-1", { images: 8, right: 3 }, "tench");
  assertEquals([figure.of, figure.value, figure.images], ["tench", mean, 8]);
  assertAlmostEquals(figure.standardError!, deviation / Math.sqrt(8), 1e-12);
});

Deno.test("classMeanFigure() weighs classes equally", () => {
  const figure = classMeanFigure("Shankar", [{ images: 4, right: 1 }, { images: 1, right: 1 }, {
    images: 2,
    right: 1,
  }]);
  assertAlmostEquals(figure.value, (0.25 + 1 + 0.5) / 3, 1e-12);
  assertEquals(figure.images, 7);
  assertAlmostEquals(figure.standardError!, Math.sqrt(0.25 * 0.75 / 4 + 0 + 0.5 * 0.5 / 2) / 3, 1e-12);
});
