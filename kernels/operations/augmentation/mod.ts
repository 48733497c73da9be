/**
 * Augmentation: what happens to an image between the data set and the network, and to the targets with it.
 *
 * - {@linkcode sampleAugmentation} draws it from (seed, epoch, index), {@linkcode sampleMix} from (seed, epoch, step).
 * - {@linkcode augmentReference} does it on the CPU, and so do the kernels here, whose program is in
 *   `kernels/programs/augmentation.ts`.
 *
 * @module
 */

export type { AffineMatrix, ImageOperation } from "./image_operation.ts";
export { type Mix, mixImagesReference, mixTargetsReference, sampleMix } from "./mix.ts";
export { augmentationAtSize, mixAtSize } from "./other_size.ts";
export type { PixelBox } from "./random_resized_crop.ts";
export { augmentReference } from "./reference.ts";
export { type Augmentation, sampleAugmentation } from "./sample.ts";
export { type AugmentationSettings, checkAugmentation } from "./augmentation_settings.ts";
