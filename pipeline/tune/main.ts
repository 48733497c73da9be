/**
 * `deno task tune`: which kernels are fastest on this machine's adapter.
 *
 * @module
 */

import { closing } from "../../formats/base/closing.ts";
import { closeDevice } from "../../kernels/engine/device.ts";
import type { MeasuredLayer } from "../../kernels/engine/choices.ts";
import { buildNetwork, initialParameters, isArchitecture } from "../../kernels/networks/mod.ts";
import { NO_LOSS_SCALING } from "../../kernels/optimizers/prepare_step.ts";
import { createTrainer } from "../../kernels/programs/training/trainer.ts";
import { formatNumberOf } from "../command/numbers.ts";
import type { Progress } from "../command/progress.ts";
import { runCommand } from "../command/run_command.ts";
import { printLine } from "../command/terminal.ts";
import { loadCommandModel } from "../model/command_model.ts";
import { loadAnnotator } from "../model/load_annotator.ts";
import { openTunedDevice, type TuneOptions } from "../model/tuned_device.ts";
import { tunedPath } from "../model/tuned_kernels.ts";
import { TUNE, type TuneCommand } from "./options.ts";

async function run(command: TuneCommand, progress: Progress): Promise<number> {
  const layers: MeasuredLayer[] = [];
  const tune: TuneOptions = {
    budget: command.seconds * 1000,
    afresh: true,
    onMeasured(layer) {
      layers.push(layer);
      progress.show(`${formatNumberOf(layers.length, "layer")} measured`, false);
    },
  };
  const { model } = command;
  const adapter = model !== undefined && isArchitecture(model)
    ? await tuneTraining(model, command, tune, progress)
    : await tuneAnnotator(command, tune, progress);
  progress.end();
  printMeasured(layers);
  if (layers.length > 0) {
    printLine(`Kept in ${tunedPath({ adapter }, (name) => Deno.env.get(name)) ?? "no file: there is no home"}`);
  }
  return 0;
}

/** Measures the layers of an annotator; gives the adapter. */
async function tuneAnnotator(command: TuneCommand, tune: TuneOptions, progress: Progress): Promise<string> {
  const { size, batch, storage } = command;
  using annotator = closing(
    await loadCommandModel(
      { model: command.model, quiet: false },
      progress,
      (reference, settings) => loadAnnotator(reference, { ...settings, size, batch, storage, tune }),
    ),
  );
  progress.print(
    `${annotator.metadata.annotator.name}, batch ${annotator.batch}, on ${annotator.capabilities.adapter}`,
  );
  return annotator.capabilities.adapter;
}

/** Classes of a network that is trained: ImageNet's, of which only the last layer knows. */
const CLASSES = 1000;

/** Images of a training step, unless asked for otherwise. */
const TRAINING_BATCH = 64;

/** Measures the layers of a training step; gives the adapter. */
async function tuneTraining(
  name: string,
  { size = [224, 224], batch = TRAINING_BATCH, storage = "f32" }: TuneCommand,
  tune: TuneOptions,
  progress: Progress,
): Promise<string> {
  const { device, keep } = await openTunedDevice(tune, progress.print);
  using opened = new DisposableStack();
  opened.adopt(device, closeDevice);
  const { adapter } = device.capabilities;
  const network = buildNetwork(name, { classes: CLASSES, size });
  const trainer = await createTrainer(device, {
    network,
    parameters: initialParameters(network, 1),
    batch,
    size,
    storage,
    loss: "crossEntropy",
    optimizer: { type: "sgd", momentum: 0.9, nesterov: true },
    weightDecay: 1e-4,
    excludeNorms: false,
    lossScaling: NO_LOSS_SCALING,
    augmentation: {
      size,
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
      interpolation: "bilinear",
      crop: { scale: [0.08, 1], ratio: [3 / 4, 4 / 3] },
      flip: 0.5,
    },
    targets: { type: "label", smoothing: 0 },
  });
  trainer.close();
  keep();
  progress.print(`A training step of ${name}, batch ${batch}, on ${adapter}`);
  return adapter;
}

function printMeasured(layers: readonly MeasuredLayer[]): void {
  if (layers.length === 0) {
    printLine("No layer has several kernels to choose from on this adapter");
    return;
  }
  const changed = layers.filter(({ first, chosen }) => first !== chosen);
  for (const { first, chosen, before, after } of changed) {
    printLine(`  ${before.toFixed(3)} ms to ${after.toFixed(3)} ms: ${first}, now ${chosen}`);
  }
  const sum = (of: (layer: MeasuredLayer) => number) => layers.reduce((sum, layer) => sum + of(layer), 0).toFixed(2);
  printLine(
    `${
      formatNumberOf(layers.length, "layer")
    } measured, ${changed.length} with another kernel than its shape chooses: ` +
      `${sum(({ before }) => before)} ms become ${sum(({ after }) => after)} ms`,
  );
}

/**
 * Runs the command.
 *
 * @param args Arguments of the command line.
 * @returns The exit code.
 */
export function main(args: readonly string[]): Promise<number> {
  return runCommand(args, { ...TUNE, run });
}

if (import.meta.main) Deno.exit(await main(Deno.args));
