/**
 * The images of a step: those that the trained network sees, and where a teacher sees others, these.
 *
 * Both are cut from one decoded image, by one draw of crop, flip, operations, colours and mixing. Each is resized from the
 * image's own pixels, which go to the device once for each.
 *
 * @module
 */

import { augmentationAtSize, type AugmentationSettings, mixAtSize } from "../../operations/augmentation/mod.ts";
import type { Target } from "../../operations/shared/tensor.ts";
import { type Program, renameTensors } from "../../engine/program.ts";
import { type AugmentationPacker, createAugmentationPacker, lowerAugmentation } from "../augmentation.ts";
import { type TargetSource, teacherTensor } from "./targets.ts";

/** Bytes for the pixels of an image's crop, by pixel of the network's input: larger crops are reduced first. */
const CROP_BYTES_PER_PIXEL = 18;

/** The images that a network sees: the program that makes them, and what fills its inputs. */
export interface View {
  readonly program: Program;
  readonly inputs: readonly string[];
  readonly pack: AugmentationPacker;
}

/** Images of a step, how they are augmented, and the name of the trained network's. */
interface ViewOptions {
  readonly batch: number;
  readonly augmentation: AugmentationSettings;
  readonly image: string;
}

/**
 * Lowers the making of a step's images.
 *
 * @param source Where targets come from: perhaps a teacher with a view of its own.
 * @param options Images of a step, how they are augmented, and the name of the `image` that the trained network reads.
 * @param target Profile and storage.
 * @returns What the trained network sees, and what the teacher does where that is not the same.
 * @throws {TypeError | RangeError} If a setting of the augmentation is not valid.
 */
export function lowerViews(source: TargetSource, options: ViewOptions, target: Target): View[] {
  const own = viewOf(options, target);
  return source.type === "teacher" && source.view ? [own, teacherView(source, options, target)] : [own];
}

function viewOf({ batch, augmentation: settings, image: output }: ViewOptions, target: Target): View {
  const [height, width] = settings.size;
  const augmented = { batch, settings, pixelBytes: batch * height * width * CROP_BYTES_PER_PIXEL, ...target };
  const { inputs, ...program } = lowerAugmentation({ ...augmented, output });
  return { program, inputs, pack: createAugmentationPacker(augmented) };
}

function teacherView(
  { network, view }: Extract<TargetSource, { type: "teacher" }>,
  { batch, augmentation: { size: from, ...others } }: ViewOptions,
  target: Target,
): View {
  const augmentation = { size: from, ...others, ...view };
  const sizes = { from, to: augmentation.size };
  const { program, inputs, pack } = viewOf({ batch, augmentation, image: network.input }, target);
  return {
    program: renameTensors(program, teacherTensor),
    inputs: inputs.map(teacherTensor),
    *pack(images, samples, mix) {
      const own = samples.map((sample) => augmentationAtSize(sample, sizes));
      const packed = yield* pack(images, own, mix && mixAtSize(mix, sizes));
      return new Map([...packed].map(([name, bytes]) => [teacherTensor(name), bytes]));
    },
  };
}
