/**
 * Networks as data: timm's architectures, and ResNets for small images, as lists of operations.
 *
 * ```ts
 * import { buildNetwork, parameterShapes } from "./mod.ts";
 *
 * const network = buildNetwork("tf_efficientnet_lite0.in1k", { classes: 1000 });
 * console.log(network.operations.length, parameterShapes(network).get("conv_stem.weight"));
 * ```
 *
 * @module
 */

export { buildNetwork, isArchitecture, listArchitectures } from "./architectures.ts";
export { fineTuneParameters, type FineTuning } from "./fine_tune.ts";
export { initialParameters } from "./initialise.ts";
export { buildConvNeXt, type ConvNeXtDescription } from "./convnext.ts";
export { buildDenseNet, type DenseNetDescription } from "./densenet.ts";
export { buildEfficientNet, type EfficientNetDescription } from "./efficientnet.ts";
export { buildHgNet, type HgNetDescription, type HgNetStage } from "./hgnet.ts";
export { buildMobileNetV3, type MobileNetV3Description } from "./mobilenetv3.ts";
export { buildNfNet, type NfNetDescription } from "./nfnet.ts";
export { buildRegNet, type RegNetDescription } from "./regnet.ts";
export { buildResNet, type ResNetDescription } from "./resnet.ts";
export { buildRepVgg, type RepVggDescription } from "./repvgg.ts";
export { buildResNetV2, type ResNetV2Description } from "./resnetv2.ts";
export { buildTResNet, type TResNetDescription } from "./tresnet.ts";
export { buildVgg, type VggDescription } from "./vgg.ts";
export { buildReXNet, type ReXNetDescription } from "./rexnet.ts";
