import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { addSmoothNoise } from "../../../pipeline/scenes/background.ts";
import { paintScene } from "../../../pipeline/scenes/paint.ts";
import { sceneNumbers } from "../../../pipeline/scenes/scene_numbers.ts";
import { type Scene, sceneOf } from "../../../pipeline/scenes/scene.ts";

const SAMPLES = 64 * 64 * 3;

function deviation(values: ArrayLike<number>): number {
  const all = Array.from(values);
  const mean = all.reduce((sum, value) => sum + value, 0) / all.length;
  return Math.sqrt(all.reduce((sum, value) => sum + (value - mean) ** 2, 0) / all.length);
}

/** A scene that an object covers whole. */
function covered(object: Partial<Scene["objects"][0]>, index = 0): Scene {
  const scene = sceneOf({ seed: 0, split: "train", index });
  const whole = { index: 0, x: 32, y: 32, radius: 20, rotation: 0, colour: [0.5, 0.6, 0.4] as const, ...object };
  return { ...scene, objects: [whole], coverage: [new Float32Array(64 * 64).fill(1)] };
}

Deno.test("sceneNumbers() are uniform and normal", () => {
  const random = sceneNumbers({ seed: 0, split: "train", index: 0 }, "noise");
  const uniform = Array.from({ length: 20_000 }, () => random.uniform(2, 4));
  assert(uniform.every((value) => value >= 2 && value < 4));
  assertAlmostEquals(deviation(uniform), 2 / Math.sqrt(12), 0.02);
  const normal = Array.from({ length: 20_000 }, () => random.normal());
  assertAlmostEquals(deviation(normal), 1, 0.03);
  assertAlmostEquals(normal.reduce((sum, value) => sum + value) / normal.length, 0, 0.03);
  // Of a normal distribution 31.7 % are beyond one deviation, 4.55 % beyond two, 0.27 % beyond three.
  for (const [bound, share] of [[1, 0.3173], [2, 0.0455], [3, 0.0027]]) {
    const found = normal.filter((value) => Math.abs(value) > bound).length / normal.length;
    assertAlmostEquals(found, share, 4 * Math.sqrt(share / normal.length));
  }
});

Deno.test("addSmoothNoise() weighs its octaves by their amplitudes, everywhere", () => {
  const image = new Float32Array(SAMPLES);
  addSmoothNoise(image, { uniform: () => 0, normal: () => 1 });
  for (const value of image) assertAlmostEquals(value, 0.14 + 0.1 + 0.05, 1e-6);
});

Deno.test("addSmoothNoise() is smooth: neighbours differ by little, far pixels by much", () => {
  const image = new Float32Array(SAMPLES);
  addSmoothNoise(image, sceneNumbers({ seed: 0, split: "train", index: 3 }, "noise"));
  const differences = (apart: number) =>
    deviation(
      Array.from({ length: SAMPLES }, (_, index) => index)
        .filter((index) => Math.floor(index / 3) % 64 < 64 - apart)
        .map((index) => image[index + 3 * apart] - image[index]),
    );
  assert(differences(1) < 0.04, `${differences(1)}`);
  assert(differences(20) > 0.1, `${differences(20)}`);
});

Deno.test("paintScene() adds noise of deviation 0.04 to an object's colour", () => {
  const pixels = paintScene(covered({}));
  for (const [channel, value] of [0.5, 0.6, 0.4].entries()) {
    const samples = pixels.filter((_, index) => index % 3 === channel);
    const mean = samples.reduce((sum, sample) => sum + sample, 0) / samples.length;
    assertAlmostEquals(mean / 255, value, 0.004);
    assertAlmostEquals(deviation(samples) / 255, 0.04, 0.002);
  }
});

Deno.test("paintScene() draws stripes of their period, half of it dark, across the object's axis", () => {
  const stripes = { colour: [0.1, 0.12, 0.08] as const, period: 6.4, phase: 0.3 };
  const along = paintScene(covered({ stripes }));
  // Columns that are ten periods apart: 64 pixels hold ten of them, so the tenth wave is the strongest.
  const columns = Array.from({ length: 64 }, (_, x) => {
    let sum = 0;
    for (let y = 0; y < 64; y++) sum += along[(y * 64 + x) * 3 + 1] / 255 / 64;
    return sum;
  });
  const strengths = Array.from({ length: 31 }, (_, wave) => {
    const part = (turn: (angle: number) => number) =>
      columns.reduce((sum, value, x) => sum + value * turn(2 * Math.PI * (wave + 1) * x / 64), 0);
    return Math.hypot(part(Math.cos), part(Math.sin));
  });
  assertEquals(strengths.indexOf(Math.max(...strengths)) + 1, 10);
  assertAlmostEquals(columns.reduce((sum, value) => sum + value) / 64, (0.6 + 0.12) / 2, 0.01);
  assertAlmostEquals(Math.min(...columns), 0.12, 0.02);
  assertAlmostEquals(Math.max(...columns), 0.6, 0.02);
  const across = paintScene(covered({ stripes, rotation: Math.PI / 2 }));
  const rows = Array.from(
    { length: 64 },
    (_, y) => across.subarray(y * 192, (y + 1) * 192).filter((_, i) => i % 3 === 1),
  );
  for (const row of rows) assert(deviation(row) / 255 < 0.06);
});

Deno.test("paintScene() blends an object in front into what is behind it by its coverage", () => {
  const { objects: [front], ...scene } = covered({ colour: [0.9, 0.7, 0.3] });
  const objects = [front, { ...front, colour: [0.3, 0.5, 0.7] as const }];
  const coverage = [0.25, 1].map((share) => new Float32Array(64 * 64).fill(share));
  const pixels = paintScene({ ...scene, objects, coverage });
  for (const [channel, value] of [0.45, 0.55, 0.6].entries()) {
    const samples = pixels.filter((_, index) => index % 3 === channel);
    assertAlmostEquals(samples.reduce((sum, sample) => sum + sample, 0) / samples.length / 255, value, 0.004);
    assertAlmostEquals(deviation(samples) / 255, 0.04, 0.002);
  }
});
