/**
 * From normalised images to the logits that an annotator keeps the best of: those of one network, or the mean of several
 * maps of the same image, by the rule of `operations/map_average/reference.ts`. Where nothing is averaged and the grid and
 * the temperature are the network's own, its logits are kept as they are, to the bit.
 *
 * @module
 */

import { joinPrograms, type Program, renameTensors, type Step } from "../engine/program.ts";
import { lowerBothHeads, lowerNetwork } from "../lowering/lower_network.ts";
import { globalAveragePoolKernel } from "../operations/global_average_pool/kernels.ts";
import {
  addMapKernel,
  coarserMapKernel,
  independentProbabilitiesKernel,
  logitsKernel,
  mirrorImagesKernel,
} from "../operations/map_average/kernels.ts";
import { type ClassGroups, classGroupTable, classSumsKernel } from "../operations/class_sums/kernels.ts";
import { commonGrid, type LogitKind, type MapAverage } from "../operations/map_average/reference.ts";
import { isMeanOfCells, type Network, type Parameters } from "../operations/network.ts";
import { softmaxKernel } from "../operations/softmax/kernels.ts";
import { type Shape, type Target, tensorBytes } from "../operations/shared/tensor.ts";
import type { Pair } from "../operations/shared/window.ts";

/** How maps of an image become one. */
export interface MapAveraging {
  /** Whether the mirrored image is annotated too, and its map turned back; default false. */
  readonly mirror?: boolean;
  /** What is averaged; default logits. */
  readonly average?: MapAverage;
  /** What logits are of: classes that exclude each other, the default, or independent ones, each with its sigmoid. */
  readonly scores?: LogitKind;
  /** What logits are divided by; default 1. */
  readonly temperature?: number;
  /** Height and width of the map; default those of the largest map. A smaller one has means of cells. */
  readonly grid?: Pair;
}

/** A network whose maps are lowered. */
interface MapsMember {
  readonly network: Network;
  readonly parameters?: Parameters;
  readonly size: Pair;
  /** Which of its classes are summed to each class of the map; without, they are the map's. */
  readonly classGroups?: ClassGroups;
}

/** Maps to lower. */
export interface MapsSettings extends MapAveraging {
  /** Networks, and the sizes of image that they see; at least one. */
  readonly members: readonly MapsMember[];
  readonly batch: number;
}

/** A program that ends in logits. */
export interface LoweredMaps {
  readonly program: Program;
  /** Names of the tensors that the images of the members go to. */
  readonly inputs: readonly string[];
  /** Name and shape of the logits of cells. */
  readonly cells: { readonly name: string; readonly shape: Shape };
  /** Name of the logits of images, `[N, 1, 1, C]`. */
  readonly whole: string;
  /** How both are stored. */
  readonly storage: Target["storage"];
  /** The grid whose cells were averaged to a smaller one. */
  readonly pooledFrom?: Pair;
}

/** A network's part of the program. */
interface LoweredMember {
  readonly program: Program;
  readonly input: string;
  readonly cells: string;
  readonly whole: string;
  /** Shape of the cells; the batch counts mirrored images too. */
  readonly shape: Shape;
}

/**
 * Lowers the maps of an annotator.
 *
 * @param settings Networks, and how their maps become one.
 * @param target Profile and storage.
 * @returns The program and what its tensors are.
 * @throws {RangeError} If a size is too small for its network, or the grid larger than the maps.
 * @throws {TypeError} If the networks have different numbers of classes.
 */
export function lowerMaps(settings: MapsSettings, target: Target): LoweredMaps {
  const { members, batch, mirror = false, average = "logits", scores = "softmax", temperature = 1, grid } = settings;
  const lowered = members.map((_, index) => lowerMember(settings, index, target));
  const classes = lowered[0].shape[3];
  const other = lowered.find(({ shape }) => shape[3] !== classes);
  if (other) {
    throw new TypeError(`Cannot average maps of ${classes} classes and of ${other.shape[3]}: they must be the same`);
  }
  const own = commonGrid(lowered.map(({ shape: [, height, width] }) => [height, width]));
  const pooledFrom = grid && grid.join() !== own.join() ? own : undefined;
  if (grid && grid.some((cells, axis) => cells < 1 || cells > own[axis])) {
    throw new RangeError(`Cannot make maps of ${grid.join(" x ")} cells: those of the network have ${own.join(" x ")}`);
  }
  const inputs = lowered.map(({ input }) => input);
  if (members.length === 1 && !mirror && temperature === 1 && !pooledFrom) {
    const [{ program, cells, whole, shape }] = lowered;
    return { program, inputs, cells: { name: cells, shape }, whole, storage: target.storage };
  }
  const mean = { batch, classes, average, scores, temperature, profile: target.profile };
  const cells = lowered.map(({ cells, shape }) => ({ name: cells, shape }));
  const whole = lowered.map(({ whole, shape }) => ({ name: whole, shape: [shape[0], 1, 1, classes] as const }));
  const cellsMean = addMean("mean of cells", cells, { ...mean, own, grid: pooledFrom ? grid : undefined }, target);
  const wholeMean = addMean("mean of images", whole, { ...mean, own: [1, 1] }, target);
  const program = joinPrograms([
    ...lowered.flatMap(({ program }, index) => [program, cellsMean.added[index], wholeMean.added[index]]),
    cellsMean.ended,
    wholeMean.ended,
  ]);
  return {
    program,
    inputs,
    cells: { name: cellsMean.name, shape: cellsMean.shape },
    whole: wholeMean.name,
    storage: "f32",
    ...(pooledFrom ? { pooledFrom } : {}),
  };
}

/** Lowers a member up to the logits of cells and images, of mirrored ones too. */
function lowerMember({ members, batch, mirror }: MapsSettings, index: number, target: Target): LoweredMember {
  const { network, parameters, size, classGroups } = members[index];
  const pictures = mirror ? 2 : 1;
  const options = { batch: batch * pictures, size, ...target };
  const lowered = isMeanOfCells(network)
    ? { pooled: undefined, ...lowerNetwork(network, parameters, { head: "dense", ...options }) }
    : lowerBothHeads(network, parameters, options);
  const cells = network.dense.output;
  const shape = lowered.shapes.get(cells)!;
  const whole = lowered.pooled ?? "mean logits";
  const { tensors, constants, steps } = lowered;
  if (!lowered.pooled) {
    tensors.set(whole, tensorBytes([shape[0], 1, 1, shape[3]], target.storage));
    steps.push({ kernel: globalAveragePoolKernel({ shape, ...target }), bindings: { input: cells, output: whole } });
  }
  if (mirror) {
    const kernel = mirrorImagesKernel({ shape: [batch, ...size, 3], ...target });
    steps.unshift({ kernel, bindings: { images: network.input } });
  }
  const sums = classGroups ? addClassSums(lowered, { cells, whole }, classGroups, shape, target) : undefined;
  const rename = (name: string) => members.length > 1 ? `${index} ${name}` : name;
  return {
    program: renameTensors({ tensors, constants, steps }, rename),
    input: rename(network.input),
    cells: rename(sums?.cells ?? cells),
    whole: rename(sums?.whole ?? whole),
    shape: sums?.shape ?? shape,
  };
}

/** Adds the sums of classes, of cells and of images. */
function addClassSums(
  { tensors, constants, steps }: Program,
  logits: { readonly cells: string; readonly whole: string },
  groups: ClassGroups,
  [batch, height, width, classes]: Shape,
  target: Target,
): { cells: string; whole: string; shape: Shape } {
  const table = "class groups";
  constants.set(table, () => classGroupTable(groups));
  const add = (name: string, [height, width]: Pair): string => {
    const sums = `class sums of ${name}`;
    const kernel = classSumsKernel({ shape: [batch, height, width, classes], groups: groups.length, ...target });
    tensors.set(sums, tensorBytes([batch, height, width, groups.length], target.storage));
    steps.push({ kernel, bindings: { logits: name, table, sums } });
    return sums;
  };
  return {
    cells: add(logits.cells, [height, width]),
    whole: add(logits.whole, [1, 1]),
    shape: [batch, height, width, groups.length],
  };
}

/** The steps that make a mean of several maps. */
interface Mean {
  /** What adds each map to the sum. */
  readonly added: readonly Program[];
  /** What makes logits of the sum. */
  readonly ended: Program;
  readonly name: string;
  readonly shape: Shape;
}

function addMean(
  name: string,
  maps: readonly { readonly name: string; readonly shape: Shape }[],
  { batch, classes, average, scores, temperature, own, grid }: {
    batch: number;
    classes: number;
    average: MapAverage;
    scores: LogitKind;
    temperature: number;
    own: Pair;
    grid?: Pair;
  },
  target: Target,
): Mean {
  const { profile } = target;
  const total: Shape = [batch, ...own, classes];
  const pictures = maps[0].shape[0] === batch ? 1 : 2;
  const weight = 1 / (maps.length * pictures);
  const added = maps.map(({ name: map, shape }, index) => {
    const [rows, height, width] = shape;
    const common = { total, grid: [height, width], pictures, isFirst: index === 0, profile } as const;
    if (average === "logits") {
      const kernel = addMapKernel({ ...common, weight: weight / temperature, storage: target.storage });
      return part([[name, total]], [{ kernel, bindings: { map, total: name } }]);
    }
    const probabilities = `probabilities of ${map}`;
    const step: Step = scores === "softmax"
      ? {
        kernel: softmaxKernel({ rows: rows * height * width, classes, temperature, output: "f32", ...target }),
        bindings: { input: map, output: probabilities },
      }
      : { kernel: independentProbabilitiesKernel({ shape, temperature, ...target }), bindings: { map, probabilities } };
    return part([[name, total], [probabilities, shape]], [
      step,
      { kernel: addMapKernel({ ...common, weight, storage: "f32" }), bindings: { map: probabilities, total: name } },
    ]);
  });
  const ended: Program[] = [];
  let [last, shape] = [name, total];
  if (grid) {
    const coarser = `coarser ${name}`;
    const kernel = coarserMapKernel({ shape, grid, profile });
    shape = [batch, ...grid, classes];
    ended.push(part([[coarser, shape]], [{ kernel, bindings: { map: last, coarser } }]));
    last = coarser;
  }
  if (average === "probabilities") {
    const logits = `logits of ${name}`;
    const step = { kernel: logitsKernel({ shape, scores, profile }), bindings: { map: last, logits } };
    ended.push(part([[logits, shape]], [step]));
    last = logits;
  }
  return { added, ended: joinPrograms(ended), name: last, shape };
}

/** Steps, and tensors of f32. */
function part(tensors: readonly (readonly [name: string, shape: Shape])[], steps: Step[]): Program {
  return {
    tensors: new Map(tensors.map(([name, shape]) => [name, tensorBytes(shape, "f32")])),
    constants: new Map(),
    steps,
  };
}
