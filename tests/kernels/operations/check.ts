/**
 * Tests any operation of the table by its rule alone: kernels against the reference, gradients against the reference's, and
 * those against finite differences.
 *
 * @module
 */

import type { Device } from "../../../kernels/engine/device.ts";
import { readBuffer } from "../../../kernels/engine/device.ts";
import { createPlan } from "../../../kernels/engine/plan.ts";
import { addForward } from "../../../kernels/lowering/differentiate.ts";
import { fuse } from "../../../kernels/lowering/fuse.ts";
import { inputsOf, type Operation, ruleOf } from "../../../kernels/operations/mod.ts";
import { addTensor, type Builder, emptyProgram, gradientName } from "../../../kernels/operations/shared/builder.ts";
import type { ReferenceValues } from "../../../kernels/operations/shared/rule.ts";
import type { Shape, Target } from "../../../kernels/operations/shared/tensor.ts";
import { assertClose, sumTolerance, type Tolerance } from "../compare.ts";
import { weighedSum } from "../finite_differences.ts";
import { padChannels, randomValues, stored, unpadChannels } from "../tensors.ts";

/** An operation, perhaps with those that it takes in, on inputs of some shapes. */
export interface OperationCase {
  /** Of the test's name: "3x3 with stride 2". */
  readonly what: string;
  /** In order of computation. The last one's output is looked at. */
  readonly operations: readonly Operation[];
  /** Shapes of the tensors that no operation gives. */
  readonly inputs: Readonly<Record<string, Shape>>;
  /** Elements of an input, exact in f16; numbers spread over [-1, 1) if left out. */
  readonly values?: (count: number, seed: number) => number[];
  /** Terms of the longest sum in the output or in an input's gradient; default 1. */
  readonly terms?: number;
  /** Of the output and the inputs' gradients; that of a sum of `terms` if left out. */
  readonly tolerance?: (storage: Target["storage"]) => Tolerance;
  /** Where finite differences are taken, if not at `values`: away from corners. */
  readonly smoothValues?: (count: number, seed: number) => number[];
  /** Whether its parameters can be trained; default true. */
  readonly trains?: boolean;
}

/** How an operation is computed: with its gradient, of constants; fused for inference; or trained. */
type Mode = "constants" | "inference" | "trained";

/** Of the second and third is run what the first does not do. */
const MODES: readonly Mode[] = ["constants", "inference", "trained"];
const OUTPUT_GRADIENT = "gradient of the output";

function elements(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Shapes of all tensors of a case. */
function shapesOf({ operations, inputs }: OperationCase): Map<string, Shape> {
  const shapes = new Map<string, Shape>(Object.entries(inputs));
  for (const operation of operations) {
    shapes.set(operation.output, ruleOf(operation).outputShape(operation, (name) => shapes.get(name)!));
  }
  return shapes;
}

function isTrained(parameter: string): boolean {
  return !/\.running_(mean|var)$/.test(parameter);
}

/** A case with its numbers. */
interface Numbers {
  readonly shapes: ReadonlyMap<string, Shape>;
  readonly output: string;
  readonly inputs: Map<string, number[]>;
  readonly parameters: Map<string, number[]>;
  readonly outputGradient: number[];
}

function numbersOf(tested: OperationCase, values = tested.values ?? randomValues): Numbers {
  const shapes = shapesOf(tested);
  const output = tested.operations.at(-1)!.output;
  const parameters = tested.operations.flatMap((operation) => ruleOf(operation).parameters?.(operation) ?? []);
  return {
    shapes,
    output,
    inputs: new Map(
      Object.entries(tested.inputs).map(([name, shape], seed) => [name, values(elements(shape), seed + 1)]),
    ),
    parameters: new Map(parameters.map(([name, shape], index) => {
      const numbers = randomValues(elements(shape), 20 + index);
      return [name, name.endsWith(".running_var") ? numbers.map((value) => value + 1.25) : numbers];
    })),
    outputGradient: randomValues(elements(shapes.get(output)!), 40),
  };
}

/** The inputs that operations read, not only ask the shape of. */
function inputsRead({ operations, inputs }: OperationCase): string[] {
  const read = new Set(operations.flatMap(inputsOf));
  return Object.keys(inputs).filter((name) => read.has(name));
}

/** All tensors by the operations' references. */
function runReferences({ operations }: OperationCase, numbers: Numbers, trained: boolean): ReferenceValues {
  const tensors = new Map<string, ArrayLike<number>>(numbers.inputs);
  const values: ReferenceValues = {
    trained,
    tensor: (name) => tensors.get(name)!,
    shapeOf: (name) => numbers.shapes.get(name)!,
    parameter: (name) => numbers.parameters.get(name)!,
  };
  for (const operation of operations) tensors.set(operation.output, ruleOf(operation).reference(operation, values));
  return values;
}

/** The gradients of inputs and parameters by the operations' references. */
function referenceGradients(
  { operations }: OperationCase,
  numbers: Numbers,
  values: ReferenceValues,
): Map<string, Float64Array> {
  const gradients = new Map<string, Float64Array>([[numbers.output, Float64Array.from(numbers.outputGradient)]]);
  for (const operation of operations.toReversed()) {
    const outputGradient = gradients.get(operation.output)!;
    for (const [name, gradient] of ruleOf(operation).referenceGradient(operation, values, outputGradient)) {
      const known = gradients.get(name);
      gradients.set(name, known ? gradient.map((value, index) => value + known[index]) : gradient);
    }
  }
  return gradients;
}

/** A case as a program: what is written before it runs, and what it gives. */
function lowerCase(tested: OperationCase, numbers: Numbers, mode: Mode, target: Target) {
  const { operations } = tested;
  const { shapes, output, parameters } = numbers;
  const program = emptyProgram();
  const shapeOf = (name: string) => shapes.get(name)!;
  const read = (name: string) => Float32Array.from(parameters.get(name)!);
  const packed = target.profile === "gpu" ? target.storage : "f32";
  const builder: Builder = {
    program,
    target,
    shapeOf,
    parameters: mode === "trained"
      ? {
        trained: true,
        pack({ name, weight, bias, places }) {
          const all = [0, ...parameters.get(weight)!, ...bias === undefined ? [] : parameters.get(bias)!];
          program.constants.set(name, () => stored(Array.from(places(), (place) => all[place]), packed));
          return name;
        },
      }
      : { trained: false, read },
  };
  const inputs = inputsRead(tested);
  for (const name of inputs) addTensor(builder, name, shapeOf(name));
  if (mode === "inference") {
    for (const { operation, layer } of fuse(operations, [output], { trained: false, target, shapeOf })) {
      ruleOf(operation).forward(builder, operation, layer);
    }
    return { program, tensors: new Map([[output, output]]), states: [] };
  }
  const trained = mode === "trained" ? [...parameters.keys()] : [];
  for (const name of trained) {
    const bytes = Math.ceil(parameters.get(name)!.length / 4) * 16;
    program.states.set(name, bytes);
    if (isTrained(name)) program.states.set(gradientName(name), bytes);
  }
  addTensor(builder, OUTPUT_GRADIENT, shapeOf(output));
  const forward = addForward(builder, operations, { outputs: [output], wanted: () => true });
  const gradients = forward.backward([[output, OUTPUT_GRADIENT]]);
  return {
    program,
    tensors: new Map([[output, output], ...inputs.map((name) => [name, gradients.get(name)!] as const)]),
    states: trained,
  };
}

type LoweredCase = ReturnType<typeof lowerCase>;

/** Whether a program's steps are the first of another's, on the same constants and on no state, so that it gives nothing new. */
function isPartOf(part: LoweredCase, whole: LoweredCase | undefined): boolean {
  const { program: { steps, constants } } = part;
  return whole !== undefined && part.states.length === 0 && whole.states.length === 0 &&
    [...constants.keys()].every((name) => whole.program.constants.has(name)) &&
    steps.every((step, place) => JSON.stringify(step) === JSON.stringify(whole.program.steps[place]));
}

/** Runs a case on a device whose memory is full of NaN; returns the output, and gradients by tensor and parameter. */
async function runCase(
  device: Device,
  tested: OperationCase,
  numbers: Numbers,
  mode: Mode,
  { program, tensors, states }: LoweredCase,
  { storage }: Target,
): Promise<Map<string, ArrayLike<number>>> {
  const given = new Map([
    ...inputsRead(tested).map((name) => [name, numbers.inputs.get(name)!] as const),
    ...mode === "inference" ? [] : [[OUTPUT_GRADIENT, numbers.outputGradient] as const],
  ]);
  const plan = await createPlan(device, program, { inputs: [...given.keys()], outputs: [...tensors.values()] });
  try {
    const { queue } = device.gpu;
    const poison = (buffer: GPUBuffer) =>
      queue.writeBuffer(buffer, 0, new Uint32Array(buffer.size / 4).fill(0x7fc07fc0));
    poison(plan.tensor(numbers.output).buffer);
    for (const [name, values] of given) {
      const { buffer, offset } = plan.tensor(name);
      const shape = numbers.shapes.get(name) ?? numbers.shapes.get(numbers.output)!;
      queue.writeBuffer(buffer, offset, padChannels(values, shape[3], storage));
    }
    for (const name of states) {
      const { buffer, size } = plan.tensor(name);
      const values = new Float32Array(size / 4);
      values.set(numbers.parameters.get(name)!);
      queue.writeBuffer(buffer, 0, values);
      if (isTrained(name)) poison(plan.tensor(gradientName(name)).buffer);
    }
    const encoder = device.gpu.createCommandEncoder();
    plan.encode(encoder);
    const copy = (name: string) => {
      const { buffer, offset, size } = plan.tensor(name);
      const staging = device.gpu.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
      encoder.copyBufferToBuffer(buffer, offset, staging, 0, size);
      return staging;
    };
    const staged = [...tensors].map(([name, tensor]) => [name, copy(tensor)] as const);
    const stagedStates = states.filter(isTrained).map((name) => [name, copy(gradientName(name))] as const);
    queue.submit([encoder.finish()]);
    const results = new Map<string, ArrayLike<number>>();
    for (const [name, staging] of staged) {
      const channels = numbers.shapes.get(name)![3];
      results.set(name, unpadChannels(await readBuffer(staging), channels, storage));
      staging.destroy();
    }
    for (const [name, staging] of stagedStates) {
      results.set(name, new Float32Array(await readBuffer(staging)).slice(0, numbers.parameters.get(name)!.length));
      staging.destroy();
    }
    return results;
  } finally {
    plan.close();
  }
}

/**
 * Runs a case's kernels, forward and backward, in every mode, and compares them with the references.
 *
 * @param device The device.
 * @param tested The case.
 * @param target Profile and storage.
 */
export async function checkKernels(device: Device, tested: OperationCase, target: Target): Promise<void> {
  const numbers = numbersOf(tested);
  const { operations, terms = 1 } = tested;
  const { storage, profile } = target;
  const sum = tested.tolerance?.(storage) ?? sumTolerance(storage, terms, Math.sqrt(terms));
  // Tensors between operations are rounded where they are stored.
  const roundings = storage === "f16" ? (operations.length - 1) * 2 ** -10 : 0;
  const between = roundings * Math.sqrt(terms);
  const tolerance = { absolute: sum.absolute + between, relative: sum.relative + roundings };
  const positions = elements(numbers.shapes.get(numbers.output)!.slice(0, 3));
  const parameterSum = sumTolerance("f32", positions, Math.sqrt(positions));
  const parameterTolerance = { ...parameterSum, absolute: parameterSum.absolute + between * Math.sqrt(positions) };
  let whole: { readonly lowered: LoweredCase; readonly results: Map<string, ArrayLike<number>> } | undefined;
  for (const mode of MODES) {
    if (mode === "trained" && tested.trains === false) continue;
    const lowered = lowerCase(tested, numbers, mode, target);
    const isKnown = isPartOf(lowered, whole?.lowered);
    if (isKnown && mode === "inference") continue;
    const isSame = isKnown && lowered.program.steps.length === whole!.lowered.program.steps.length;
    const results = isSame ? whole!.results : await runCase(device, tested, numbers, mode, lowered, target);
    whole ??= { lowered, results };
    const values = runReferences(tested, numbers, mode === "trained");
    const gradients = mode === "inference"
      ? new Map<string, ArrayLike<number>>()
      : referenceGradients(tested, numbers, values);
    for (const [name, actual] of results) {
      const isOutput = name === numbers.output;
      assertClose(actual, isOutput ? values.tensor(name) : gradients.get(name)!, {
        ...(numbers.parameters.has(name) ? parameterTolerance : tolerance),
        shape: numbers.shapes.get(name),
        name: `${isOutput ? "" : "gradient of "}${name}, ${mode}, ${profile} ${storage}`,
      });
    }
  }
}

/** Places of an array to vary: all of a short one, else about 40, spread over it. */
function places(length: number): number[] {
  const step = Math.max(1, Math.floor(length / 40) | 1);
  return Array.from({ length: Math.ceil(length / step) }, (_, index) => index * step);
}

/** Compares the references' gradients of a case with finite differences, for constants and in training. */
export function checkDifferences(tested: OperationCase): void {
  const step = 2 ** -13;
  for (const trained of tested.trains === false ? [false] : [false, true]) {
    const numbers = numbersOf(tested, tested.smoothValues ?? tested.values);
    const loss = () =>
      weighedSum(runReferences(tested, numbers, trained).tensor(numbers.output), numbers.outputGradient);
    const gradients = referenceGradients(tested, numbers, runReferences(tested, numbers, trained));
    const parameters = [...numbers.parameters].filter(([name]) => trained && isTrained(name));
    const inputs = inputsRead(tested).map((name) => [name, numbers.inputs.get(name)!] as const);
    for (const [name, values] of [...inputs, ...parameters]) {
      const varied = places(values.length);
      const differences = varied.map((place) => {
        const value = values[place];
        values[place] = value + step;
        const above = loss();
        values[place] = value - step;
        const below = loss();
        values[place] = value;
        return (above - below) / (2 * step);
      });
      const gradient = gradients.get(name)!;
      assertClose(varied.map((place) => gradient[place]), differences, {
        absolute: 1e-6,
        relative: 1e-6,
        name: `gradient of ${name}${trained ? " in training" : ""}`,
      });
    }
  }
}

const PRIMES = [3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];

/**
 * What the cases of an operation leave untested.
 *
 * @param type The operation's type.
 * @param cases Its cases.
 * @returns Sentences, none if all is there.
 */
export function missingCases(type: Operation["type"], cases: readonly OperationCase[]): string[] {
  const alone = cases.filter(({ operations }) => operations.length === 1 && operations[0].type === type);
  const operations = alone.map((tested) => tested.operations[0]);
  // Of an operation that reads nothing, what it gives.
  const shapes = alone.map((tested) => {
    const [operation] = tested.operations;
    return shapesOf(tested).get(inputsOf(operation).at(0) ?? operation.output)!;
  });
  const isConstant = operations.some((operation) =>
    inputsOf(operation).length === 0 && ruleOf(operation).parameters === undefined
  );
  const needs: [boolean, string][] = [
    [alone.length > 0, "of the operation alone"],
    [shapes.some(([batch]) => batch === 1), "of one image"],
    [isConstant || shapes.some(([batch]) => batch > 1), "of several images"],
    [shapes.some((shape) => shape[3] % 4 !== 0), "whose channels are no multiple of 4"],
    [
      shapes.some(([, ...sizes]) => sizes.slice(0, 2).every((size) => PRIMES.includes(size))),
      "of prime height and width",
    ],
    [shapes.some(([, height, width]) => height === 1 && width === 1), "of one position"],
    ...operations.some((operation) => "stride" in operation)
      ? [
        [
          operations.some((operation) => "stride" in operation && operation.stride.includes(2)),
          "with stride 2",
        ] as const,
      ]
      : [],
    ...(operations.length > 0 ? ruleOf(operations[0]).fusion?.readers ?? [] : []).map((reader) =>
      [
        cases.some((tested) => takesIn(tested, type, reader)),
        `in which it takes in an operation of type ${reader}`,
      ] as const
    ),
  ].map(([there, what]) => [there as boolean, what as string]);
  return needs.filter(([there]) => !there).map(([, what]) => `There is no case ${what}`);
}

/** Whether an operation of a type takes in one of another, for inference or in training. */
function takesIn(tested: OperationCase, type: string, reader: string): boolean {
  const { operations } = tested;
  const shapes = shapesOf(tested);
  return [false, true].some((trained) => {
    const context = {
      trained,
      target: { profile: "gpu", storage: "f32" },
      shapeOf: (name: string) => shapes.get(name)!,
    } as const;
    const left = fuse(operations, [operations.at(-1)!.output], context);
    const layers = new Set(left.map(({ layer }) => layer));
    return operations.some((operation, layer) => operation.type === reader && !layers.has(layer)) &&
      left.some(({ layer }) => operations[layer].type === type);
  });
}
