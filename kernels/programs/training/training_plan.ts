/**
 * Training on a device: a program with the states of `lower.ts`, run step after step. A step writes the learning rate and
 * submits; nothing is created, compiled or read back. Where several ranks train together, it is submitted in segments, each
 * of which ends where something leaves for the other ranks.
 *
 * @module
 */

import { type BufferRange, copyRanges, type Device, ownBuffer, readBuffer, writeBytes } from "../../engine/device.ts";
import { LOSS_HISTORY } from "../../operations/losses/row_loss.ts";
import { type Control, CONTROL_BYTES, decodeControl } from "../../operations/shared/control.ts";
import { createPlan, type Plan, type PlanBytes, type StepRange } from "../../engine/plan.ts";
import { type Exchange, inPart, joinPrograms, type Program, type Step } from "../../engine/program.ts";
import type { Parameters } from "../../operations/network.ts";
import { createExchanger, type ExchangeTime } from "./exchange.ts";
import type { TensorData } from "../../../formats/base/tensor_data.ts";
import { type LoweredTraining, PARTS, type TrainingOptions } from "./lower.ts";
import { STATES } from "../../lowering/parameters.ts";
import { flatStates, flattenState, initialState, splitState, type TrainingState } from "./training_state.ts";

/** What happened since the last time. */
export interface TrainingReport {
  /** Loss of each batch since the last report, in order; of the last 256 where there were more. */
  readonly losses: Float32Array<ArrayBuffer>;
  readonly control: Control;
}

/** Training on a device. */
export interface TrainingPlan extends Pick<Plan, "tensor" | "measure" | "close"> {
  /**
   * Runs the part `batch`, and after the last batch of an update the part `update` too. Without ranks it only submits;
   * with them it returns once the sums that the update needs are on the device.
   *
   * @throws {Error} If a step before was broken off half-way, as when a rank was lost.
   * @throws {Deno.errors.BadResource} If the plan is closed.
   */
  step(learningRate: number): Promise<void>;
  /** What happened since the last time it was asked. Deno blocks the isolate until the device is done. */
  read(): Promise<TrainingReport>;
  /**
   * Everything that is kept from step to step; the running statistics are this rank's own.
   *
   * @throws {Error} As {@linkcode step}.
   */
  state(): Promise<TrainingState>;
  /**
   * A number of the parameters' bits, u32, by which ranks can be compared.
   *
   * @throws {TypeError} Without ranks.
   */
  checksum(): Promise<number>;
  /** What the sums over ranks took since the last time it was asked. */
  exchangeTime(): ExchangeTime;
  /**
   * Goes on from a state, bit for bit.
   *
   * @throws {TypeError} If a tensor is missing or has another number of elements.
   */
  load(state: ReadonlyMap<string, Pick<TensorData, "data">>): void;
  readonly bytes: TrainingBytes;
}

/** What training takes on the device, bytes. */
export interface TrainingBytes extends PlanBytes {
  /** Bytes of gradients on their way between ranks, copies outside of the device included. */
  readonly exchange: number;
}

/**
 * Puts training on a device.
 *
 * @param device The device to run on.
 * @param training The lowered network.
 * @param options What it was lowered from.
 * @param initial `parameters` to begin with, running statistics included; `prelude`, programs that make the batch's input
 * and targets, and the names of `inputs` that are written before a step.
 * @returns The plan; close it when done.
 * @throws {TypeError} If a parameter is missing.
 * @throws {RangeError} If a tensor exceeds the adapter's limits.
 */
export async function createTrainingPlan(
  device: Device,
  training: LoweredTraining,
  options: TrainingOptions,
  initial: { parameters: Parameters; prelude?: readonly Program[]; inputs: readonly string[] },
): Promise<TrainingPlan> {
  const { parameters, prelude = [], inputs } = initial;
  const { accumulate = 1, lossScaling, ranks } = options;
  const { gpu } = device;
  const states = flatStates(training, options);
  const before = joinPrograms(prelude);
  const program = joinPrograms([{ ...before, steps: inPart(PARTS.batch, before.steps) }, training]);
  const segments = cutSegments(program.steps, ({ kind }) => kind === "statistics");
  const lastSegments = cutSegments(program.steps, () => true);
  using made = new DisposableStack();
  const plan = made.adopt(await createPlan(device, program, { inputs, outputs: [] }), ({ close }) => close());
  const exchanger = ranks && made.adopt(
    createExchanger(device, ranks, {
      ranges: lastSegments.flatMap(({ exchange }) => exchange ? [plan.tensor(exchange.name).size] : []),
      gradients: plan.tensor(STATES.gradient).size,
    }),
    ({ close }) => close(),
  );
  const [control, history, turn] = [STATES.control, STATES.history, STATES.turn].map(plan.tensor);
  const reportBytes = LOSS_HISTORY * 4 + CONTROL_BYTES;
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const staging = ownBuffer(made, device, reportBytes, usage, "losses");
  /** Batches since the beginning, and when last read. */
  let batches = 0;
  let read = 0;
  /** Why the states on the device are those of no batch: a part of a step or of a state came there, and the rest did not. */
  let torn: unknown;

  const checkWhole = () => {
    if (torn === undefined) return;
    const remedy = ranks ? "start again from a checkpoint" : "load a state";
    throw new Error(`Cannot go on training: a step or the loading of a state was broken off; ${remedy}`, {
      cause: torn,
    });
  };
  const load: TrainingPlan["load"] = (state) => {
    // What is on its way between ranks would come into the step after it.
    if (ranks) checkWhole();
    try {
      for (const [name, content] of flattenState(states, state)) writeBytes(device, plan.tensor(name), content);
    } catch (error) {
      torn = error;
      throw error;
    }
    batches = 0;
    read = 0;
    torn = undefined;
  };
  load(initialState(states, parameters, lossScaling.initial));
  const owned = made.move();

  return {
    tensor: plan.tensor,
    bytes: { ...plan.bytes, exchange: exchanger?.bytes ?? 0 },
    measure: plan.measure,
    load,
    async step(learningRate) {
      checkWhole();
      gpu.queue.writeBuffer(control.buffer, control.offset, new Float32Array([learningRate]));
      gpu.queue.writeBuffer(turn.buffer, turn.offset, new Uint32Array([batches]));
      let encoder = gpu.createCommandEncoder();
      if (accumulate > 1 && batches % accumulate === 0) {
        const { buffer, offset, size } = plan.tensor(STATES.gradientSum);
        encoder.clearBuffer(buffer, offset, size);
      }
      const isLast = (batches + 1) % accumulate === 0;
      let submitted = false;
      try {
        for (const { range, exchange } of isLast ? lastSegments : segments) {
          plan.encode(encoder, PARTS.batch, range);
          if (!exchanger || !exchange) continue;
          submitted = true;
          await exchanger.submit(encoder, plan.tensor(exchange.name));
          if (exchange.kind === "statistics") await exchanger.finish();
          encoder = gpu.createCommandEncoder();
        }
        if (exchanger && isLast) await exchanger.finish();
        if (isLast) plan.encode(encoder, PARTS.update);
        if (exchanger) await exchanger.submit(encoder);
        else gpu.queue.submit([encoder.finish()]);
      } catch (error) {
        if (submitted) torn = error;
        throw error;
      }
      batches++;
    },
    async read() {
      const encoder = gpu.createCommandEncoder();
      copyRanges(encoder, [history, control], staging);
      gpu.queue.submit([encoder.finish()]);
      const [first, end] = [Math.max(read, batches - LOSS_HISTORY), batches];
      const bytes = await readBuffer(staging);
      read = end;
      const ring = new Float32Array(bytes, 0, LOSS_HISTORY);
      return {
        losses: Float32Array.from({ length: end - first }, (_, index) => ring[(first + index) % LOSS_HISTORY]),
        control: decodeControl(bytes.slice(LOSS_HISTORY * 4)),
      };
    },
    async state() {
      checkWhole();
      return splitState(states, await readRanges(device, [...states.map(({ state }) => plan.tensor(state)), control]));
    },
    async checksum() {
      if (!ranks) throw new TypeError("Cannot compare parameters: the training has no ranks");
      const encoder = gpu.createCommandEncoder();
      plan.encode(encoder, PARTS.checksum);
      gpu.queue.submit([encoder.finish()]);
      const [bytes] = await readRanges(device, [plan.tensor(STATES.checksum)]);
      return new Uint32Array(bytes)[0];
    },
    exchangeTime: () => exchanger?.time() ?? { total: 0, exposed: 0 },
    close: () => owned.dispose(),
  };
}

/** Steps of a batch that are submitted together, and what leaves for the other ranks after them. */
interface Segment {
  readonly range: StepRange;
  readonly exchange?: Exchange;
}

function cutSegments(steps: readonly Step[], isWanted: (exchange: Exchange) => boolean): Segment[] {
  const segments: Segment[] = [];
  let start = 0;
  steps.forEach(({ exchanges = [] }, index) => {
    for (const exchange of exchanges.filter(isWanted)) {
      segments.push({ range: { start, end: index + 1 }, exchange });
      start = index + 1;
    }
  });
  return [...segments, { range: { start, end: steps.length } }];
}

async function readRanges(device: Device, ranges: readonly BufferRange[]): Promise<ArrayBuffer[]> {
  const total = ranges.reduce((sum, { size }) => sum + size, 0);
  using made = new DisposableStack();
  const usage = GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST;
  const staging = ownBuffer(made, device, total, usage, "training state");
  const encoder = device.gpu.createCommandEncoder();
  copyRanges(encoder, ranges, staging);
  device.gpu.queue.submit([encoder.finish()]);
  const bytes = await readBuffer(staging);
  let end = 0;
  return ranges.map(({ size }) => bytes.slice(end, end += size));
}
