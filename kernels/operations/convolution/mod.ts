export { packSoftwareWeights as packWeights, softwareConvolution as convolutionKernels } from "./software.ts";
