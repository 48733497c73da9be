/**
 * A network whose classes are given as vectors, such as texts' embeddings by the other half of a CLIP: the logit of a class
 * is the cosine between its vector e and that of the picture or cell, x, times a scale s,
 *
 *     logit[c] = s x . e[c] / (|x| |e[c]|)
 *
 * (Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021, figure 3; s is exp of its
 * `logit_scale`, 100 after training). Where the network's own head gives as many numbers as a vector has, x is what the head
 * gives: the projection of a CLIP. Else x is the feature map, if that is as wide, and of a picture its mean.
 *
 * @module
 */

import { type Head, inferShapes, type Network, type Parameters } from "../operations/network.ts";
import type { Operation } from "../operations/mod.ts";

/** Vectors of classes. */
export interface ClassEmbeddings {
  /** `[classes, channels]`. */
  readonly vectors: Float32Array;
  readonly classes: number;
  readonly channels: number;
  /** The factor of cosines. */
  readonly scale: number;
}

/** Name of the parameter that holds the scaled vectors. */
const WEIGHT = "class_embeddings.weight";

/** PyTorch's least norm of a vector that is divided by it. */
const EPSILON = 1e-12;

/** What follows the vectors of pictures or cells. */
function withCosines(head: Head, { classes, channels }: ClassEmbeddings): Head {
  const direction = `${head.output} direction`;
  const output = "class_embeddings";
  return {
    operations: [
      ...head.operations,
      {
        type: "channelNorm",
        input: head.output,
        output: direction,
        method: "l2",
        channels,
        groups: 1,
        epsilon: EPSILON,
      },
      { type: "linear", input: direction, output, weight: WEIGHT, inputChannels: channels, outputChannels: classes },
    ],
    output,
  };
}

/** The feature map and its mean, as heads. */
function featureHeads({ features }: Network): { dense: Head; pooled: Head } {
  const pool: Operation = { type: "globalAveragePool", input: features, output: "mean features" };
  return { dense: { operations: [], output: features }, pooled: { operations: [pool], output: pool.output } };
}

/**
 * Gives a network the classes of vectors.
 *
 * @param network The network, with its own head.
 * @param parameters Parameters of the network.
 * @param embeddings The vectors.
 * @param size Height and width of an input that it takes.
 * @returns The network and its parameters.
 * @throws {TypeError} If neither its head nor its feature map is as wide as a vector, or a vector is zero.
 */
export function withClassEmbeddings(
  network: Network,
  parameters: Parameters,
  embeddings: ClassEmbeddings,
  size: readonly [height: number, width: number],
): { network: Network; parameters: Parameters } {
  const { classes, channels } = embeddings;
  const shapes = inferShapes(network.operations, { name: network.input, shape: [1, ...size, 3] });
  const width = shapes.get(network.features)![3];
  const own = network.classifier.outputChannels;
  if (channels !== own && channels !== width) {
    throw new TypeError(
      `Cannot compare ${network.name} with class embeddings of ${channels} numbers: its head gives ${own}, its ` +
        `feature map has ${width} channels`,
    );
  }
  const { dense, pooled } = channels === own ? network : featureHeads(network);
  return {
    network: {
      ...network,
      dense: withCosines(dense, embeddings),
      pooled: withCosines(pooled, embeddings),
      classifier: { weight: WEIGHT, inputChannels: channels, outputChannels: classes },
    },
    parameters: new Map([...parameters, [WEIGHT, { shape: [classes, channels], data: scaledDirections(embeddings) }]]),
  };
}

/** The vectors with the scale as their length. */
function scaledDirections({ vectors, classes, channels, scale }: ClassEmbeddings): Float32Array {
  const directions = new Float32Array(vectors.length);
  for (let c = 0; c < classes; c++) {
    const vector = vectors.subarray(c * channels, (c + 1) * channels);
    const length = Math.sqrt(vector.reduce((sum, value) => sum + value * value, 0));
    if (!(length > 0)) throw new TypeError(`Cannot use class embeddings: that of class ${c} is zero`);
    vector.forEach((value, index) => directions[c * channels + index] = scale * value / length);
  }
  return directions;
}
