/**
 * This project's engine in a race of training. It keeps running averages, too.
 *
 * @module
 */

import type { Device } from "../../kernels/engine/device.ts";
import { targetOf } from "../../kernels/programs/image_program.ts";
import { NO_LOSS_SCALING } from "../../kernels/optimizers/prepare_step.ts";
import { lowerTraining, TARGETS, type TrainingOptions } from "../../kernels/programs/training/lower.ts";
import { createTrainingPlan } from "../../kernels/programs/training/training_plan.ts";
import type { Contestant } from "./contestant.ts";
import { ENGINE, pad } from "./engine.ts";
import { oneHot, type Training } from "./training.ts";

/** A training; images and targets are uploaded for every step. */
export async function trainingOnEngine(device: Device, training: Training): Promise<Contestant> {
  const { network, parameters, batch, size, images, learningRate, momentum } = training;
  const target = targetOf(device, "f32");
  const options: TrainingOptions = {
    network,
    batch,
    size,
    loss: "crossEntropy",
    optimizer: { type: "sgd", momentum, nesterov: false },
    weightDecay: 0,
    excludeNorms: false,
    lossScaling: NO_LOSS_SCALING,
  };
  const plan = await createTrainingPlan(device, lowerTraining(options, target), options, {
    parameters,
    inputs: [network.input, TARGETS],
  });
  const classes = network.classifier.outputChannels;
  const inputs = [
    { ...plan.tensor(network.input), data: pad(images, 3) },
    { ...plan.tensor(TARGETS), data: pad(oneHot(training), classes) },
  ];
  return {
    name: ENGINE,
    run: async (repetitions) => {
      for (let count = 0; count < repetitions; count++) {
        // Every step, since later tensors of a step take their place.
        for (const { buffer, offset, data } of inputs) device.gpu.queue.writeBuffer(buffer, offset, data);
        await plan.step(learningRate);
      }
      return (await plan.read()).losses;
    },
    close: plan.close,
  };
}
