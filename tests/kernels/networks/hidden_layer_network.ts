/**
 * A small network whose classifier has a hidden layer: the mean of its label map is not what it says of the image.
 *
 * @module
 */

import type { Network } from "../../../kernels/operations/network.ts";
import type { Operation } from "../../../kernels/operations/mod.ts";
import {
  activation,
  averagePooledHeads,
  classifierLayer,
  convolution,
  finishWithHeads,
  image,
  linear,
} from "../../../kernels/networks/layers.ts";

/**
 * Builds the network.
 *
 * @param classes Number of classes.
 * @returns A convolution of stride 4, and a head of two linear layers.
 */
export function hiddenLayerNetwork(classes: number): Network {
  const operations: Operation[] = [];
  const features = activation(
    operations,
    convolution(operations, image, "stem", { outputChannels: 8, kernel: 5, stride: 4, bias: true }),
    "relu",
  );
  const heads = averagePooledHeads(features, (head, input) => {
    const hidden = activation(head, linear(head, input, "hidden", { outputChannels: 12 }), "relu");
    return linear(head, hidden, "fc", { outputChannels: classes });
  });
  return finishWithHeads({
    name: "hidden_layer",
    operations,
    features,
    ...heads,
    classifier: classifierLayer("fc", 12, classes),
    initialisation: "resnet",
  });
}
