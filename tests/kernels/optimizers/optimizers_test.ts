import { assertEquals, assertThrows } from "@std/assert";
import { initialControl } from "../../../kernels/operations/shared/control.ts";
import { flattenParameters, layOutParameters, type ParameterLayout } from "../../../kernels/optimizers/layout.ts";
import { type Optimizer, optimizerKernels, optimizerState } from "../../../kernels/optimizers/mod.ts";
import { DYNAMIC_LOSS_SCALING, NO_LOSS_SCALING } from "../../../kernels/optimizers/prepare_step.ts";
import { assertClose } from "../compare.ts";
import { randomValues, testDevice } from "../tensors.ts";
import { caseLayout, caseName, caseOptimizer, FIXTURE, STEPS } from "./fixture.ts";
import { initialFlatState, initialState, kernelStep, referenceStep } from "./step.ts";

const PROFILES = ["software", "gpu"] as const;

const ADAM = { betas: [0.9, 0.999], epsilon: 1e-8 } as const;

const OPTIMIZERS: readonly Optimizer[] = [
  { type: "sgd", momentum: 0.9, nesterov: false },
  { type: "sgd", momentum: 0.9, nesterov: true },
  { type: "adamw", ...ADAM },
  { type: "adamp", ...ADAM, delta: 0.1, decayRatio: 0.1, nesterov: false },
  { type: "adamp", ...ADAM, delta: 0.1, decayRatio: 0.1, nesterov: true },
];

function optimizerName(optimizer: Optimizer): string {
  return optimizer.type !== "adamw" && optimizer.nesterov ? `${optimizer.type} with Nesterov's rule` : optimizer.type;
}

for (const entry of FIXTURE.cases) {
  const optimizer = caseOptimizer(entry);
  const layout = caseLayout(entry);

  Deno.test(`the reference makes PyTorch's steps: ${caseName(entry)}`, () => {
    FIXTURE.tensors.forEach(({ name, initial, gradients }, index) => {
      let state = initialState(initial, optimizer);
      gradients.forEach((gradient, step) => {
        const options = { learningRate: entry.lr, step: step + 1, segment: layout.segments[index] };
        state = referenceStep(state, gradient, optimizer, options);
      });
      assertClose(state.parameter, entry.final[name], { absolute: 1e-9, relative: 1e-9, name });
    });
  });

  Deno.test(`the kernels make PyTorch's steps: ${caseName(entry)}`, async () => {
    const device = await testDevice();
    const tensor = (name: string) => FIXTURE.tensors.find((tensor) => tensor.name === name)!;
    for (const profile of PROFILES) {
      const parameter = flattenParameters(layout, (name) => tensor(name).initial);
      let state = initialFlatState(parameter, optimizer, { ...initialControl(8), learningRate: entry.lr });
      for (let step = 0; step < STEPS; step++) {
        // The gradients of a loss that was scaled by 8.
        const gradient = flattenParameters(layout, (name) => tensor(name).gradients[step]).map((value) => value * 8);
        const options = { layout, optimizer, profile, lossScaling: { ...DYNAMIC_LOSS_SCALING, initial: 8 } };
        state = await kernelStep(device, state, gradient, options);
        assertEquals([state.control.step, state.control.skip], [step + 1, false]);
      }
      const expected = flattenParameters(layout, (name) => entry.final[name]);
      assertClose(state.buffers.parameter, expected, { absolute: 1e-6, relative: 1e-6, name: profile });
    }
  });
}

/** Tensors of awkward sizes: rows of 1 to 1,003 elements, more rows than a workgroup has invocations. */
function awkwardLayout(): ParameterLayout {
  const shapes = [[1, 1, 1, 1], [131, 3, 1, 1], [7, 17, 59], [67], [5, 1003], [3, 5, 3, 3], [1], [97, 1, 3, 3]];
  return layOutParameters(
    shapes.map((shape, index) => ({
      name: `${index}`,
      shape,
      weightDecay: index % 3 * 0.05,
      ...(index % 2 === 0 ? {} : { rate: 0.75 ** index }),
    })),
  );
}

/** Gradients, of which every second tensor's are at right angles with its rows, and every fourth's only with the whole. */
function awkwardGradients(layout: ParameterLayout, parameter: Float32Array, seed: number): Float32Array<ArrayBuffer> {
  const gradient = new Float32Array(layout.length);
  layout.segments.forEach(({ first, length, columns }, index) => {
    const values = randomValues(length, seed + index, 0.5);
    const span = index % 2 === 0 ? 0 : index % 4 === 1 ? columns : length;
    for (let begin = 0; span > 0 && begin < length; begin += span) {
      let along = 0;
      let square = 0;
      for (let at = begin; at < begin + span; at++) {
        along += values[at] * parameter[first + at];
        square += parameter[first + at] ** 2;
      }
      for (let at = begin; at < begin + span; at++) values[at] -= along / square * parameter[first + at];
    }
    gradient.set(values, first);
  });
  return gradient;
}

for (const optimizer of OPTIMIZERS) {
  Deno.test(`the kernels follow the reference on rows of any length: ${optimizerName(optimizer)}`, async () => {
    const device = await testDevice();
    const layout = awkwardLayout();
    const start = flattenParameters(layout, (name) => {
      const { length } = layout.segments[Number(name)];
      return randomValues(length, 70 + Number(name)).map((value) => value + 2 ** -12);
    });
    for (const profile of PROFILES) {
      let state = initialFlatState(start, optimizer, initialControl(1));
      let expected = layout.segments.map(({ first, length }) =>
        initialState(start.subarray(first, first + length), optimizer)
      );
      for (let step = 1; step <= 3; step++) {
        const gradient = awkwardGradients(layout, state.buffers.parameter, step * 100);
        const learningRate = 0.01 / step;
        expected = expected.map((tensor, index) => {
          const segment = layout.segments[index];
          const values = gradient.subarray(segment.first, segment.first + segment.length);
          return referenceStep(tensor, values, optimizer, {
            learningRate: learningRate * (segment.rate ?? 1),
            step,
            segment,
          });
        });
        state = await kernelStep(
          device,
          { ...state, control: { ...state.control, learningRate } },
          gradient,
          { layout, optimizer, profile, lossScaling: NO_LOSS_SCALING },
        );
      }
      for (const name of ["parameter", ...optimizerState(optimizer)]) {
        assertClose(state.buffers[name], flattenParameters(layout, (tensor) => expected[Number(tensor)][name]), {
          // Squares are small, and nothing cancels in their average.
          absolute: name === "secondMoment" ? 1e-12 : 1e-6,
          relative: 2e-6,
          name: `${name} ${profile}`,
        });
      }
    }
  });

  Deno.test(`a step with an infinite or undefined gradient changes nothing: ${optimizerName(optimizer)}`, async () => {
    const device = await testDevice();
    const layout = awkwardLayout();
    const parameter = Float32Array.from(randomValues(layout.length, 3));
    for (const profile of PROFILES) {
      for (const bad of [Infinity, -Infinity, NaN]) {
        const gradient = Float32Array.from(randomValues(layout.length, 4));
        gradient[layout.segments[7].first + 600] = bad;
        const before = initialFlatState(parameter, optimizer, { ...initialControl(1024), learningRate: 0.1, step: 6 });
        const options = { layout, optimizer, profile, lossScaling: { ...DYNAMIC_LOSS_SCALING, initial: 1024 } };
        const after = await kernelStep(device, before, gradient, options);
        assertEquals(after.buffers, before.buffers);
        const { skip, step, skippedSteps, lossScale } = after.control;
        assertEquals([skip, step, skippedSteps, lossScale], [true, 6, 1, 512]);
      }
    }
  });
}

Deno.test("the kernels give the same bits again", async () => {
  const device = await testDevice();
  const layout = awkwardLayout();
  const parameter = Float32Array.from(randomValues(layout.length, 3));
  const gradient = awkwardGradients(layout, parameter, 100);
  for (const profile of PROFILES) {
    for (const optimizer of OPTIMIZERS) {
      const before = initialFlatState(parameter, optimizer, { ...initialControl(1), learningRate: 0.1 });
      const step = () =>
        kernelStep(device, before, gradient, {
          layout,
          optimizer,
          profile,
          lossScaling: NO_LOSS_SCALING,
          maxNorm: 0.5,
        });
      assertEquals(await step(), await step());
    }
  }
});

Deno.test("AdamP keeps the step at right angles with rows, with the tensor, or leaves it", () => {
  const layout = awkwardLayout();
  const parameter = Float32Array.from(randomValues(layout.length, 9), (value) => value + 2 ** -12);
  const gradient = awkwardGradients(layout, parameter, 100);
  const optimizer = { type: "adamp", ...ADAM, delta: 0.1, decayRatio: 0.1, nesterov: false } as const;
  const kinds = layout.segments.map((segment) => {
    const { first, length, columns } = segment;
    const before = parameter.subarray(first, first + length);
    const after = referenceStep(initialState(before, optimizer), gradient.subarray(first, first + length), optimizer, {
      learningRate: 0.01,
      step: 1,
      segment: { ...segment, weightDecay: 0 },
    });
    const change = before.map((value, index) => value - after.parameter[index]);
    const isRight = (span: number): boolean => {
      for (let begin = 0; begin < length; begin += span) {
        let [along, size] = [0, 0];
        for (let index = begin; index < begin + span; index++) {
          along += before[index] * change[index];
          size += Math.abs(before[index] * change[index]);
        }
        if (Math.abs(along) > 1e-4 * size) return false;
      }
      return true;
    };
    return isRight(columns) ? "rows" : isRight(length) ? "whole" : "none";
  });
  assertEquals(kinds, ["none", "rows", "none", "none", "none", "rows", "none", "whole"]);
});

Deno.test("optimizerKernels() takes three dispatches, five for AdamP, for any number of tensors", () => {
  const layout = layOutParameters(
    Array.from({ length: 160 }, (_, index) => ({ name: `${index}`, shape: [index + 1, 3], weightDecay: 0 })),
  );
  const counts = OPTIMIZERS.map((optimizer) =>
    optimizerKernels({ layout, optimizer, profile: "gpu", lossScaling: NO_LOSS_SCALING }).length
  );
  assertEquals(counts, [3, 3, 3, 5, 5]);
});

Deno.test("optimizerKernels() refuses decay rates and norms that mean nothing", () => {
  const layout = layOutParameters([{ name: "weight", shape: [3], weightDecay: 0 }]);
  const settings = { layout, profile: "gpu", lossScaling: NO_LOSS_SCALING } as const;
  assertThrows(
    () => optimizerKernels({ ...settings, optimizer: { type: "adamw", betas: [0.9, 1], epsilon: 1e-8 } }),
    RangeError,
    "Cannot average gradients with beta 1: must be in [0, 1)",
  );
  assertThrows(
    () => optimizerKernels({ ...settings, optimizer: OPTIMIZERS[0], maxNorm: 0 }),
    RangeError,
    "Cannot clip gradients to a norm of 0: must be above 0",
  );
});
