/**
 * `deno task doctor --network`: what a network takes, before one starts it.
 *
 * @module
 */

import { type Capabilities, closeDevice, type Device } from "../../kernels/engine/device.ts";
import type { Profile } from "../../kernels/engine/kernel.ts";
import { UsageError } from "../command/command_line.ts";
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatNumberOf,
  formatPercent,
  formatSize,
} from "../command/numbers.ts";
import { printLine, printText } from "../command/terminal.ts";
import { layOut } from "../command/text_table.ts";
import { openQuietDevice } from "../model/quiet_device.ts";
import { type Card, CARDS, findCards } from "./cards.ts";
import { findNetwork } from "./find_network.ts";
import { type Measured, measureSteps } from "./measure_steps.ts";
import type { NetworkOptions } from "./options.ts";
import { countRequirements, type Requirements, type Task } from "./requirements.ts";
import { fitsInto, rooflineSeconds, SHARES } from "./roofline.ts";

/** What every adapter allows, bytes: WebGPU's default limits of a binding and of a buffer. */
const PROMISED = { binding: 128 * 2 ** 20, buffer: 256 * 2 ** 20 } as const;

/**
 * Prints what a network takes on cards, and where asked for on this adapter.
 *
 * @param options What was asked for.
 * @returns The exit code.
 * @throws {UsageError} If no card is called so.
 * @throws {Error} If there is no such network, or its size or batch does not fit.
 */
export async function printRequirements(options: NetworkOptions): Promise<number> {
  const { network, size, batch, training, storage, profile, imageCount: images, gpu, measure } = options;
  const cards = gpu === undefined ? CARDS : findCards(gpu);
  if (cards.length === 0) {
    throw new UsageError(`Cannot use --gpu ${gpu}: known are ${CARDS.map(({ name }) => name).join(", ")}`);
  }
  const found = await findNetwork(network, size);
  const task: Task = { found, batch, training, storage };
  const requirements = countRequirements(task, profile);
  using device = await openedDevice();
  const lines = describeRequirements(task, profile, requirements, device?.capabilities);
  const width = Math.max(...lines.map(([head]) => head.length)) + 2;
  for (const [head, text] of lines) printLine(head.padEnd(width) + text);
  printText(`\n${tableOfCards(cards, requirements, { batch, images }).join("\n")}\n`);
  printLine(
    `At ${formatPercent(SHARES.arithmetic, 0)} of a card's FP32 and ${formatPercent(SHARES.bandwidth, 0)} of its ` +
      `bandwidth, whichever takes longer in each layer; ${training ? "an epoch" : "label maps"} of ${
        formatNumberOf(images, "image")
      }`,
  );
  if (cards.length === 1) printLine(`Figures of ${cards[0].name}: ${cards[0].source}`);
  if (measure) {
    printLine(device ? await describeMeasured(device, task, images) : "Cannot measure: there is no adapter");
  }
  return measure && !device ? 1 : 0;
}

/** This machine's device, to be closed; undefined where there is none. */
async function openedDevice(): Promise<(Device & Disposable) | undefined> {
  try {
    const device = await openQuietDevice();
    return { ...device, [Symbol.dispose]: () => closeDevice(device) };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

function describeRequirements(
  { found: { name, size, classes }, batch, training, storage }: Task,
  profile: Profile,
  { parameters, dispatches, kernels, works, memory, largest }: Requirements,
  capabilities?: Capabilities,
): [head: string, text: string][] {
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  const operations = 2 * sum(works.map(({ multiplyAdds }) => multiplyAdds));
  const bytes = sum(works.map((work) => work.bytes));
  const gigaflop = (count: number) => `${formatCount(Number((count / 1e9).toPrecision(4)))} GFLOP`;
  const { arena, constants, states } = memory;
  const weights = training ? "weights, gradients, optimizer and tables" : "weights";
  return [
    ["network", `${name} at ${formatSize(size)}, ${formatNumberOf(classes, "class", "classes")}`],
    [
      "step",
      `${training ? "training" : "label maps"} of ${formatNumberOf(batch, "image")}, ${storage}, ${profile} kernels`,
    ],
    ["parameters", formatCount(parameters)],
    ["dispatches", `${formatCount(dispatches)}, of ${formatNumberOf(kernels, "kernel")}`],
    ["arithmetic", `${gigaflop(operations)}, ${gigaflop(operations / batch)} per image`],
    ["bytes moved", `${formatBytes(bytes)}, ${formatBytes(bytes / batch)} per image`],
    [
      "memory",
      `${formatBytes(totalBytes(memory))}: activations ${formatBytes(arena)}, ${weights} ${
        formatBytes(constants + states)
      }`,
    ],
    [
      "largest",
      `${largest.name}, ${formatBytes(largest.bytes)}; ${describeLimits(largest.bytes, arena, capabilities)}`,
    ],
  ];
}

/** Which limits the largest binding and the buffer of all activations are within. */
function describeLimits(binding: number, buffer: number, capabilities?: Capabilities): string {
  if (binding <= PROMISED.binding && buffer <= PROMISED.buffer) return "within the limits that every adapter has";
  const beyond = `every adapter binds ${formatBytes(PROMISED.binding)} and has buffers of ${
    formatBytes(PROMISED.buffer)
  }`;
  if (!capabilities) return beyond;
  const { maxBindingBytes, maxBufferBytes } = capabilities;
  const fits = binding <= maxBindingBytes && buffer <= maxBufferBytes;
  return `${beyond}, this one ${formatBytes(maxBindingBytes)} and ${formatBytes(maxBufferBytes)}: ${
    fits ? "it fits" : "it does not fit, and a smaller batch may"
  }`;
}

function totalBytes({ arena, constants, states }: Requirements["memory"]): number {
  return arena + constants + states;
}

function tableOfCards(
  cards: readonly Card[],
  { works, memory }: Requirements,
  { batch, images }: { readonly batch: number; readonly images: number },
): string[] {
  const rows = cards.map((card) => {
    const { name, teraflops, bandwidth, memory: gibibytes, shared } = card;
    const seconds = rooflineSeconds(works, card);
    return [
      name,
      teraflops.toFixed(1),
      formatCount(bandwidth),
      `${gibibytes}${shared ? " shared" : ""}`,
      fitsInto(totalBytes(memory), card) ? "yes" : "no",
      formatCount(Number((1000 * seconds).toPrecision(3))),
      formatCount(Number((batch / seconds).toPrecision(3))),
      formatHours(seconds, { batch, images }),
    ];
  });
  const heads = ["card", "TFLOPS", "GB/s", "GiB", "fits", "ms per step", "images/s", "hours"];
  return layOut([heads], rows, heads.map((_, column) => column > 0));
}

/** Hours for all images, to two digits. */
function formatHours(seconds: number, { batch, images }: { readonly batch: number; readonly images: number }): string {
  return formatCount(Number((seconds / batch * images / 3600).toPrecision(2)));
}

/** What a step took here, or why none could be taken. */
async function describeMeasured(device: Device, task: Task, images: number): Promise<string> {
  const { adapter, profile } = device.capabilities;
  let measured: Measured;
  try {
    measured = await measureSteps(device, task);
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return error.message;
    throw error;
  }
  const { steps, seconds } = measured;
  const all = seconds / task.batch * images;
  return `Measured on ${adapter}, ${profile} kernels: ${
    formatCount(Number((1000 * seconds).toPrecision(3)))
  } ms per step ` +
    `(median of ${steps}), ${formatCount(Number((task.batch / seconds).toPrecision(3)))} images/s, ` +
    `${formatDuration(all)} for ${formatNumberOf(images, "image")}`;
}
