/**
 * LabelPooling: the target of a crop from the label map of its image (Yun et al., "Re-labeling ImageNet", section 3.2 and
 * algorithm A1). Scores are averaged over the part of the map that the crop covers, class by class, and become
 * probabilities. The map stays as it is stored, k classes per cell; a dense `[C, H, W]` tensor is never built.
 *
 * @module
 */

export * from "./crop.ts";
export * from "./pooling_options.ts";
export * from "./pooling_rule.ts";
export * from "./reference.ts";
