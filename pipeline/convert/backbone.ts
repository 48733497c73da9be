/**
 * A trained ResNet as the backbone of a detector: its parameters without the classifier, by the names of torchvision or of
 * detectron2, in a file of PyTorch.
 *
 * | | torchvision | detectron2 |
 * | --- | --- | --- |
 * | names | timm's own: `layer1.0.conv1.weight`, `layer1.0.bn1.bias`, `layer1.0.downsample.0.weight` | `res2.0.conv1.weight`, `res2.0.conv1.norm.bias`, `res2.0.shortcut.weight`; the stem's `stem.conv1` |
 * | images | red, green, blue from 0 to 1, less mean, divided by deviation | blue, green, red from 0 to 255, less mean |
 *
 * Batch norms are four tensors, `weight`, `bias`, `running_mean`, `running_var`, as frozen ones have them. detectron2's usual
 * configuration divides by 1: channels and deviations are put into the first convolution, which then gives the same. The mean
 * stays outside, since a convolution pads with zeros what the mean was taken from.
 *
 * @module
 */

import { replaceFile } from "../../formats/base/files.ts";
import { openAnnotatorFolder, type Parameter, torchStateDict } from "../../formats/weights/mod.ts";
import { closing } from "../../formats/base/closing.ts";
import { buildNetwork, isArchitecture } from "../../kernels/networks/mod.ts";
import { formatNumberOf } from "../command/numbers.ts";
import { loadNetworkParameters } from "../model/network_parameters.ts";

/** Whose names are used. */
export type BackboneLayout = "torchvision" | "detectron2";

/** Every {@linkcode BackboneLayout}. */
export const backboneLayouts = ["torchvision", "detectron2"] as const satisfies readonly BackboneLayout[];

/** Networks that both have, in the same form: with the stride in the 3 x 3 convolution of a block. */
const NETWORKS = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"];

/** How the network saw images: mean and deviation of red, green and blue, with 255 as 1. */
export interface Normalisation {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * The parameters of a backbone.
 *
 * @param parameters Parameters of the network by timm's names.
 * @param layout Whose names to use.
 * @param normalisation How the network saw images.
 * @returns The parameters without the classifier's, in the same order.
 */
export function backboneParameters(
  parameters: ReadonlyMap<string, Parameter>,
  layout: BackboneLayout,
  { std }: Pick<Normalisation, "std">,
): Map<string, Parameter> {
  const own = [...parameters].filter(([name]) => !name.startsWith("fc."));
  if (layout === "torchvision") return new Map(own);
  return new Map(own.map(([name, parameter]) => [
    detectron2Name(name),
    name === "conv1.weight" ? ofBlueGreenRed(parameter, std) : parameter,
  ]));
}

function detectron2Name(name: string): string {
  return name
    .replace(/^(?=conv1|bn1)/, "stem.")
    .replace(/^layer(\d)/, (_, stage) => `res${Number(stage) + 1}`)
    .replace(/\bbn(\d)\./, "conv$1.norm.")
    .replace(/\bdownsample\.0\./, "shortcut.")
    .replace(/\bdownsample\.1\./, "shortcut.norm.");
}

/** A first convolution `[out, 3, H, W]` that takes channels in the other order, from 0 to 255. */
function ofBlueGreenRed({ shape, data }: Parameter, std: readonly number[]): Parameter {
  const plane = shape[2] * shape[3];
  const turned = data.map((_, at) => {
    const channel = 2 - Math.floor(at / plane) % 3;
    const from = Math.floor(at / (3 * plane)) * 3 * plane + channel * plane + at % plane;
    return data[from] / (255 * std[channel]);
  });
  return { shape, data: turned };
}

/**
 * Writes the backbone of a run.
 *
 * @param input The run's folder or one of its weight files, or an annotator's.
 * @param output The file; one of that name is replaced.
 * @param layout Whose names to use.
 * @returns What was written, and what a detector must be told, as lines.
 * @throws {TypeError} If the network is none that both have, or its weights cannot be read.
 * @throws {Error} If the file cannot be written.
 */
export async function convertBackbone(input: string, output: string, layout: BackboneLayout): Promise<string[]> {
  const { architecture, classes, mean, std, weights } = await openAnnotatorFolder(input);
  using open = closing(weights);
  if (!isArchitecture(architecture) || !NETWORKS.includes(architecture)) {
    throw new TypeError(
      `Cannot make a backbone of "${input}": it is ${architecture}, expected one of ${NETWORKS.join(", ")}`,
    );
  }
  const parameters = await loadNetworkParameters(buildNetwork(architecture, { classes }), open);
  const backbone = backboneParameters(parameters, layout, { std });
  const beside = layout === "torchvision"
    ? undefined
    : { "__author__": "relabel", "matching_heuristics": true } as const;
  replaceFile(output, [torchStateDict(backbone, beside)]);
  return [
    `${output}: ${architecture} for ${layout}, ${formatNumberOf(backbone.size, "tensor")}, without its classifier of ${
      formatNumberOf(classes, "class", "classes")
    }`,
    ...neededSettings(layout, { mean, std }),
  ];
}

/** What a detector must be told of images. */
function neededSettings(layout: BackboneLayout, { mean, std }: Normalisation): string[] {
  if (layout === "torchvision") {
    return [
      "  images     RGB from 0 to 1, as torchvision gives them",
      `  detector   image_mean=[${mean.join(", ")}], image_std=[${std.join(", ")}]`,
    ];
  }
  const pixels = mean.toReversed().map((value) => Number((255 * value).toFixed(3)));
  return [
    "  images     BGR from 0 to 255, as detectron2 gives them",
    `  INPUT      FORMAT "BGR"`,
    `  MODEL      PIXEL_MEAN [${pixels.join(", ")}], PIXEL_STD [1.0, 1.0, 1.0], RESNETS.STRIDE_IN_1X1 False`,
  ];
}
