/**
 * Every WGSL text there is, in two ways that must agree: the kernel functions of all operations, called with every number
 * that changes their text, and the plans of all networks.
 *
 * Sizes are parameters of a kernel and not part of its text, so each variant is made from one small shape. What the text
 * does depend on is a loop here.
 *
 * @module
 */

import type { Kernel, Profile, Storage } from "../../kernels/engine/kernel.ts";
import { ENABLE_SUBGROUPS, usesSubgroups } from "../../kernels/engine/subgroups.ts";
import { lowerAugmentation } from "../../kernels/programs/augmentation.ts";
import { type Operation, ruleOf } from "../../kernels/operations/mod.ts";
import { fuse } from "../../kernels/lowering/fuse.ts";
import { inferShapes, type Network, type Parameters } from "../../kernels/operations/network.ts";
import {
  ACTIVATION_FUNCTIONS,
  type ActivationFunction,
  activationName,
  activationRule,
} from "../../kernels/operations/activation/functions/mod.ts";
import { buildNetwork, initialParameters, listArchitectures } from "../../kernels/networks/mod.ts";
import { activationKernel } from "../../kernels/operations/activation/kernels.ts";
import { activationGradientKernel } from "../../kernels/operations/activation/gradient.ts";
import { addKernel, addResidualGradientKernel } from "../../kernels/operations/add/kernels.ts";
import {
  attentionBiasGradientKernel,
  attentionBiasPartialsKernel,
} from "../../kernels/operations/attention/bias_gradient.ts";
import {
  attentionKeyValueGradientKernels,
  attentionQueryGradientKernel,
  attentionStatisticsKernel,
} from "../../kernels/operations/attention/gradient.ts";
import { attentionKernel } from "../../kernels/operations/attention/mod.ts";
import { type AttentionShape, type Part, PARTS } from "../../kernels/operations/attention/shape.ts";
import { cropResizeKernel } from "../../kernels/operations/augmentation/crop_resize.ts";
import { normaliseKernel } from "../../kernels/operations/augmentation/finish.ts";
import { mixImagesKernel, mixTargetsKernel } from "../../kernels/operations/augmentation/mix_kernels.ts";
import type { AugmentationSettings } from "../../kernels/operations/augmentation/mod.ts";
import {
  imageOperationKernel,
  operationTablesKernel,
} from "../../kernels/operations/augmentation/operation_kernels.ts";
import {
  batchNormGradientSumsKernel,
  batchNormInputGradientKernel,
  batchNormParameterGradientKernel,
} from "../../kernels/operations/batch_norm/gradient.ts";
import {
  batchNormMomentsKernel,
  batchNormRankMomentsKernel,
  batchNormStatisticsKernel,
  batchNormTrainingKernel,
} from "../../kernels/operations/batch_norm/training.ts";
import {
  channelNormGradientSumsKernel,
  channelNormInputGradientKernel,
  channelNormParameterGradientKernel,
} from "../../kernels/operations/channel_norm/gradient.ts";
import { channelNormKernels } from "../../kernels/operations/channel_norm/kernels.ts";
import {
  convolutionBiasGradientKernels,
  convolutionFilterGradientKernels,
} from "../../kernels/operations/convolution/filter_gradient.ts";
import {
  blurPoolGradientKernel,
  blurPoolKernel,
  type BlurPoolOptions,
} from "../../kernels/operations/blur_pool/kernels.ts";
import {
  channelConvolutionFilterGradientKernels,
  channelConvolutionKernel,
} from "../../kernels/operations/channel_convolution/kernels.ts";
import { classSumsKernel } from "../../kernels/operations/class_sums/kernels.ts";
import { concatenateKernel } from "../../kernels/operations/concatenate/kernels.ts";
import { asymmetricLossKernel } from "../../kernels/operations/losses/asymmetric_loss.ts";
import { binaryCrossEntropyKernel } from "../../kernels/operations/losses/binary_cross_entropy.ts";
import { packBlocksKernel } from "../../kernels/operations/convolution/gather_blocks.ts";
import { gatherWeightsKernel } from "../../kernels/operations/convolution/gather_weights.ts";
import {
  addsToInputGradient,
  convolutionInputGradientKernels,
} from "../../kernels/operations/convolution/input_gradient.ts";
import {
  convolutionCandidates,
  convolutionKernels,
  fusesGate,
  fusesResidual,
  positionSumRuns,
  storesMoments,
} from "../../kernels/operations/convolution/mod.ts";
import { type ConvolutionShape, convolutionShape, type Epilogue } from "../../kernels/operations/convolution/shape.ts";
import { crossEntropyKernel } from "../../kernels/operations/losses/cross_entropy.ts";
import { dropKernel } from "../../kernels/operations/drop/kernels.ts";
import {
  globalAveragePoolGradientKernel,
  globalAveragePoolKernel,
} from "../../kernels/operations/global_average_pool/kernels.ts";
import {
  globalResponseNormInputGradientKernel,
  globalResponseNormParameterGradientKernel,
  globalResponseNormSumsKernel,
  responseSlopesKernel,
} from "../../kernels/operations/global_response_norm/gradient.ts";
import {
  globalResponseNormKernel,
  responseInversesKernel,
  responseLengthsKernel,
} from "../../kernels/operations/global_response_norm/kernels.ts";
import {
  groupNormInputGradientKernel,
  groupNormParameterGradientKernel,
  groupNormShiftsKernel,
  groupNormSumsKernel,
} from "../../kernels/operations/group_norm/gradient.ts";
import {
  groupNormKernel,
  groupNormMomentsKernel,
  groupNormStatisticsKernel,
  spreadGroupsKernel,
} from "../../kernels/operations/group_norm/kernels.ts";
import {
  cellWeightsKernel,
  oneHotKernel,
  poolCellsKernel,
  thresholdKernel,
} from "../../kernels/operations/label_pooling/kernels.ts";
import { gradientSignKernel, normalisedSignStep } from "../../kernels/operations/gradient_sign/kernels.ts";
import { givenTargetKernel } from "../../kernels/operations/losses/given_target.ts";
import { labelTargetKernel } from "../../kernels/operations/losses/label_target.ts";
import {
  addMapKernel,
  coarserMapKernel,
  independentProbabilitiesKernel,
  logitsKernel,
  mirrorImagesKernel,
} from "../../kernels/operations/map_average/kernels.ts";
import { multiplyGateGradientKernel, multiplyKernel } from "../../kernels/operations/multiply/kernels.ts";
import {
  channelsLast,
  imageSumsKernel,
  type ParameterStrides,
} from "../../kernels/operations/shared/flat_parameter.ts";
import { joinKernels, mostJoined } from "../../kernels/operations/shared/join_kernels.ts";
import { poolKernel, type PoolOptions } from "../../kernels/operations/pool/kernels.ts";
import {
  outlookAttentionKernel,
  outlookLogitsGradientKernel,
  outlookWeightsKernel,
} from "../../kernels/operations/outlook_attention/kernels.ts";
import { parameterTensorKernel } from "../../kernels/operations/parameter_tensor/kernels.ts";
import { positionEmbeddingKernel } from "../../kernels/operations/position_embedding/kernels.ts";
import { prefixTokensKernel } from "../../kernels/operations/prefix_tokens/kernels.ts";
import { poolGradientKernel } from "../../kernels/operations/pool/gradient.ts";
import { packClassesKernel, packScoresKernel } from "../../kernels/operations/quantise/kernels.ts";
import {
  resizeBytesVerticallyKernel,
  resizeHorizontalKernel,
  resizeRowsHorizontallyKernel,
  resizeVerticalKernel,
} from "../../kernels/operations/resize/kernels.ts";
import { resizeTables } from "../../kernels/operations/resize/mod.ts";
import {
  scaleChannelGradientKernel,
  scaleGradientsKernel,
  scaleParameterGradientKernel,
} from "../../kernels/operations/scale/gradient.ts";
import { scaleKernel, spreadScaleKernel } from "../../kernels/operations/scale/kernels.ts";
import { stepLossKernel } from "../../kernels/operations/losses/row_loss.ts";
import { rotaryKernel } from "../../kernels/operations/rotary/kernels.ts";
import { softmaxKernel } from "../../kernels/operations/softmax/kernels.ts";
import type { Shape, Target } from "../../kernels/operations/shared/tensor.ts";
import { zerosKernel } from "../../kernels/operations/shared/zeros.ts";
import { topKKernel } from "../../kernels/operations/top_k/kernels.ts";
import { accumulateKernel } from "../../kernels/optimizers/accumulate.ts";
import { type AdamP, adamPKernel, adamPProjectionKernel, adamPRowsKernel } from "../../kernels/optimizers/adamp.ts";
import { adamWKernel } from "../../kernels/optimizers/adamw.ts";
import { checksumKernel, checksumPartialsKernel } from "../../kernels/optimizers/checksum.ts";
import { gradientNormKernel } from "../../kernels/optimizers/gradient_norm.ts";
import { layOutParameters, type ParameterLayout } from "../../kernels/optimizers/layout.ts";
import type { Optimizer } from "../../kernels/optimizers/mod.ts";
import { NO_LOSS_SCALING, prepareStepKernel } from "../../kernels/optimizers/prepare_step.ts";
import { sgdKernel } from "../../kernels/optimizers/sgd.ts";
import { weightAverageKernel } from "../../kernels/optimizers/weight_average.ts";
import type { Program } from "../../kernels/engine/program.ts";
import { type Builder, emptyProgram } from "../../kernels/operations/shared/builder.ts";
import { addForward } from "../../kernels/lowering/differentiate.ts";
import { lowerImageGradient } from "../../kernels/programs/training/image_gradient.ts";
import { lowerTraining } from "../../kernels/programs/training/lower.ts";
import { lowerTargets, type TargetSource } from "../../kernels/programs/training/targets.ts";
import { labelMapTypes } from "../../formats/base/label_map.ts";

const PROFILES: readonly Profile[] = ["software", "gpu"];
const STORAGES: readonly Storage[] = ["f32", "f16"];
/** Lanes of a subgroup; other numbers make longer or shorter texts of the same kind. */
const LANES = 8;
/** Software adapters with and without subgroups, and GPUs. */
const TARGETS: readonly Target[] = STORAGES.flatMap((storage): Target[] => [
  { profile: "software", storage },
  { profile: "software", storage, subgroupLanes: LANES },
  { profile: "gpu", storage },
]);
const LANE_TARGETS = TARGETS.filter(({ subgroupLanes }) => subgroupLanes !== undefined);
/** Subgroups of other sizes. */
const OTHER_LANE_TARGETS: readonly Target[] = ([4, 16] as const).map((subgroupLanes) => ({
  profile: "software",
  storage: "f32",
  subgroupLanes,
}));
const NORM_ACTIVATIONS = [
  undefined,
  ...ACTIVATION_FUNCTIONS.filter((activation) => activationRule(activation).keepsZero),
];
const SHAPE: Shape = [1, 8, 8, 7];

/** Every epilogue, with or without a residual. */
const EPILOGUES: readonly Epilogue[] = [undefined, ...ACTIVATION_FUNCTIONS].flatMap((activation) => [
  { activation },
  { activation, residualChannels: 4 },
]);

interface Layer {
  readonly input: Shape;
  readonly outputChannels: number;
  readonly kernel: number;
  readonly stride: number;
  readonly groups: number;
}

function layerShape({ input, outputChannels, kernel, stride, groups }: Layer): ConvolutionShape {
  return convolutionShape(input, {
    outputChannels,
    kernel: [kernel, kernel],
    stride: [stride, stride],
    padding: "same",
    groups,
  });
}

/**
 * Convolutions of every kind, of few positions in one image and in several, with 3 taps a row on rows that strips of either
 * length fill or do not; the last have weights that exceed a window, so that all parts of a sum occur.
 */
const LAYERS: readonly Layer[] = [
  { input: [1, 8, 8, 8], outputChannels: 8, kernel: 1, stride: 1, groups: 1 },
  ...[1, 9].flatMap((images) => [
    { input: [images, 1, 1, 8] as const, outputChannels: 8, kernel: 1, stride: 1, groups: 1 },
    { input: [images, 2, 2, 8] as const, outputChannels: 8, kernel: 3, stride: 1, groups: 1 },
  ]),
  ...[7, 8, 9].map((width) => ({
    input: [1, 8, width, 8] as const,
    outputChannels: 8,
    kernel: 3,
    stride: 1,
    groups: 1,
  })),
  ...[1, 3, 5, 7].flatMap((kernel) =>
    [1, 2].flatMap((stride) => [
      { input: [1, 8, 8, 8] as const, outputChannels: 8, kernel, stride, groups: 8 },
      { input: [1, 8, 8, 8] as const, outputChannels: 8, kernel, stride, groups: 2 },
    ])
  ),
  // Even depthwise kernels, and such as are too large to be unrolled, with 5 to 8 taps a chunk.
  ...[2, 9, 11, 13, 15].flatMap((kernel) =>
    [1, 2].map((stride) => ({ input: [1, 8, 8, 8] as const, outputChannels: 8, kernel, stride, groups: 8 }))
  ),
  ...[[1, 8], [1, 1], [9, 1]].flatMap(([images, size]) => [
    { input: [images, size, size, 3000] as const, outputChannels: 8, kernel: 1, stride: 1, groups: 1 },
    { input: [images, size, size, 400] as const, outputChannels: 8, kernel: 3, stride: 1, groups: 1 },
  ]),
];

/** Dense convolutions in tiles of every kind: of 1 x 1 and more, in one slice and in several. */
const TILED_LAYERS: readonly Layer[] = [1, 3].flatMap((kernel) => [
  { input: [1, 64, 64, 8], outputChannels: 256, kernel, stride: 1, groups: 1 },
  { input: [1, 8, 8, 3000], outputChannels: 8, kernel, stride: 1, groups: 1 },
]);

/** What the phases of an input gradient with stride have in place of an activation. */
const SPREADS: readonly Epilogue[] = [undefined, 4].map((residualChannels) => ({
  residualChannels,
  spread: { first: [0, 0], step: [2, 2], size: [128, 128] },
}));

/** Convolutions on subgroups with tiles of either size, sums of every kind, and one or several positions an invocation. */
const LANE_LAYERS: readonly Layer[] = [
  ...LAYERS.filter(({ input, groups }) => groups !== input[3]),
  ...[[1, 8], [1, 2], [9, 2]].map(([images, size]) => ({
    input: [images, size, size, 1100] as const,
    outputChannels: 8,
    kernel: 3,
    stride: 1,
    groups: 1,
  })),
].flatMap((layer) => [layer, ...(layer.groups === 1 ? [{ ...layer, outputChannels: 32 }] : [])]);

/** Convolutions of stride 2 whose gradients have tiles of 32 channels of the input and sums of every kind. */
const LANE_SPREAD_LAYERS: readonly Layer[] = [1, 3].flatMap((kernel) =>
  [2, 8].flatMap((size) =>
    [8, 400, 1100].map((outputChannels) => ({
      input: [1, size, size, 32] as const,
      outputChannels,
      kernel,
      stride: 2,
      groups: 1,
    }))
  )
);

/** Convolutions whose filter gradients have tiles of every size. */
const GRADIENT_LAYERS: readonly Layer[] = [1, 2, 3, 5, 7, 9].flatMap((kernel) =>
  [1, 2].flatMap((stride) => [
    ...[4, 8, 12, 16].flatMap((inputs) =>
      [4, 8, 12, 16].map((outputChannels) => ({
        input: [1, 8, 8, inputs] as const,
        outputChannels,
        kernel,
        stride,
        groups: 1,
      }))
    ),
    ...[2, 8].map((groups) => ({ input: [1, 8, 8, 8] as const, outputChannels: 8, kernel, stride, groups })),
    // Long tiles of one tap, where there are few output channels.
    ...(kernel > 1 ? [] : [20, 24, 28, 32, 36, 40, 44, 48].flatMap((inputs) =>
      [4, 8].map((outputChannels) => ({
        input: [1, 8, 8, inputs] as const,
        outputChannels,
        kernel,
        stride,
        groups: 1,
      }))
    )),
    // Channels enough for the lanes of subgroups, with one run of positions and with several, the last of odd length.
    ...[[4, 32], [8, 32], [8, 31]].map(([size, channels]) => ({
      input: [1, size, size, channels] as const,
      outputChannels: channels,
      kernel,
      stride: 1,
      groups: 1,
    })),
    // Groups of several vectors, as wide as those of ResNeXt.
    ...(kernel !== 3 ? [] : [16, 24, 32].map((channels) => ({
      input: [1, 8, 8, channels] as const,
      outputChannels: channels,
      kernel,
      stride,
      groups: 2,
    }))),
  ])
);

/** Patches, as large as their stride or larger: their kernels with stride, of images that become 4 x 4. */
const PATCH_LAYERS: readonly Layer[] = [[4, 4], [14, 14], [16, 16], [7, 4]].flatMap((
  [kernel, stride],
) =>
  [3, 8].flatMap((channels) =>
    [1, channels].map((groups) => ({
      input: [1, 4 * stride + kernel - 1, 4 * stride + kernel - 1, channels] as const,
      outputChannels: channels === 3 ? 12 : 16,
      kernel,
      stride,
      groups,
    }))
  )
);

/** Convolutions whose input gradients are of every kind: one or several phases, their weights in one window or several. */
const INPUT_GRADIENT_LAYERS: readonly Layer[] = [
  ...LAYERS,
  ...[8, 2].flatMap((size) =>
    [1, 2].flatMap((stride) =>
      [[1, 8], [1, 3000], [3, 8], [3, 400]].map(([kernel, outputChannels]) => ({
        input: [1, size, size, 8] as const,
        outputChannels,
        kernel,
        stride,
        groups: 1,
      }))
    )
  ),
  // Phases of 3 taps a row, on rows that strips of either length fill and do not fill.
  ...[14, 16, 18].map((size) => ({
    input: [1, size, size, 8] as const,
    outputChannels: 8,
    kernel: 5,
    stride: 2,
    groups: 1,
  })),
];

/** Convolutions of stride 2 whose input gradients have two or four phases, with sums in one slice and in several. */
const PHASED_LAYERS: readonly Layer[] = [1, 16].flatMap((height) =>
  [8, 3000].map((outputChannels) => ({
    input: [1, height, 16, 8] as const,
    outputChannels,
    kernel: 3,
    stride: 2,
    groups: 1,
  }))
);

/** Weight and bias of which there is at least one. */
const NORM_PARAMETERS = [{ weight: true, bias: true }, { weight: true, bias: false }, { weight: false, bias: true }];

/** Norms over channels of every kind: few and many channels, a multiple of 4 and others. */
const CHANNEL_NORMS = (["layer", "rms", "l2"] as const).flatMap((method) =>
  [7, 8, 127, 128].flatMap((channels) =>
    [...NORM_PARAMETERS, { weight: false, bias: false }].map((parts) => ({
      shape: [1, 8, 8, channels] as const,
      method,
      epsilon: 1e-6,
      ...parts,
    }))
  )
);

/** Tensors with few and many numbers for each image or group, on which a GPU has few and many invocations at work. */
const IMAGE_NORMS: readonly { shape: Shape; groups: number; epsilon: number }[] = [8, 256].map((channels) => ({
  shape: [1, 8, 8, channels],
  groups: 1,
  epsilon: 1e-6,
}));

/** Factors and summands of each channel, of heads, and of all channels, factors also as logarithms. */
const SCALES = NORM_PARAMETERS.flatMap((parts) =>
  [undefined, { most: 4 }].flatMap((exponential) =>
    [1, 2].flatMap((elements) => [8, 256].map((channels) => ({ channels, elements, exponential, ...parts })))
  )
);

const BLURS: readonly BlurPoolOptions[] = (["reflect", "zeros"] as const).map((padding) => ({
  stride: [2, 2],
  padding,
}));

const OUTLOOK = { shape: [1, 8, 8, 8], attention: { heads: 2, stride: [2, 2], scale: 0.5 } } as const;

const POOLS: readonly PoolOptions[] = [
  { mode: "max", kernel: [3, 3], stride: [2, 2], padding: [1, 1] },
  { mode: "max", kernel: [2, 2], stride: [1, 1], padding: "same", zeroPadding: true },
  { mode: "average", kernel: [2, 2], stride: [2, 2], padding: [0, 0] },
  { mode: "average", kernel: [2, 2], stride: [2, 2], padding: [0, 0], countPadding: false },
];

/** Operations on `x` that only move what they read. */
const MOVES: readonly (readonly Operation[])[] = [
  [{ type: "takePositions", input: "x", output: "y", first: 3, count: 12, grid: [3, 4] }],
  [{ type: "putPositions", input: "x", output: "y", first: 1, count: 70 }],
  [{ type: "reversePositions", input: "x", output: "y" }],
  ...[0, 1].map((first) => [{ type: "takeChannels", input: "x", output: "y", first, count: 6 } as const]),
  ...(["rowFirst", "columnFirst"] as const).map((
    order,
  ) => [{ type: "spaceToDepth", input: "x", output: "y", block: 2, order } as const]),
  ...(["block", "grid"] as const).map((spacing) => {
    const windows = { type: "windows", window: [3, 4], shift: [1, 0], spacing } as const;
    return [
      { ...windows, input: "x", output: "split", direction: "split" } as const,
      { ...windows, input: "split", output: "y", direction: "join", like: "x" } as const,
    ];
  }),
];

/** Flat parameters that are read by vectors and by numbers. */
const FLAT: readonly { shape: Shape; strides: ParameterStrides }[] = [7, 8].map((channels) => ({
  shape: [1, 8, 8, channels],
  strides: channelsLast(channels),
}));

/** Which tensors hold query, key and value. */
const PART_TENSORS: readonly Readonly<Record<Part, string>>[] = ["aaa", "abb", "abc", "aba", "aab"].map((tensors) => {
  const [query, key, value] = tensors;
  return { query, key, value };
});

/** The sizes of heads that networks have. */
const HEADS = [16, 24, 32, 48, 64, 72, 80, 88, 96, 104];

/** Attention of heads of every size with all that is added to scores, and from tensors of every kind. */
const ATTENTIONS: readonly AttentionShape[] = PART_TENSORS.flatMap((tensors, kind) =>
  HEADS.flatMap((headChannels) =>
    ([undefined, 0, 1] as const).flatMap((prefix) => [false, true].map((masked) => ({ headChannels, prefix, masked })))
  )
    .filter(({ headChannels, prefix, masked }) =>
      kind === 0 || headChannels === 16 || prefix === undefined && !masked || kind === 2 && headChannels <= 64
    )
    .map(({ headChannels, prefix, masked }) => ({
      batch: 2,
      queries: 9,
      keys: 9,
      heads: 2,
      headChannels,
      headStride: headChannels,
      scale: 0.25,
      parts: partsOf((part) => ({ tensor: tensors[part], offset: 0, channels: 6 * headChannels })),
      ...(prefix === undefined ? {} : { bias: { grid: [3, 3] as const, prefix } }),
      ...(masked ? { mask: { grid: [3, 6] as const, window: [3, 3] as const, shift: [0, 1] as const } } : {}),
    }))
);

/** Queries, or keys, whose gradients have one and two rows in a lane, and such as go without subgroups. */
const GRADIENT_ROWS = [LANES, 2 * LANES, 9];

function partsOf<T>(make: (part: Part) => T): Record<Part, T> {
  const [query, key, value] = PARTS.map(make);
  return { query, key, value };
}

const TABLES = resizeTables(9, 7, { size: [4, 5], filter: "bicubic" });

/** Augmentation with every combination of what its last step does. */
const AUGMENTATIONS: readonly AugmentationSettings[] = [0, 0.1].flatMap((lighting) =>
  ([undefined, "zero", "random"] as const).map((value) => ({
    size: [19, 23],
    interpolation: "bicubic",
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
    colourJitter: { contrast: 0.4 },
    lighting,
    erasing: value && { probability: 1, scale: [0.1, 0.3], ratio: [0.5, 2], value },
  }))
);

const LENGTH = 128;
const LAYOUT: ParameterLayout = layOutParameters([{ name: "weight", shape: [3, 5, 3, 3], weightDecay: 0.1 }]);
const ADAM = { betas: [0.9, 0.999], epsilon: 1e-8 } as const;

/** AdamP with and without Nesterov's rule, in both profiles. */
const ADAMP: readonly { layout: ParameterLayout; optimizer: AdamP; profile: Profile }[] = PROFILES.flatMap((profile) =>
  [false, true].map((nesterov) => ({
    layout: LAYOUT,
    optimizer: { type: "adamp", ...ADAM, delta: 0.1, decayRatio: 0.1, nesterov },
    profile,
  }))
);

/** Kernels of each text that may be several in a dispatch. */
function* joinableKernels(): Generator<Kernel> {
  const grouped = { input: [1, 8, 8, 8] as const, outputChannels: 8, kernel: 3, stride: 1, groups: 2 };
  for (const storage of STORAGES) {
    const target: Target = { profile: "gpu", storage };
    yield gatherWeightsKernel({ vectors: 16, ...target });
    for (const layer of [LAYERS[0], grouped]) yield* convolutionFilterGradientKernels(layerShape(layer), target);
    yield* convolutionBiasGradientKernels(layerShape(LAYERS[0]), target);
  }
  for (const parts of NORM_PARAMETERS) {
    yield channelNormParameterGradientKernel({ shape: SHAPE, ...parts, profile: "gpu" });
  }
  yield batchNormParameterGradientKernel({ shape: SHAPE, profile: "gpu" });
  for (const scale of SCALES) yield scaleParameterGradientKernel({ ...scale, profile: "gpu" });
}

/** The joinable ones, each text once. */
function distinctJoinable(): Kernel[] {
  const joinable = [...joinableKernels()].filter(({ joinable }) => joinable !== undefined);
  return [...new Map(joinable.map((kernel) => [kernel.code, kernel])).values()];
}

/** The kernels of each exported kernel function, by its name. */
export const OPERATION_KERNELS: Readonly<Record<string, () => Kernel[]>> = {
  accumulateKernel: () => PROFILES.map((profile) => accumulateKernel({ length: LENGTH, profile })),
  activationGradientKernel: () =>
    TARGETS.flatMap((target) =>
      ACTIVATION_FUNCTIONS.map((activation) => activationGradientKernel({ activation, shape: SHAPE, ...target }))
    ),
  activationKernel: () =>
    TARGETS.flatMap((target) =>
      ACTIVATION_FUNCTIONS.map((activation) => activationKernel({ activation, shape: SHAPE, ...target }))
    ),
  adamPKernel: () => ADAMP.map(adamPKernel),
  adamPProjectionKernel: () => ADAMP.map(adamPProjectionKernel),
  adamPRowsKernel: () => ADAMP.map(adamPRowsKernel),
  adamWKernel: () =>
    PROFILES.map((profile) => adamWKernel({ length: LENGTH, optimizer: { type: "adamw", ...ADAM }, profile })),
  addKernel: () =>
    TARGETS.flatMap((target) =>
      [7, 3].map((channels) => addKernel({ input: SHAPE, residual: [1, 8, 8, channels], ...target }))
    ),
  addMapKernel: () =>
    TARGETS.flatMap((target) =>
      ([[8, 8], [4, 4]] as const).flatMap((grid) =>
        ([1, 2] as const).flatMap((pictures) =>
          [true, false].map((isFirst) => addMapKernel({ total: SHAPE, grid, pictures, weight: 1, isFirst, ...target }))
        )
      )
    ),
  addResidualGradientKernel: () =>
    TARGETS.map((target) => addResidualGradientKernel({ input: SHAPE, residual: [1, 8, 8, 3], ...target })),
  asymmetricLossKernel: () =>
    TARGETS.map((target) =>
      asymmetricLossKernel({ rows: 9, classes: 11, gammaNegative: 4, gammaPositive: 1, margin: 0.05, ...target })
    ),
  attentionBiasGradientKernel: () =>
    TARGETS.flatMap((target) =>
      ATTENTIONS.filter(({ bias }) => bias).map((shape) => attentionBiasGradientKernel(shape, target))
    ),
  attentionBiasPartialsKernel: () =>
    TARGETS.flatMap((target) =>
      ATTENTIONS.filter(({ bias }) => bias).map((shape) => attentionBiasPartialsKernel(shape, target))
    ),
  attentionKernel: () =>
    TARGETS.flatMap((target) =>
      ATTENTIONS.flatMap((shape) =>
        // For each number of queries that an invocation of the software profile may have, with subgroups and without.
        [1, 2, 100, ...[1, 2, 3, 4, 5, 6, 7, 8].map((each) => each * LANES)]
          .map((queries) => attentionKernel({ ...shape, queries }, target))
      )
    ),
  attentionKeyValueGradientKernels: () =>
    TARGETS.flatMap((target) =>
      ATTENTIONS.flatMap((shape) =>
        GRADIENT_ROWS.flatMap((keys) =>
          [false, true].flatMap((together) =>
            attentionKeyValueGradientKernels({ ...shape, keys }, { together, ...target })
          )
        )
      )
    ),
  attentionQueryGradientKernel: () =>
    TARGETS.flatMap((target) =>
      ATTENTIONS.flatMap((shape) =>
        GRADIENT_ROWS.map((queries) => attentionQueryGradientKernel({ ...shape, queries }, target))
      )
    ),
  attentionStatisticsKernel: () =>
    TARGETS.flatMap((target) => ATTENTIONS.map((shape) => attentionStatisticsKernel(shape, target))),
  batchNormGradientSumsKernel: () =>
    TARGETS.flatMap((target) =>
      NORM_ACTIVATIONS.flatMap((activation) =>
        (activation ? [false, true] : [false]).map((residual) =>
          batchNormGradientSumsKernel({ shape: SHAPE, residual, activation, ...target })
        )
      )
    ),
  batchNormInputGradientKernel: () =>
    TARGETS.flatMap((target) =>
      NORM_ACTIVATIONS.map((activation) => batchNormInputGradientKernel({ shape: SHAPE, activation, ...target }))
    ),
  batchNormMomentsKernel: () => TARGETS.map((target) => batchNormMomentsKernel({ shape: SHAPE, ...target })),
  batchNormParameterGradientKernel: () =>
    PROFILES.map((profile) => batchNormParameterGradientKernel({ shape: SHAPE, profile })),
  batchNormRankMomentsKernel: () => [
    ...PROFILES.map((profile) => batchNormRankMomentsKernel({ shape: SHAPE, rank: 1, ranks: 3, profile })),
    batchNormRankMomentsKernel({ shape: SHAPE, rank: 1, ranks: 3, runs: true, profile: "gpu" }),
  ],
  batchNormStatisticsKernel: () => [
    ...PROFILES.map((profile) => batchNormStatisticsKernel({ shape: SHAPE, epsilon: 1e-5, momentum: 0.1, profile })),
    batchNormStatisticsKernel({ shape: SHAPE, epsilon: 1e-5, momentum: 0.1, runs: true, profile: "gpu" }),
  ],
  batchNormTrainingKernel: () =>
    TARGETS.flatMap((target) =>
      NORM_ACTIVATIONS.flatMap((activation) =>
        [false, true].map((residual) => batchNormTrainingKernel({ shape: SHAPE, residual, activation, ...target }))
      )
    ),
  binaryCrossEntropyKernel: () =>
    TARGETS.map((target) => binaryCrossEntropyKernel({ rows: 9, classes: 11, ...target })),
  blurPoolGradientKernel: () =>
    TARGETS.flatMap((target) => BLURS.map((pool) => blurPoolGradientKernel({ shape: SHAPE, pool, ...target }))),
  blurPoolKernel: () =>
    TARGETS.flatMap((target) => BLURS.map((pool) => blurPoolKernel({ shape: SHAPE, pool, ...target }))),
  cellWeightsKernel: () =>
    PROFILES.flatMap((profile) =>
      (["bilinear", "nearest"] as const).flatMap((interpolation) =>
        [0, 2].map((frames) =>
          cellWeightsKernel({ crops: 3, frames, grid: [7, 5], outputSize: [1, 1], interpolation, profile })
        )
      )
    ),
  channelConvolutionFilterGradientKernels: () =>
    TARGETS.flatMap((target) => channelConvolutionFilterGradientKernels({ shape: SHAPE, kernel: 3, ...target })),
  channelConvolutionKernel: () =>
    TARGETS.flatMap((target) =>
      (["forward", "backward"] as const).map((direction) =>
        channelConvolutionKernel({ shape: SHAPE, kernel: 3, direction, ...target })
      )
    ),
  channelNormGradientSumsKernel: () =>
    TARGETS.flatMap((target) => CHANNEL_NORMS.map((norm) => channelNormGradientSumsKernel({ ...norm, ...target }))),
  channelNormInputGradientKernel: () =>
    TARGETS.flatMap((target) =>
      CHANNEL_NORMS.flatMap((norm) =>
        [false, true].map((trained) => channelNormInputGradientKernel({ ...norm, trained, ...target }))
      )
    ),
  channelNormKernels: () =>
    TARGETS.flatMap((target) => CHANNEL_NORMS.flatMap((norm) => channelNormKernels({ ...norm, ...target }))),
  channelNormParameterGradientKernel: () =>
    PROFILES.flatMap((profile) =>
      NORM_PARAMETERS.map((parts) => channelNormParameterGradientKernel({ shape: SHAPE, ...parts, profile }))
    ),
  checksumKernel: () => PROFILES.map((profile) => checksumKernel({ length: LENGTH, profile })),
  checksumPartialsKernel: () => PROFILES.map((profile) => checksumPartialsKernel({ length: LENGTH, profile })),
  classSumsKernel: () => TARGETS.map((target) => classSumsKernel({ shape: SHAPE, groups: 5, ...target })),
  coarserMapKernel: () => PROFILES.map((profile) => coarserMapKernel({ shape: SHAPE, grid: [4, 4], profile })),
  concatenateKernel: () =>
    TARGETS.flatMap((target) =>
      [0, 3].map((first) => concatenateKernel({ input: [1, 8, 8, 8], output: [1, 8, 8, 16], first, ...target }))
    ),
  convolutionBiasGradientKernels: () =>
    LAYERS.flatMap((layer) => TARGETS.flatMap((target) => convolutionBiasGradientKernels(layerShape(layer), target))),
  convolutionFilterGradientKernels: () =>
    [...GRADIENT_LAYERS, ...PATCH_LAYERS].flatMap((layer) =>
      TARGETS.flatMap((target) => convolutionFilterGradientKernels(layerShape(layer), target))
    ),
  convolutionInputGradientKernels: () => {
    const kernelsOf = (layer: Layer, target: Target) => {
      const shape = layerShape(layer);
      return [false, ...addsToInputGradient(shape, target) ? [true] : []].flatMap((residual) =>
        convolutionInputGradientKernels(shape, target, { residual })
      );
    };
    /** Phases in one dispatch, two or four, in all tiles. */
    const tiles = PHASED_LAYERS.flatMap((layer) =>
      STORAGES.flatMap((storage) =>
        convolutionInputGradientKernels(layerShape(layer), { profile: "gpu", storage })
          .flatMap((kernel) => [kernel, ...kernel.alternatives?.() ?? []])
      )
    );
    const onLanes = INPUT_GRADIENT_LAYERS.filter(({ input, groups }) => groups !== input[3]);
    return [
      ...tiles,
      ...INPUT_GRADIENT_LAYERS.flatMap((layer) => TARGETS.flatMap((target) => kernelsOf(layer, target))),
      ...[...onLanes, ...LANE_SPREAD_LAYERS, ...LANE_LAYERS].flatMap((layer) =>
        [...LANE_TARGETS, ...OTHER_LANE_TARGETS].flatMap((target) => kernelsOf(layer, target))
      ),
    ];
  },
  convolutionKernels: () => [
    ...[...LAYERS, ...TILED_LAYERS].flatMap((layer) => {
      const shape = layerShape(layer);
      const tiled = TILED_LAYERS.includes(layer);
      return TARGETS.flatMap((target) => {
        const followed = [...EPILOGUES, ...tiled ? SPREADS : []].filter(({ residualChannels }) =>
          residualChannels === undefined || fusesResidual(shape, target)
        );
        const epilogues: Epilogue[] = [
          ...followed,
          ...(fusesGate(shape, target) ? followed.map((epilogue) => ({ ...epilogue, gated: true })) : []),
          ...(positionSumRuns(shape, target) ? followed.map((epilogue) => ({ ...epilogue, positionSums: true })) : []),
          ...(storesMoments(shape, target) ? [{ moments: true }] : []),
        ];
        return epilogues.flatMap((epilogue) =>
          tiled
            ? convolutionCandidates(shape, epilogue, target).flatMap(({ kernels }) => kernels)
            : convolutionKernels(shape, epilogue, target)
        );
      });
    }),
    ...LANE_LAYERS.flatMap((layer) => {
      const shape = layerShape(layer);
      const kernelsOf = (target: Target, epilogue: Epilogue) =>
        convolutionCandidates(shape, epilogue, target).flatMap(({ kernels }) => kernels);
      const plain = EPILOGUES.filter(({ activation }) => activation === undefined);
      return [
        ...LANE_TARGETS.flatMap((target) => EPILOGUES.flatMap((epilogue) => kernelsOf(target, epilogue))),
        ...OTHER_LANE_TARGETS.flatMap((target) => plain.flatMap((epilogue) => kernelsOf(target, epilogue))),
      ];
    }),
  ],
  cropResizeKernel: () =>
    STORAGES.flatMap((storage) =>
      AUGMENTATIONS.flatMap((settings) =>
        [false, true].map((normalised) => cropResizeKernel({ batch: 3, settings, normalised, storage }))
      )
    ),
  crossEntropyKernel: () => TARGETS.map((target) => crossEntropyKernel({ rows: 9, classes: 11, ...target })),
  dropKernel: () =>
    TARGETS.flatMap((target) =>
      (["image", "channel"] as const).map((by) => dropKernel({ shape: SHAPE, rate: 0.5, layer: 1, by, ...target }))
    ),
  gatherWeightsKernel: () => TARGETS.map((target) => gatherWeightsKernel({ vectors: 16, ...target })),
  givenTargetKernel: () => PROFILES.map((profile) => givenTargetKernel({ rows: 9, classes: 11, share: 0.5, profile })),
  globalAveragePoolGradientKernel: () =>
    TARGETS.map((target) => globalAveragePoolGradientKernel({ shape: SHAPE, ...target })),
  globalAveragePoolKernel: () =>
    TARGETS.flatMap((target) =>
      [undefined, 3].map((runs) => globalAveragePoolKernel({ shape: SHAPE, runs, ...target }))
    ),
  globalResponseNormInputGradientKernel: () =>
    TARGETS.map((target) => globalResponseNormInputGradientKernel({ shape: SHAPE, ...target })),
  globalResponseNormKernel: () => TARGETS.map((target) => globalResponseNormKernel({ shape: SHAPE, ...target })),
  globalResponseNormParameterGradientKernel: () =>
    PROFILES.map((profile) => globalResponseNormParameterGradientKernel({ shape: SHAPE, profile })),
  globalResponseNormSumsKernel: () =>
    TARGETS.flatMap((target) =>
      (["gradients", "products"] as const).map((of) => globalResponseNormSumsKernel({ shape: SHAPE, of, ...target }))
    ),
  gradientNormKernel: () => PROFILES.map((profile) => gradientNormKernel({ length: LENGTH, profile })),
  gradientSignKernel: () => {
    const step = normalisedSignStep({ epsilon: 8 / 255, mean: [0.5, 0.4, 0.3], std: [0.2, 0.25, 0.3] });
    return TARGETS.map((target) => gradientSignKernel({ shape: [2, 7, 5, 3], ...step, ...target }));
  },
  groupNormInputGradientKernel: () =>
    TARGETS.map((target) => groupNormInputGradientKernel({ shape: SHAPE, ...target })),
  groupNormKernel: () =>
    TARGETS.flatMap((target) => [true, false].map((bias) => groupNormKernel({ shape: SHAPE, bias, ...target }))),
  groupNormMomentsKernel: () =>
    TARGETS.flatMap((target) =>
      (["means", "squares"] as const).map((of) => groupNormMomentsKernel({ shape: SHAPE, of, ...target }))
    ),
  groupNormParameterGradientKernel: () =>
    PROFILES.flatMap((profile) =>
      [true, false].map((bias) => groupNormParameterGradientKernel({ shape: SHAPE, bias, profile }))
    ),
  groupNormShiftsKernel: () =>
    PROFILES.flatMap((profile) => IMAGE_NORMS.map((norm) => groupNormShiftsKernel({ ...norm, profile }))),
  groupNormStatisticsKernel: () =>
    PROFILES.flatMap((profile) => IMAGE_NORMS.map((norm) => groupNormStatisticsKernel({ ...norm, profile }))),
  groupNormSumsKernel: () =>
    TARGETS.flatMap((target) =>
      (["gradients", "products"] as const).map((of) => groupNormSumsKernel({ shape: SHAPE, of, ...target }))
    ),
  imageOperationKernel: () =>
    PROFILES.flatMap((profile) =>
      [false, true].map((tables) =>
        imageOperationKernel({ batch: 3, settings: AUGMENTATIONS[0], slot: 0, profile, tables })
      )
    ),
  imageSumsKernel: () =>
    TARGETS.map((target) =>
      imageSumsKernel({ shape: SHAPE, first: 0, positions: 64, strides: channelsLast(7), ...target })
    ),
  independentProbabilitiesKernel: () =>
    TARGETS.map((target) => independentProbabilitiesKernel({ shape: SHAPE, temperature: 2, ...target })),
  joinKernels: () =>
    distinctJoinable().flatMap((kernel) =>
      Array.from({ length: mostJoined(kernel) - 1 }, (_, index) => joinKernels(Array(index + 2).fill(kernel)))
    ),
  labelTargetKernel: () =>
    PROFILES.flatMap((profile) =>
      [undefined, 0.5].map((share) => labelTargetKernel({ rows: 9, classes: 11, smoothing: 0.1, share, profile }))
    ),
  logitsKernel: () =>
    PROFILES.flatMap((profile) =>
      (["softmax", "sigmoid"] as const).map((scores) => logitsKernel({ shape: SHAPE, scores, profile }))
    ),
  mirrorImagesKernel: () => TARGETS.map((target) => mirrorImagesKernel({ shape: SHAPE, ...target })),
  mixImagesKernel: () => TARGETS.map((target) => mixImagesKernel({ shape: [3, 9, 8, 3], ...target })),
  mixTargetsKernel: () => PROFILES.map((profile) => mixTargetsKernel({ batch: 3, classes: 11, profile })),
  movementKernel: () =>
    TARGETS.flatMap((target) =>
      [7, 8].flatMap((channels) =>
        MOVES.flatMap((operations) =>
          differentiatedKernels(operations, { name: "x", shape: [1, 8, 8, channels] }, target)
        )
      )
    ),
  multiplyGateGradientKernel: () => TARGETS.map((target) => multiplyGateGradientKernel({ shape: SHAPE, ...target })),
  multiplyKernel: () =>
    TARGETS.flatMap((target) =>
      [SHAPE, [1, 1, 1, 7] as const].map((gate) => multiplyKernel({ shape: SHAPE, gate, ...target }))
    ),
  normaliseKernel: () =>
    TARGETS.flatMap((target) => AUGMENTATIONS.map((settings) => normaliseKernel({ batch: 3, settings, ...target }))),
  oneHotKernel: () => PROFILES.map((profile) => oneHotKernel({ rows: 9, classes: 11, alike: 1 / 11, profile })),
  operationTablesKernel: () =>
    PROFILES.map((profile) => operationTablesKernel({ batch: 3, settings: AUGMENTATIONS[0], slot: 0, profile })),
  outlookAttentionKernel: () =>
    TARGETS.flatMap((target) =>
      (["forward", "backward"] as const).map((direction) =>
        outlookAttentionKernel({ ...OUTLOOK, direction, ...target })
      )
    ),
  outlookLogitsGradientKernel: () => TARGETS.map((target) => outlookLogitsGradientKernel({ ...OUTLOOK, ...target })),
  outlookWeightsKernel: () => TARGETS.map((target) => outlookWeightsKernel({ ...OUTLOOK, ...target })),
  packBlocksKernel: () =>
    [1, 2, 3, 4, 5, 6, 7, 8, 9].flatMap((taps) =>
      (["inputs", "outputs"] as const).map((along) =>
        packBlocksKernel({
          ...{ outputs: 8, inputs: 4, taps, along },
          ...{ rowPlaces: new Uint32Array(), columnPlaces: new Uint32Array() },
        })
      )
    ),
  packClassesKernel: () =>
    PROFILES.flatMap((profile) =>
      [1000, 70000].map((classes) => packClassesKernel({ batch: 1, elements: 45, classes, profile }))
    ),
  packScoresKernel: () =>
    PROFILES.flatMap((profile) =>
      labelMapTypes.map((type) => packScoresKernel({ batch: 1, elements: 45, type, profile }))
    ),
  parameterTensorKernel: () =>
    FLAT.flatMap((options) => TARGETS.map((target) => parameterTensorKernel({ ...options, ...target }))),
  poolCellsKernel: () =>
    PROFILES.flatMap((profile) =>
      (["sum", "floor", "uniform", "renormalise"] as const).flatMap((cells) =>
        labelMapTypes.flatMap((dtype) =>
          [1000, 70000].map((classes) =>
            poolCellsKernel({
              ...{ crops: 3, bins: 1, k: 3, grid: [7, 5], classes, dtype, temperature: 1, profile },
              rule: { cells, floor: -4, nowhere: 0, alike: 0 },
            })
          )
        )
      )
    ),
  poolGradientKernel: () =>
    TARGETS.flatMap((target) => POOLS.map((pool) => poolGradientKernel({ shape: SHAPE, pool, ...target }))),
  poolKernel: () => TARGETS.flatMap((target) => POOLS.map((pool) => poolKernel({ shape: SHAPE, pool, ...target }))),
  positionEmbeddingKernel: () =>
    FLAT.flatMap((options) => TARGETS.map((target) => positionEmbeddingKernel({ ...options, ...target }))),
  prefixTokensKernel: () =>
    [7, 8].flatMap((channels) =>
      [[1], [1, 4], [1, 1, 4]].flatMap((counts) =>
        TARGETS.map((target) => prefixTokensKernel({ shape: [1, 8, 8, channels], counts, ...target }))
      )
    ),
  prepareStepKernel: () =>
    PROFILES.flatMap((profile) =>
      [undefined, ADAM.betas].map((betas) =>
        prepareStepKernel({ length: LENGTH, lossScaling: NO_LOSS_SCALING, betas, profile })
      )
    ),
  resizeBytesVerticallyKernel: () =>
    PROFILES.map((profile) => resizeBytesVerticallyKernel({ tables: TABLES, profile })),
  resizeHorizontalKernel: () => PROFILES.map((profile) => resizeHorizontalKernel({ tables: TABLES, profile })),
  resizeRowsHorizontallyKernel: () =>
    TARGETS.map((target) => resizeRowsHorizontallyKernel({ tables: TABLES, ...target })),
  resizeVerticalKernel: () => TARGETS.map((target) => resizeVerticalKernel({ tables: TABLES, ...target })),
  responseInversesKernel: () =>
    PROFILES.flatMap((profile) => IMAGE_NORMS.map((norm) => responseInversesKernel({ ...norm, profile }))),
  responseLengthsKernel: () => TARGETS.map((target) => responseLengthsKernel({ shape: SHAPE, ...target })),
  responseSlopesKernel: () =>
    PROFILES.flatMap((profile) => IMAGE_NORMS.map((norm) => responseSlopesKernel({ ...norm, profile }))),
  rotaryKernel: () =>
    TARGETS.flatMap((target) =>
      (["interleaved", "halves"] as const).flatMap((rotation) =>
        [[0], [0, 8]].flatMap((parts) =>
          [false, true].map((back) =>
            rotaryKernel({
              shape: [1, 3, 3, 24],
              parts,
              heads: 1,
              headChannels: 8,
              prefix: 1,
              rotation,
              back,
              ...target,
            })
          )
        )
      )
    ),
  scaleChannelGradientKernel: () =>
    PROFILES.flatMap((profile) =>
      NORM_PARAMETERS.map((parts) => scaleChannelGradientKernel({ shape: SHAPE, ...parts, profile }))
    ),
  scaleGradientsKernel: () =>
    TARGETS.flatMap((target) =>
      NORM_PARAMETERS.map((parts) => scaleGradientsKernel({ shape: SHAPE, ...parts, ...target }))
    ),
  scaleKernel: () =>
    TARGETS.flatMap((target) => NORM_PARAMETERS.map((parts) => scaleKernel({ shape: SHAPE, ...parts, ...target }))),
  scaleParameterGradientKernel: () =>
    PROFILES.flatMap((profile) => SCALES.map((scale) => scaleParameterGradientKernel({ ...scale, profile }))),
  sgdKernel: () =>
    PROFILES.flatMap((profile) =>
      [false, true].map((nesterov) =>
        sgdKernel({ length: LENGTH, optimizer: { type: "sgd", momentum: 0.9, nesterov }, profile })
      )
    ),
  softmaxKernel: () =>
    TARGETS.flatMap((target) =>
      [target.storage, "f32" as const].map((output) => softmaxKernel({ rows: 9, classes: 11, ...target, output }))
    ),
  spreadGroupsKernel: () => PROFILES.map((profile) => spreadGroupsKernel({ shape: SHAPE, groups: 1, profile })),
  spreadScaleKernel: () =>
    PROFILES.flatMap((profile) => SCALES.map((scale) => spreadScaleKernel({ ...scale, profile }))),
  stepLossKernel: () => PROFILES.map((profile) => stepLossKernel({ rows: 9, profile })),
  thresholdKernel: () => PROFILES.map((profile) => thresholdKernel({ rows: 9, classes: 11, threshold: 0.25, profile })),
  topKKernel: () =>
    TARGETS.flatMap((target) =>
      [40, 41].flatMap((classes) =>
        Array.from(
          { length: 20 },
          (_, index) => topKKernel({ batch: 1, positions: 9, classes, k: index + 1, ...target }),
        )
      )
    ),
  weightAverageKernel: () => PROFILES.map((profile) => weightAverageKernel({ length: LENGTH, decay: 0.9, profile })),
  zerosKernel: () =>
    TARGETS.flatMap((target) =>
      [undefined, "inputGradient"].map((tensor) => zerosKernel({ shape: SHAPE, tensor, ...target }))
    ),
};

/** Members of the families with blocks of their own, for the kernels of their gradients. */
const WITH_GRADIENTS = [
  ...["test_vit", "test_vit3", "beit_base_patch16_224", "eva02_tiny_patch14_336", "deit_tiny_distilled_patch16_224"],
  ...["vit_relpos_medium_patch16_cls_224", "swin_tiny_patch4_window7_224", "swinv2_tiny_window8_256", "caformer_s18"],
  ...["poolformerv2_s12", "test_maxvit", "test_coatnet", "volo_d1_224", "test_mambaout", "nextvit_small"],
  ...["test_convnext", "test_convnext2", "regnety_002", "resnet26t", "ecaresnet26t", "resnetblur50", "tresnet_m"],
  ...["mobilenetv3_small_050", "efficientnetv2_rw_t", "hgnetv2_b0", "densenet121", "vgg11_bn"],
];

/** Height and width of images that most networks take. */
const SMALL = [64, 64] as const;

/**
 * The kernels of all networks' operations, in every variant. Images are of 64 x 64 where a network
 * takes them: feature maps run from 32 x 32 down to 2 x 2, which has few enough positions for kernels of its own. VGG's
 * head is a window of 7 x 7 on its feature map.
 *
 * An operation whose numbers and shapes were met in another network is passed over: its kernels are the same.
 *
 * @param mode For label maps, or for training, where a member of each family stands for all.
 */
export function* networkKernels(mode: "annotator" | "training"): Iterable<Kernel> {
  for (const target of TARGETS) {
    const met = new Set<string>();
    for (const name of mode === "annotator" ? listArchitectures() : WITH_GRADIENTS) {
      const size = name.startsWith("vgg") ? [224, 224] as const : sizeOf(name);
      const network = buildNetwork(name, { classes: 1000, size });
      for (const head of mode === "annotator" ? [network.dense, network.pooled] : [network.pooled]) {
        const operations = [...network.operations, ...head.operations];
        const batch = mode === "annotator" ? 1 : 2;
        const shapes = inferShapes(operations, { name: network.input, shape: [batch, ...size, 3] });
        const shapeOf = (tensor: string) => shapes.get(tensor)!;
        for (
          const { operation } of fuse(operations, [head.output], { trained: mode === "training", target, shapeOf })
        ) {
          const numbers = JSON.stringify(operation, (key, value) => key === "type" ? value : shapes.get(value) ?? value)
            .replaceAll(/"[^"]*\.[^"]*"/g, '""');
          if (met.has(numbers)) continue;
          met.add(numbers);
          yield* operationKernels(withUsualActivation(operation), shapeOf, mode, target);
        }
      }
    }
  }
}

/** An operation whose activation, if it has one, has its usual parameters, which are numbers in the text. */
function withUsualActivation<O extends Operation>(operation: O): O {
  const usual = (activation: ActivationFunction) =>
    ACTIVATION_FUNCTIONS.find((other) => activationName(other) === activationName(activation))!;
  return Object.fromEntries(
    Object.entries(operation).map(([name, value]) =>
      name === "activation" || name === "function" ? [name, usual(value)] : [name, value]
    ),
  ) as O;
}

/** The size that a network is built for and cannot do without, or a small one. */
function sizeOf(name: string): readonly [number, number] {
  try {
    const { inputSize = SMALL } = buildNetwork(name, { classes: 1000, size: SMALL });
    return inputSize;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return buildNetwork(name, { classes: 1000 }).inputSize!;
  }
}

/** The kernels of one operation, in training with those of its gradient. */
function operationKernels(
  operation: Operation,
  shapeOf: (tensor: string) => Shape,
  mode: "annotator" | "training",
  target: Target,
): Kernel[] {
  const program = emptyProgram();
  const builder: Builder = {
    program,
    target,
    shapeOf,
    parameters: mode === "training"
      ? { trained: true, pack: ({ name }) => name }
      : { trained: false, read: () => new Float32Array() },
    dropPath: 0.1,
  };
  const rule = ruleOf(operation);
  rule.forward(builder, operation, 0);
  if (mode === "training") {
    rule.backward(builder, operation, "gradient", {
      wanted: () => true,
      known: () => undefined,
      layer: 0,
    });
  }
  return kernelsOf(program);
}

/** A network of each family and each kind of block, with the size of its images here. */
const TRAINED: readonly { name: string; size: number }[] = [
  ...["resnet8", "resnet8_s2"].map((name) => ({ name, size: 32 })),
  ...[
    "resnet18",
    "resnet50",
    "resnext50_32x4d",
    "efficientnet_b0",
    "efficientnet_lite0",
    "tf_efficientnet_b0",
    "rexnet_100",
    "rexnetr_100",
  ].map((name) => ({ name, size: 64 })),
];

const OPTIMIZERS: readonly Optimizer[] = [
  { type: "sgd", momentum: 0.9, nesterov: true },
  { type: "adamw", ...ADAM },
  { type: "adamp", ...ADAM, delta: 0.1, decayRatio: 0.1, nesterov: false },
];

/** The kernels in training plans of all families, with all that a step can have, in every variant. */
export function* trainingKernels(): Iterable<Kernel> {
  for (const target of TARGETS) {
    for (const { name, size } of TRAINED) yield* layerKernels(buildNetwork(name, { classes: 1000 }), size, target);
    yield* stepKernels(buildNetwork("resnet8", { classes: 1000 }), target);
  }
}

/**
 * The kernels of a network and its gradient. Its weights are only names: what a training plan's tables of weights take to
 * make has no part in the texts.
 */
function layerKernels(network: Network, size: number, target: Target): Kernel[] {
  return differentiatedKernels(
    [...network.operations, ...network.pooled.operations],
    { name: network.input, shape: [2, size, size, 3] },
    target,
  );
}

/** The kernels of operations and of their gradient. */
function differentiatedKernels(
  operations: readonly Operation[],
  input: { name: string; shape: Shape },
  target: Target,
): Kernel[] {
  const shapes = inferShapes(operations, input);
  const program = emptyProgram();
  const builder: Builder = {
    program,
    target,
    shapeOf: (tensor) => shapes.get(tensor)!,
    parameters: { trained: true, pack: ({ name }) => name },
    dropPath: 0.1,
  };
  const { output } = operations.at(-1)!;
  addForward(builder, operations, { outputs: [output], wanted: () => true }).backward([[output, "gradient"]]);
  return kernelsOf(program);
}

/** The kernels of all that a step can have besides its network, and of the gradient of the image. */
function* stepKernels(network: Network, target: Target): Iterable<Kernel> {
  const shape = { batch: 2, size: [32, 32] as const };
  const classes = network.classifier.outputChannels;
  for (const optimizer of OPTIMIZERS) {
    for (const loss of ["crossEntropy", "binaryCrossEntropy"] as const) {
      yield* kernelsOf(lowerTraining(
        {
          network,
          ...shape,
          loss,
          optimizer,
          weightDecay: 1e-4,
          excludeNorms: true,
          lossScaling: NO_LOSS_SCALING,
          maxNorm: 1,
          accumulate: 2,
          averageDecay: 0.9,
          dropPath: 0.1,
          dropout: 0.2,
        },
        target,
      ));
    }
  }
  const parameters = initialParameters(network, 1);
  for (const source of targetSources(network, parameters)) {
    for (const frames of [0, 2]) {
      yield* kernelsOf(lowerTargets(source, { ...shape, classes, image: network.input, frames, mixed: true }, target));
    }
  }
  for (const settings of AUGMENTATIONS.flatMap((settings) => [settings, { ...settings, cutmix: 1 }])) {
    const options = { batch: shape.batch, settings, pixelBytes: 2 ** 16, output: network.input };
    yield* kernelsOf(lowerAugmentation({ ...options, ...target }));
  }
  yield* kernelsOf(lowerImageGradient(network, parameters, shape, target));
}

function targetSources(network: Network, parameters: Parameters): TargetSource[] {
  const maps = { k: 5, grid: [15, 15] as const, classes: 1000, dtype: "fp16" as const };
  return [
    { type: "label", smoothing: 0.1 },
    ...[undefined, 0.5].map((labelShare) => ({ type: "pooled" as const, maps, pooling: {}, labelShare })),
    { type: "teacher", network, parameters },
  ];
}

function kernelsOf({ steps }: Pick<Program, "steps">): Kernel[] {
  return steps.map(({ kernel }) => kernel);
}

/** A text, with the name of a kernel that has it. */
export interface ShaderText {
  readonly name: string;
  readonly code: string;
}

/** The distinct texts of some kernels. */
export function distinctTexts(kernels: Iterable<Kernel>): ShaderText[] {
  const names = new Map<string, string>();
  for (const { name, code } of kernels) if (!names.has(code)) names.set(code, name);
  return [...names].map(([code, name]) => ({ name, code }));
}

/** What a text is but for the numbers of its constants, of which every width of a network has others. */
export function formOf({ code }: ShaderText): string {
  return code.replace(/^(const \w+) = \d+u;$/gm, "$1;");
}

const ACTIVATION_NAME = new RegExp(` (${ACTIVATION_FUNCTIONS.map(activationName).join("|")})\\b`);

/**
 * Of texts that are alike, only the shortest: those whose kernels' names differ in nothing but the activation function and
 * numbers, such as a filter's size and its stride.
 *
 * @param texts Any texts.
 * @returns One of each kind.
 */
export function shortestOfKind(texts: readonly ShaderText[]): ShaderText[] {
  const kinds = new Map<string, ShaderText>();
  for (const text of texts) {
    const kind = text.name.replace(ACTIVATION_NAME, "").replace(/(?<!f|fp|uint)\d+/g, "0");
    const known = kinds.get(kind);
    if (known === undefined || text.code.length < known.code.length) kinds.set(kind, text);
  }
  return [...kinds.values()];
}

/** A text as WebGPU's specification wants it: with the directive that Deno's compiler refuses. */
export function asSpecified<T extends ShaderText>(text: T): T {
  return usesSubgroups(text.code) ? { ...text, code: ENABLE_SUBGROUPS + text.code } : text;
}

/** Whether a text needs the feature `shader-f16`. */
export function needsFloat16({ code }: ShaderText): boolean {
  return /^enable f16;/m.test(code);
}
