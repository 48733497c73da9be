/**
 * A training step as a program, derived from a network's list of operations: forward with batch statistics, loss,
 * gradients, optimizer.
 *
 * It has two parts. `batch` takes a batch from the network's input and its targets to gradients; `update` changes the
 * parameters. Where gradients are accumulated, several batches come before an update.
 *
 * @module
 */

import { inputsOf, ruleOf } from "../../operations/mod.ts";
import { inferShapes, type Network } from "../../operations/network.ts";
import type { Pair } from "../../operations/shared/window.ts";
import { type AsymmetricFocus, asymmetricLossKernel } from "../../operations/losses/asymmetric_loss.ts";
import { binaryCrossEntropyKernel } from "../../operations/losses/binary_cross_entropy.ts";
import {
  findBlockForm,
  packBlocksKernel,
  type WeightNumbers,
  withoutWeights,
} from "../../operations/convolution/gather_blocks.ts";
import {
  filledVectors,
  gatherTable,
  gatherTableBytes,
  gatherWeightsKernel,
  type PackedForm,
} from "../../operations/convolution/gather_weights.ts";
import { crossEntropyKernel } from "../../operations/losses/cross_entropy.ts";
import { dropKernel, SEEDS } from "../../operations/drop/kernels.ts";
import type { ClassReduction } from "../../operations/losses/independent_classes.ts";
import { LOSS_HISTORY, stepLossKernel } from "../../operations/losses/row_loss.ts";
import { channelVectors, type Target } from "../../operations/shared/tensor.ts";
import { accumulateKernel } from "../../optimizers/accumulate.ts";
import { checksumKernel, checksumPartialsKernel } from "../../optimizers/checksum.ts";
import { CONTROL_BYTES } from "../../operations/shared/control.ts";
import { layoutTables } from "../../optimizers/layout.ts";
import { type Optimizer, optimizerKernels, optimizerState } from "../../optimizers/mod.ts";
import type { LossScaling } from "../../optimizers/prepare_step.ts";
import { weightAverageKernel } from "../../optimizers/weight_average.ts";
import type { Kernel } from "../../engine/kernel.ts";
import { ALIGNMENT, type Exchange, inPart, type Program, type Step } from "../../engine/program.ts";
import {
  addBytes,
  addStep,
  addSteps,
  addTensor,
  type Builder,
  emptyProgram,
  gradientName,
  type ParameterSource,
  type TrainingProgram,
} from "../../operations/shared/builder.ts";
import { type Bucket, defaultBucketBytes, gradientBuckets } from "./buckets.ts";
import { addForward } from "../../lowering/differentiate.ts";
import { joinSteps } from "../../lowering/join_steps.ts";
import { layOutNetwork, type NetworkLayout, STATES, tensorViews } from "../../lowering/parameters.ts";
import type { Ranks } from "../../lowering/ranks.ts";

/** What is trained, and how. */
export interface TrainingOptions {
  readonly network: Network;
  /** Images of a batch. */
  readonly batch: number;
  /** Height and width of the network's input. */
  readonly size: Pair;
  /** Mean over the batch of -sum t log softmax, of the binary cross-entropy of classes, or of their asymmetric loss. */
  readonly loss: "crossEntropy" | "binaryCrossEntropy" | AsymmetricFocus;
  /** Whether losses of classes that do not exclude each other are added up, or their mean taken, as unless given. */
  readonly classReduction?: ClassReduction;
  readonly optimizer: Optimizer;
  readonly weightDecay: number;
  /** Whether norms and biases do without weight decay. */
  readonly excludeNorms: boolean;
  /** What the learning rate is multiplied by from a layer to the one before it; default 1. */
  readonly layerDecay?: number;
  readonly lossScaling: LossScaling;
  /** The largest norm of the gradient; without it nothing is clipped. */
  readonly maxNorm?: number;
  /** Batches of an update; default 1. */
  readonly accumulate?: number;
  /** Decay of the exponential moving average of the weights; without it none is kept. */
  readonly averageDecay?: number;
  /** Rate of stochastic depth in the last block; default 0. */
  readonly dropPath?: number;
  /** Rate of dropout before the classifier; default 0. */
  readonly dropout?: number;
  /** Who trains together. A batch is then a rank's own, and an update that of all ranks' batches together. */
  readonly ranks?: Ranks;
  /**
   * Whether batch norms take the statistics of all ranks' batches together, as PyTorch's SyncBatchNorm. Otherwise each rank
   * has its own, running averages too; as in PyTorch's DistributedDataParallel, those of rank 0 are the network's.
   */
  readonly syncBatchNorm?: boolean;
  /** Bytes in which gradients leave for the other ranks, at most; default {@linkcode defaultBucketBytes}. */
  readonly bucketBytes?: number;
}

/** Names of the parts. */
export const PARTS = { batch: "batch", update: "update", checksum: "checksum" } as const;

/** Name of the targets, f32 `[N, C]`, C padded with zeros to a multiple of 4. */
export const TARGETS = "targets";

/** A training step. */
export interface LoweredTraining extends Program {
  readonly layout: NetworkLayout;
}

/**
 * Lowers training.
 *
 * @param options What a step of the training is.
 * @param target Profile and storage of activations and their gradients; parameters are f32.
 * @returns The program. A batch's inputs are the tensors `network.input`, {@linkcode TARGETS} and, where something is
 * dropped, `SEEDS`; what is kept from step to step are its states.
 * @throws {RangeError} If the image is too small for the network, or a number is out of its range.
 * @throws {TypeError} If two operations of the network read one parameter.
 */
export function lowerTraining(options: TrainingOptions, target: Target): LoweredTraining {
  const { network, ranks, syncBatchNorm, dropPath } = options;
  checkReaders(network);
  const layout = layOutNetwork(network, options);
  const program = emptyProgram();
  addStates(program, layout, options);
  const parameters = gatheredParameters(program, layout, target);
  addNetwork({ program, target, parameters, dropPath, ...(syncBatchNorm ? { normRanks: ranks } : {}) }, options);
  if (accumulates(options) && !ranks) {
    addStep({ program }, accumulateKernel({ length: layout.parameters.length, profile: target.profile }), {
      gradient: STATES.gradient,
      sum: STATES.gradientSum,
    });
  }
  const batch = joinSteps([...parameters.finish(), ...program.steps], program.views);
  const steps = inPart(
    PARTS.batch,
    ranks ? exchangeGradients(program, batch, layout, options, target) : batch,
  );
  program.steps.length = 0;
  addUpdate({ program, target }, layout, options);
  steps.push(...inPart(PARTS.update, program.steps));
  program.steps.length = 0;
  if (ranks) {
    addChecksum({ program, target }, layout);
    steps.push(...inPart(PARTS.checksum, program.steps));
  }
  return { ...program, steps, layout };
}

/** Refuses a parameter that two operations read: kernels write the gradients of parameters, and do not add to them. */
function checkReaders({ name, operations, pooled }: Network): void {
  const readers = new Map<string, string>();
  for (const operation of [...operations, ...pooled.operations]) {
    for (const [parameter] of ruleOf(operation).parameters?.(operation) ?? []) {
      const other = readers.get(parameter);
      if (other !== undefined) {
        throw new TypeError(
          `Cannot train ${name}: parameter "${parameter}" is read for "${other}" and for "${operation.output}", ` +
            "and would have the gradient of one of them",
        );
      }
      readers.set(parameter, operation.output);
    }
  }
}

/** The steps of a batch with the exchange of each bucket of gradients, and where they are accumulated that before it. */
function exchangeGradients(
  { views }: TrainingProgram,
  steps: readonly Step[],
  { parameters }: NetworkLayout,
  options: TrainingOptions,
  { profile }: Target,
): Step[] {
  const { bucketBytes = defaultBucketBytes(parameters.length) } = options;
  const buckets = gradientBuckets(parameters, steps, bucketBytes);
  const view = (state: string, bucket: Bucket): string => {
    const name = `${state} bucket ${buckets.indexOf(bucket)}`;
    views.set(name, { state, offset: bucket.offset, bytes: bucket.bytes });
    return name;
  };
  const complete = Map.groupBy(buckets, ({ last }) => last);
  return steps.flatMap((step, index): Step[] => {
    const leaving = complete.get(index) ?? [];
    const exchange = (name: string): Exchange => ({ name, kind: "gradients" });
    if (!accumulates(options)) {
      const added = leaving.map((bucket) => exchange(view(STATES.gradient, bucket)));
      return [{ ...step, exchanges: [...step.exchanges ?? [], ...added] }];
    }
    const added = leaving.map((bucket) => {
      const kernel = accumulateKernel({ length: bucket.bytes / 4, profile });
      const [gradient, sum] = [view(STATES.gradient, bucket), view(STATES.gradientSum, bucket)];
      return { kernel, bindings: { gradient, sum }, exchanges: [exchange(sum)] };
    });
    return [step, ...added];
  });
}

/** Adds what the ranks compare their parameters by. */
function addChecksum(builder: Pick<Builder, "program" | "target">, { parameters: { length } }: NetworkLayout): void {
  const { program, target: { profile } } = builder;
  program.states.set(STATES.checksum, 4);
  const kernels = [checksumPartialsKernel({ length, profile }), checksumKernel({ length, profile })];
  addSteps(builder, kernels, { parameter: STATES.parameter, checksum: STATES.checksum }, "checksum");
}

/** Adds the way from images and targets to the gradients of all parameters. */
function addNetwork(base: Omit<Builder, "shapeOf">, options: TrainingOptions): void {
  const { network, batch, size, dropout = 0, dropPath = 0 } = options;
  const { before, classifier, after } = cutAtClassifier(network);
  const shapes = inferShapes([...before, classifier, ...after], { name: network.input, shape: [batch, ...size, 3] });
  const builder: Builder = { ...base, shapeOf: (tensor) => shapes.get(tensor)! };
  addTensor(builder, network.input, shapes.get(network.input)!);
  if (dropPath > 0 || dropout > 0) addBytes(builder, SEEDS, batch * 4);

  /** Drops channels of what the classifier reads, or of its gradient: the same ones. */
  const drop = (input: string): string => {
    if (dropout === 0) return input;
    const shape = shapes.get(classifier.input)!;
    const output = addTensor(builder, `${input} dropped`, shape);
    const kernel = dropKernel({ shape, rate: dropout, layer: before.length, by: "channel", ...base.target });
    addStep(builder, kernel, { input, seeds: SEEDS, output });
    return output;
  };
  const known = new Set(before.map(({ output }) => output));
  const outputs = [classifier, ...after].flatMap(inputsOf).filter((tensor) => known.has(tensor));
  const features = addForward(builder, before, { outputs, wanted: (tensor) => tensor !== network.input });
  const head = { ...classifier, input: drop(classifier.input) };
  shapes.set(head.input, shapes.get(classifier.input)!);
  const logits = network.pooled.output;
  const last = addForward(builder, [head, ...after], { outputs: [logits], wanted: () => true });
  const gradients = last.backward([[logits, addLoss(builder, logits, options)]]);
  const ofOutputs = outputs.filter((tensor) => tensor !== classifier.input && gradients.has(tensor));
  features.backward([
    [classifier.input, drop(gradients.get(head.input)!)],
    ...ofOutputs.map((tensor) => [tensor, gradients.get(tensor)!] as const),
  ]);
}

/** The operations to the logits of an image, and among them the layer that gives the classes, which dropout stands before. */
function cutAtClassifier({ name, operations, pooled, classifier: { weight } }: Network) {
  const all = [...operations, ...pooled.operations];
  const place = all.findLastIndex((operation) =>
    (operation.type === "linear" || operation.type === "convolution") && operation.weight === weight
  );
  const classifier = all[place];
  if (classifier === undefined) {
    throw new TypeError(`Cannot train ${name}: no layer of its pooled head reads "${weight}"`);
  }
  return { before: all.slice(0, place), classifier, after: all.slice(place + 1) };
}

function accumulates({ accumulate = 1 }: TrainingOptions): boolean {
  return accumulate > 1;
}

function addStates(
  { states, views }: ReturnType<typeof emptyProgram>,
  { parameters, statistics }: NetworkLayout,
  options: TrainingOptions,
): void {
  const { optimizer, averageDecay } = options;
  const flat = [
    STATES.parameter,
    STATES.gradient,
    ...optimizerState(optimizer),
    ...(accumulates(options) ? [STATES.gradientSum] : []),
    ...(averageDecay === undefined ? [] : [STATES.average]),
  ];
  for (const name of flat) states.set(name, parameters.length * 4);
  for (const [name, view] of tensorViews(parameters, STATES.parameter)) views.set(name, view);
  for (const [name, view] of tensorViews(parameters, STATES.gradient, gradientName)) views.set(name, view);
  if (statistics) {
    states.set(STATES.statistics, statistics.length * 4);
    if (averageDecay !== undefined) states.set(STATES.averageStatistics, statistics.length * 4);
    for (const [name, view] of tensorViews(statistics, STATES.statistics)) views.set(name, view);
  }
  states.set(STATES.control, CONTROL_BYTES);
  states.set(STATES.history, LOSS_HISTORY * 4);
  states.set(STATES.turn, 4);
}

/** Parameters whose packed forms are made before each batch. */
type GatheredParameters = Extract<ParameterSource, { trained: true }> & {
  /** Adds the buffers and tables of the packed forms to the program, once all are asked for; returns the steps that fill them. */
  finish(): Step[];
};

/** Bytes of packed weights that are made together: their tables, which are larger, are in memory while they are uploaded. */
const GATHERED_BYTES = 2 ** 24;

/** A packed form that is not in memory. */
type FormMaker = () => PackedForm;

/** Packed forms that lie in one buffer. */
interface Gather {
  readonly state: string;
  readonly forms: FormMaker[];
  vectors: number;
  bytes: number;
}

function gatheredParameters(
  { constants, states, views }: TrainingProgram,
  { parameters }: NetworkLayout,
  target: Target,
): GatheredParameters {
  const wordBytes = target.profile === "gpu" && target.storage === "f16" ? 2 : 4;
  const segments = new Map(parameters.segments.map((segment) => [segment.name, segment]));
  const gathers: Gather[] = [];
  const blocks: Step[] = [];
  /** Adds a step that packs weights in blocks, where their form allows it. */
  const packInBlocks = (name: string, weight: string, places: Uint32Array, numbers: WeightNumbers): boolean => {
    const form = target.profile === "software" ? findBlockForm(places, numbers) : undefined;
    if (!form) return false;
    const [rowPlaces, columnPlaces] = [`${name} row places`, `${name} column places`];
    constants.set(rowPlaces, () => form.rowPlaces.slice());
    constants.set(columnPlaces, () => form.columnPlaces.slice());
    blocks.push({ kernel: packBlocksKernel(form), bindings: { weight, rowPlaces, columnPlaces, packed: name } });
    return true;
  };
  return {
    trained: true,
    pack({ name, weight, bias, places: makePlaces }) {
      // Tables are made again when they are uploaded: all of them at once would take as much memory as the network.
      const places = makePlaces();
      const bytes = Math.ceil(places.length * wordBytes / ALIGNMENT) * ALIGNMENT;
      if (gathers.length === 0 || gathers[gathers.length - 1].bytes + bytes > GATHERED_BYTES) {
        gathers.push({ state: `packed weights ${gathers.length}`, forms: [], vectors: 0, bytes: 0 });
      }
      const gather = gathers[gathers.length - 1];
      const first = gather.bytes / wordBytes / 4;
      const { first: origin, length: weights, shape: [outputs, inputs, ...kernel] } = segments.get(weight)!;
      const numbers = { outputs, inputs, taps: kernel.reduce((product, size) => product * size, 1) };
      const inBlocks = packInBlocks(name, weight, places, numbers);
      const gathered = (places: Uint32Array<ArrayBuffer>) => inBlocks ? withoutWeights(places, numbers) : places;
      const isWhole = inBlocks && bias === undefined;
      if (!isWhole) {
        gather.forms.push(() => ({
          places: gathered(makePlaces()),
          first,
          weights,
          origin: { weight: origin, ...(bias === undefined ? {} : { bias: segments.get(bias)!.first }) },
        }));
      }
      views.set(name, { state: gather.state, offset: gather.bytes, bytes: places.length * wordBytes });
      if (!isWhole) gather.vectors += filledVectors(gathered(places));
      gather.bytes += bytes;
      return name;
    },
    finish: () => [
      ...gathers.flatMap(({ state, forms, vectors, bytes }) => {
        const places = `${state} places`;
        states.set(state, bytes);
        if (vectors === 0) return [];
        const table = () => gatherTable(forms.values().map((make) => make()), vectors);
        constants.set(places, Object.assign(table, { bytes: gatherTableBytes(vectors) }));
        return [{
          kernel: gatherWeightsKernel({ vectors, ...target }),
          bindings: { places, master: STATES.parameter, packed: state },
        }];
      }),
      ...blocks,
    ],
  };
}

/** Adds the loss of the logits; returns the name of their gradient. */
function addLoss(builder: Builder, logits: string, options: TrainingOptions): string {
  const { program, target, shapeOf } = builder;
  const [rows, , , classes] = shapeOf(logits);
  const gradient = addTensor(builder, gradientName(logits), shapeOf(logits));
  program.tensors.set(TARGETS, rows * channelVectors(classes) * 16);
  program.tensors.set("losses", rows * 4);
  const { accumulate = 1, ranks, classReduction: reduction } = options;
  const gradientShare = 1 / (accumulate * (ranks?.size ?? 1));
  addStep(builder, lossKernel(options.loss, { rows, classes, reduction, gradientShare, ...target }), {
    logits,
    targets: TARGETS,
    control: STATES.control,
    losses: "losses",
    inputGradient: gradient,
  });
  addStep(builder, stepLossKernel({ rows, profile: target.profile }), {
    losses: "losses",
    turn: STATES.turn,
    history: STATES.history,
  });
  return gradient;
}

function lossKernel(
  loss: TrainingOptions["loss"],
  options: Parameters<typeof binaryCrossEntropyKernel>[0],
): Kernel {
  if (loss === "crossEntropy") return crossEntropyKernel(options);
  if (loss === "binaryCrossEntropy") return binaryCrossEntropyKernel(options);
  return asymmetricLossKernel({ ...options, ...loss });
}

function addUpdate(
  builder: Pick<Builder, "program" | "target">,
  { parameters, statistics }: NetworkLayout,
  options: TrainingOptions,
): void {
  const { program, target: { profile } } = builder;
  const { optimizer, lossScaling, maxNorm, averageDecay } = options;
  const settings = { layout: parameters, optimizer, profile };
  const tables = Object.entries(layoutTables(parameters));
  for (const [name, table] of tables) program.constants.set(name, () => table.slice());
  const bindings = {
    ...Object.fromEntries(["parameter", ...optimizerState(optimizer)].map((name) => [name, name])),
    ...Object.fromEntries(tables.map(([name]) => [name, name])),
    gradient: accumulates(options) ? STATES.gradientSum : STATES.gradient,
    control: STATES.control,
  };
  addSteps(builder, optimizerKernels({ ...settings, lossScaling, maxNorm }), bindings, "optimizer");
  if (averageDecay === undefined) return;
  const averages = [[parameters, STATES.parameter, STATES.average]] as [typeof parameters, string, string][];
  if (statistics) averages.push([statistics, STATES.statistics, STATES.averageStatistics]);
  for (const [{ length }, parameter, average] of averages) {
    addStep(builder, weightAverageKernel({ length, decay: averageDecay, profile }), { parameter, average });
  }
}
