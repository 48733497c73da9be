/**
 * Trained parameters: weight files, the folders an annotator comes in, and the hub it comes from.
 *
 * ```ts
 * import { openWeights } from "./mod.ts";
 *
 * const weights = await openWeights("assets/efficientnet_lite0/model.safetensors");
 * console.log(weights.names.length, weights.dtype("conv_stem.weight"), await weights.read("bn1.bias"));
 * weights.close();
 * ```
 *
 * @module
 */

export { openTorch, openWeights, readTorch } from "./open.ts";
export { type AnnotatorFolder, openAnnotatorFolder } from "./annotator_folder.ts";
export { downloadFiles, downloadFromHub, type DownloadOptions, type HubSnapshot } from "./hub/download.ts";
export { type HubReference, isHubReference, parseDataSetReference, parseHubReference } from "./hub/hub_reference.ts";
export { type HubEnvironment, type HubSettings, readHubSettings } from "./hub/hub_settings.ts";
export type { DownloadProgress } from "./hub/transfer.ts";
export { checkTarget, type Uploaded, type UploadOptions, uploadToHub } from "./hub/upload.ts";
export { averagedWeights, loadParameters, openParameters, type Parameter, readParameter } from "./load_parameters.ts";
export type { Weights } from "./weights.ts";
export { isTorchTensor, type TorchTensor } from "./torch_objects.ts";
export { isNumpyArray, type NumpyArray, numpyValues } from "./numpy_objects.ts";
export { isUnread, type PickleUnread, type PickleValue } from "./pickle_values.ts";
export type { TensorData } from "../base/tensor_data.ts";
export { writeSafetensors } from "./safetensors_writer.ts";
export { torchStateDict, torchTensorWriter } from "./torch_writer.ts";
