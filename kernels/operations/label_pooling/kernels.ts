/**
 * LabelPooling in two dispatches and a softmax; the sparse map is all that is read of a label map.
 *
 * 1. {@linkcode cellWeightsKernel}: how much each cell counts for each bin, from 32 bytes per crop, a row of the
 *    map an invocation. Where a crop is upright or turned by 90 degrees, weights are products of one sum along either axis.
 * 2. {@linkcode poolCellsKernel}: cells are summed by class into the dense row of the target. The order is fixed: rank by
 *    rank within a cell or a run of cells. A CPU runs an invocation for each row. On a GPU a workgroup shares a row:
 *    invocations fetch cells side by side, put classes and terms into workgroup memory, and each adds up the classes that
 *    are its own, so that nothing is ever added to by two.
 * 3. The softmax or sigmoid, {@linkcode oneHotKernel} or {@linkcode thresholdKernel}, where the rule has one of these.
 *
 * @module
 */

import {
  declarations,
  type Kernel,
  listBindings,
  type Parameter,
  type Profile,
  scratch,
  spreadWorkgroups,
} from "../../engine/kernel.ts";
import { activationKernel } from "../activation/kernels.ts";
import { softmaxKernel } from "../softmax/kernels.ts";
import type { Pair } from "../shared/window.ts";
import { BUILTINS, channelVectors, itemKernel, itemWorkgroup, realLanes, unsigned } from "../shared/tensor.ts";
import { treeJoin } from "../shared/tree_join.ts";
import { ROUNDING, type SamplingRegion } from "./crop.ts";
import type { Interpolation } from "./pooling_options.ts";
import type { CellRule, PoolingRule } from "./pooling_rule.ts";
import { elementFunctions } from "./stored_maps.ts";
import type { LabelMapFormat } from "../../../formats/base/label_map.ts";

/** 32-bit words of a region on the device. */
export const REGION_WORDS = 8;

/** 32-bit words of a frame of a region on the device: two rows of three numbers, and a zero after each. */
export const FRAME_WORDS = 8;

/** Invocations that share a row on a GPU. */
const WORKERS = 256;

/**
 * Regions as the kernels read them: origin, down and right as f32, the counts of samples in 16 bits each, the map.
 *
 * @param regions The regions.
 * @param places How many there is room for; those past the last region are zeros, which ask for no sample.
 * @returns `[places, 8]` words.
 * @throws {RangeError} If a bin has more than 65,535 samples along an axis.
 */
export function packRegions(
  regions: readonly SamplingRegion[],
  places = regions.length,
): Uint32Array<ArrayBuffer> {
  const words = new Uint32Array(places * REGION_WORDS);
  const floats = new Float32Array(words.buffer);
  regions.forEach(({ origin, down, right, samples, map }, index) => {
    if (Math.max(...samples) > 0xffff) {
      throw new RangeError(`Cannot pool crop ${index}: its warp asks for ${samples.join(" x ")} samples a bin`);
    }
    const first = index * REGION_WORDS;
    floats.set([...origin, ...down, ...right], first);
    words.set([samples[0] | samples[1] << 16, map], first + 6);
  });
  return words;
}

/**
 * The frames of regions as the kernel reads them. A frame that a region does not have is zeros, which take every place to
 * one that is shown.
 *
 * @param regions The regions.
 * @param frames How many there is room for in each.
 * @param places How many regions there is room for.
 * @returns `[places, frames, 8]`.
 * @throws {RangeError} If a region has more.
 */
export function packFrames(
  regions: readonly SamplingRegion[],
  frames: number,
  places = regions.length,
): Float32Array<ArrayBuffer> {
  const words = new Float32Array(places * frames * FRAME_WORDS);
  regions.forEach((region, index) => {
    if (region.frames.length > frames) {
      throw new RangeError(
        `Cannot pool crop ${index}: its picture was cut off at its edges ${region.frames.length} times, expected at most ` +
          `${frames}`,
      );
    }
    region.frames.forEach(([a, b, c, d, e, f], frame) => {
      words.set([a, b, c, 0, d, e, f, 0], (index * frames + frame) * FRAME_WORDS);
    });
  });
  return words;
}

/**
 * The cells' weights for every bin of every crop.
 *
 * @param options Number of `crops`, and of `frames` that a region has at most; the map's `grid` and the target's
 *   `outputSize`, `[height, width]` in cells and bins.
 * @returns A kernel with the bindings `regions` (u32, `[crops, 8]`), `frames` (f32, `[crops, frames, 8]`) where there may be
 * some, and the scratch `weights` (f32, `[crops, bins, H * W]`).
 */
export function cellWeightsKernel(options: {
  crops: number;
  frames: number;
  grid: Pair;
  outputSize: Pair;
  interpolation: Interpolation;
  profile: Profile;
}): Kernel {
  const { crops, frames, grid: [rows, columns], outputSize, interpolation, profile } = options;
  const cutsOff = frames > 0;
  const bins = crops * outputSize[0] * outputSize[1];
  return itemKernel({
    name: `cell weights ${interpolation}${cutsOff ? " framed" : ""}`,
    profile,
    bindings: {
      regions: "vec4<u32>",
      ...cutsOff ? { frames: "vec4<f32>" } : {},
      weights: scratch("f32", bins * rows * columns * 4),
    },
    parameters: [
      ...cutsOff ? [{ name: "frames", value: frames }] : [],
      { name: "rows", value: rows },
      { name: "columns", value: columns },
      { name: "binRows", value: outputSize[0] },
      { name: "binColumns", value: outputSize[1] },
    ],
    items: bins * rows,
    functions: `
/** What a sample at a place of an axis reads of a cell, and whether it is on the map. */
fn tap(place: f32, cell: f32, size: f32) -> vec2<f32> {
  let on = (place >= -1.0) & (place <= size);
  let near = clamp(place, 0.0, size - 1.0);
  let weight = ${
      interpolation === "bilinear" ? "max(0.0, 1.0 - abs(near - cell))" : "select(0.0, 1.0, floor(near + 0.5) == cell)"
    };
  return select(vec2<f32>(0.0), vec2<f32>(weight, 1.0), on);
}

/** Evenly spaced samples of a bin along one direction. */
struct Samples { first: f32, count: u32, bins: f32, }

fn fraction(samples: Samples, i: u32) -> f32 {
  return (samples.first + (f32(i) + 0.5) / f32(samples.count)) / samples.bins;
}

${
      cutsOff
        ? `
/** Whether a crop has a frame: one of zeros takes all places to the same. */
fn isFramed(crop: u32) -> bool {
  var framed = false;
  for (var frame = 0u; frame < parameters.frames; frame++) {
    let first = 2u * (crop * parameters.frames + frame);
    framed = framed | any(frames[first] != vec4<f32>(0.0)) | any(frames[first + 1u] != vec4<f32>(0.0));
  }
  return framed;
}

/** Whether a place of the picture shows something: no frame takes it out of the unit square. */
fn isShown(crop: u32, x: f32, y: f32) -> bool {
  var shown = true;
  for (var frame = 0u; frame < parameters.frames; frame++) {
    let first = 2u * (crop * parameters.frames + frame);
    let place = vec3<f32>(x, y, 1.0);
    let at = vec2<f32>(dot(frames[first].xyz, place), dot(frames[first + 1u].xyz, place));
    shown = shown & all(at >= vec2<f32>(${-ROUNDING})) & all(at <= vec2<f32>(${1 + ROUNDING}));
  }
  return shown;
}
`
        : ""
    }
/** The taps of all samples on one axis. */
fn taps(origin: f32, step: f32, samples: Samples, cell: f32, size: f32) -> vec2<f32> {
  var sum = vec2<f32>(0.0);
  for (var i = 0u; i < samples.count; i++) { sum += tap(origin + step * fraction(samples, i), cell, size); }
  return sum;
}
`,
    body: `  let bins = parameters.binRows * parameters.binColumns;
  let bin = item / parameters.rows % bins;
  let y = f32(item % parameters.rows);
  let crop = item / parameters.rows / bins;
  let head = regions[2u * crop];
  let tail = regions[2u * crop + 1u];
  let origin = bitcast<vec2<f32>>(head.xy);
  let down = bitcast<vec2<f32>>(head.zw);
  let right = bitcast<vec2<f32>>(tail.xy);
  let vertical = Samples(f32(bin / parameters.binColumns), tail.z & 0xffffu, f32(parameters.binRows));
  let horizontal = Samples(f32(bin % parameters.binColumns), tail.z >> 16u, f32(parameters.binColumns));
  let height = f32(parameters.rows);
  let width = f32(parameters.columns);
  let whole = ${cutsOff ? "!isFramed(crop)" : "true"};
  let upright = whole & (down.y == 0.0) & (right.x == 0.0);
  let turned = whole & (down.x == 0.0) & (right.y == 0.0);
  var rowTaps = vec2<f32>(0.0);
  if (upright) { rowTaps = taps(origin.x, down.x, vertical, y, height); }
  else if (turned) { rowTaps = taps(origin.x, right.x, horizontal, y, height); }
  for (var column = 0u; column < parameters.columns; column++) {
    let x = f32(column);
    // Weight, and how many samples are on the map.
    var sum = vec2<f32>(0.0);
    if (upright) { sum = rowTaps * taps(origin.y, right.y, horizontal, x, width); }
    else if (turned) { sum = rowTaps * taps(origin.y, down.y, vertical, x, width); }
    else {
      for (var i = 0u; i < vertical.count; i++) {
        let start = origin + down * fraction(vertical, i);
        for (var j = 0u; j < horizontal.count; j++) {
          let place = start + right * fraction(horizontal, j);
          let read = tap(place.x, y, height) * tap(place.y, x, width);
          sum += ${
      cutsOff ? "select(vec2<f32>(0.0), read, isShown(crop, fraction(horizontal, j), fraction(vertical, i)))" : "read"
    };
        }
      }
    }
    weights[item * parameters.columns + column] = select(0.0, sum.x / sum.y, sum.y > 0.0);
  }`,
  });
}

/**
 * Sums cells by class, as the reference does.
 *
 * @param options Number of `crops` and `bins` each, the kind of maps, the `rule` and the temperature.
 * @returns A kernel with the bindings `regions` (u32, `[crops, 8]`), `weights` (f32, `[crops, bins, H * W]`), `classWords`
 * and `scoreWords` (as stored, `[maps, k, H, W]`) and `pooled` (f32, `[crops, bins, C]`). A class index past the last is left out.
 */
export function poolCellsKernel(
  options: {
    crops: number;
    bins: number;
    rule: PoolingRule;
    temperature: number;
    profile: Profile;
  } & LabelMapFormat,
): Kernel {
  const { crops, bins, k, grid, classes, dtype, rule: { cells, floor, nowhere }, temperature, profile } = options;
  const rows = crops * bins;
  const parameters: Parameter[] = [
    ...unsigned([
      { name: "rows", value: rows },
      { name: "bins", value: bins },
      { name: "cells", value: grid[0] * grid[1] },
      { name: "ranks", value: k },
      { name: "classes", value: classes },
      { name: "vectors", value: channelVectors(classes) },
    ]),
    { name: "scale", type: "f32", value: 1 / temperature },
    ...cells === "floor" ? [{ name: "floor", type: "f32", value: floor / temperature } as const] : [],
    ...cells === "sum" ? [] : [{ name: "nowhere", type: "f32", value: nowhere } as const],
  ];
  const bindings = {
    regions: "vec4<u32>",
    weights: "f32",
    classWords: "u32",
    scoreWords: "u32",
    pooled: "vec4<f32>",
  };
  const shared = profile === "gpu";
  const workers = shared ? WORKERS : 1;
  const size = shared ? WORKERS : itemWorkgroup(profile);
  return {
    name: `pool cells ${cells} ${dtype} ${profile}`,
    code: `${declarations(bindings, parameters)}
${elementFunctions({ classes, dtype })}
/** Adds to a class of a row. */
fn add(row: u32, class_: u32, value: f32) {
  let vector = row * parameters.vectors + class_ / 4u;
  pooled[vector] += select(vec4<f32>(0.0), vec4<f32>(value), vec4<u32>(0u, 1u, 2u, 3u) == vec4<u32>(class_ % 4u));
}
${termFunctions(cells)}
${shared ? SHARED : ""}
@compute @workgroup_size(${size})
fn main(${BUILTINS}) {
  let row = ${
      shared
        ? "workgroup.y * workgroups.x + workgroup.x"
        : `(workgroup.y * workgroups.x + workgroup.x) * ${size}u + local`
    };
  if (row >= parameters.rows) { return; }
  let map = regions[2u * (row / parameters.bins) + 1u].w;
  let cells = parameters.cells;
  let first = map * parameters.ranks * cells;
  for (var vector = ${shared ? "local" : "0u"}; vector < parameters.vectors; vector += ${workers}u) {
    pooled[row * parameters.vectors + vector] = vec4<f32>(0.0);
  }
  // Weights, and what every class has that a cell lacks.
  var total = vec2<f32>(0.0);
${shared ? sharedWalk(cells) : ownWalk(cells)}${cells === "sum" ? "" : everywhere(shared, workers)}
}
`,
    bindings: listBindings(bindings),
    parameters,
    workgroups: spreadWorkgroups(shared ? rows : Math.ceil(rows / size)),
  };
}

/**
 * `normaliser(first, cell)`: what a cell's terms need; `term(weight, score, normaliser)`: what a score adds to its class; and
 * `lacking(normaliser)`: what a class has that the cell lacks, which terms are the distance from.
 */
function termFunctions(rule: CellRule): string {
  const scaled = "scoreAt(first + rank * parameters.cells + cell) * parameters.scale";
  if (rule === "sum") {
    return `fn normaliser(first: u32, cell: u32) -> vec3<f32> { return vec3<f32>(0.0); }
fn term(weight: f32, score: f32, normal: vec3<f32>) -> f32 { return weight * score; }
`;
  }
  if (rule === "floor") {
    return `fn normaliser(first: u32, cell: u32) -> vec3<f32> {
  var least = parameters.floor;
  for (var rank = 0u; rank < parameters.ranks; rank++) { least = min(least, ${scaled}); }
  return vec3<f32>(least, 0.0, 0.0);
}
fn term(weight: f32, score: f32, normal: vec3<f32>) -> f32 { return weight * (score - normal.x); }
fn lacking(normal: vec3<f32>) -> f32 { return normal.x; }
`;
  }
  const uniform = rule === "uniform";
  return `fn normaliser(first: u32, cell: u32) -> vec3<f32> {
  // Of the softmax: the largest logit, 1 / sum, and the power of a class that the cell lacks.
  var largest = ${uniform ? "0.0" : "-3.4028234e38"};
  for (var rank = 0u; rank < parameters.ranks; rank++) { largest = max(largest, ${scaled}); }
  let other = ${uniform ? "exp(-largest)" : "0.0"};
  var sum = ${uniform ? "f32(parameters.classes - parameters.ranks) * other" : "0.0"};
  for (var rank = 0u; rank < parameters.ranks; rank++) { sum += exp(${scaled} - largest); }
  return vec3<f32>(largest, 1.0 / sum, other);
}
fn term(weight: f32, score: f32, normal: vec3<f32>) -> f32 {
  return weight * (exp(score - normal.x) - normal.z) * normal.y;
}
fn lacking(normal: vec3<f32>) -> f32 { return normal.z * normal.y; }
`;
}

/** A row by one invocation. */
function ownWalk(rule: CellRule): string {
  return `  for (var cell = 0u; cell < cells; cell++) {
    let weight = weights[row * cells + cell];
    if (weight == 0.0) { continue; }
    let normal = normaliser(first, cell);
${
    rule === "sum"
      ? ""
      : "    total += weight * vec2<f32>(1.0, lacking(normal));\n"
  }    for (var rank = 0u; rank < parameters.ranks; rank++) {
      let index = first + rank * cells + cell;
      let class_ = classAt(index);
      if (class_ < parameters.classes) { add(row, class_, term(weight, scoreAt(index) * parameters.scale, normal)); }
    }
  }
`;
}

const SHARED = `var<workgroup> tileClass: array<u32, ${WORKERS}>;
var<workgroup> tileTerm: array<f32, ${WORKERS}>;
var<workgroup> partials: array<vec2<f32>, ${WORKERS}>;
`;

/**
 * A row by a workgroup, ${WORKERS} cells of one rank at a time. A class is added up by the invocation whose number its
 * vector has, from one run of equal classes to the next in a register.
 */
function sharedWalk(rule: CellRule): string {
  return `  for (var start = 0u; start < cells; start += ${WORKERS}u) {
    let cell = start + local;
    var weight = 0.0;
    var normal = vec3<f32>(0.0);
    if (cell < cells) {
      weight = weights[row * cells + cell];
      if (weight != 0.0) { normal = normaliser(first, cell); }
    }
${
    rule === "sum"
      ? ""
      : "    total += weight * vec2<f32>(1.0, lacking(normal));\n"
  }    let count = min(cells - start, ${WORKERS}u);
    for (var rank = 0u; rank < parameters.ranks; rank++) {
      tileClass[local] = 0xffffffffu;
      if (weight != 0.0) {
        let index = first + rank * cells + cell;
        tileClass[local] = classAt(index);
        tileTerm[local] = term(weight, scoreAt(index) * parameters.scale, normal);
      }
      workgroupBarrier();
      var current = 0xffffffffu;
      var sum = 0.0;
      for (var entry = 0u; entry < count; entry++) {
        let class_ = tileClass[entry];
        if (class_ / 4u % ${WORKERS}u != local || class_ >= parameters.classes) { continue; }
        if (class_ != current) {
          if (current != 0xffffffffu) { add(row, current, sum); }
          current = class_;
          sum = 0.0;
        }
        sum += tileTerm[entry];
      }
      if (current != 0xffffffffu) { add(row, current, sum); }
      workgroupBarrier();
    }
  }
`;
}

/** Adds to all classes what they have where cells lack them; with no cell at all, every class has the same. */
function everywhere(shared: boolean, workers: number): string {
  return `${
    shared ? treeJoin("total", { workers: WORKERS }) : ""
  }  let share = select(total.y, parameters.nowhere, total.x == 0.0);
  for (var vector = ${shared ? "local" : "0u"}; vector < parameters.vectors; vector += ${workers}u) {
    pooled[row * parameters.vectors + vector] += select(vec4<f32>(0.0), vec4<f32>(share), ${
    realLanes("vector", "parameters.classes")
  });
  }`;
}

/**
 * What makes targets of the means of cells.
 *
 * @param options `rows` of `classes` each, and the rule.
 * @returns A kernel with `input` (a texture in the software profile, where it is a softmax) and `output`, f32 `[rows, C]`;
 * undefined where the means are targets.
 */
export function finishKernel(
  options: { rows: number; classes: number; rule: PoolingRule; profile: Profile },
): Kernel | undefined {
  const { rows, classes, rule: { finish, alike, threshold }, profile } = options;
  const target = { profile, storage: "f32" } as const;
  if (finish === "one hot") return oneHotKernel({ rows, classes, alike, profile });
  if (finish === "threshold") return thresholdKernel({ rows, classes, threshold: threshold!, profile });
  if (finish === "softmax") return softmaxKernel({ rows, classes, ...target });
  return finish && activationKernel({ activation: finish, shape: [rows, 1, 1, classes], ...target });
}

/**
 * 1 for each value that is at least a threshold, 0 for all others.
 *
 * @param options `rows` of `classes` each, and the threshold.
 * @returns A kernel with the bindings `input` and `output`, f32 `[rows, C]`.
 */
export function thresholdKernel(
  options: { rows: number; classes: number; threshold: number; profile: Profile },
): Kernel {
  const { rows, classes, threshold, profile } = options;
  const vectors = channelVectors(classes);
  return itemKernel({
    name: "threshold",
    profile,
    bindings: { input: "vec4<f32>", output: "vec4<f32>" },
    parameters: [
      { name: "vectors", value: vectors },
      { name: "classes", value: classes },
      { name: "threshold", type: "f32", value: threshold },
    ],
    items: rows * vectors,
    body: `  let isThere = input[item] >= vec4<f32>(parameters.threshold);
  let real = ${realLanes("item % parameters.vectors", "parameters.classes")};
  output[item] = select(vec4<f32>(0.0), vec4<f32>(1.0), isThere & real);`,
  });
}

/**
 * 1 for the highest value of a row, the first of equals, 0 for all others.
 *
 * @param options `rows` of `classes` each; `alike` is what each gets where all are equal.
 * @returns A kernel with the bindings `input` and `output`, f32 `[rows, C]`.
 */
export function oneHotKernel(options: { rows: number; classes: number; alike: number; profile: Profile }): Kernel {
  const { rows, classes, alike, profile } = options;
  const bindings = { input: "vec4<f32>", output: "vec4<f32>" };
  const parameters: Parameter[] = [
    ...unsigned([
      { name: "rows", value: rows },
      { name: "vectors", value: channelVectors(classes) },
      { name: "classes", value: classes },
    ]),
    { name: "alike", type: "f32", value: alike },
  ];
  const shared = profile === "gpu";
  const workers = shared ? 64 : 1;
  const join = [];
  if (shared) {
    join.push(
      "  bestValues[local] = bestValue;\n  bestClasses[local] = bestClass;\n  leastValues[local] = leastValue;\n",
    );
    for (let half = workers / 2; half >= 1; half /= 2) {
      join.push(`  workgroupBarrier();
  if (local < ${half}u) {
    leastValues[local] = min(leastValues[local], leastValues[local + ${half}u]);
    let value = bestValues[local + ${half}u];
    let class_ = bestClasses[local + ${half}u];
    if (value > bestValues[local] || (value == bestValues[local] && class_ < bestClasses[local])) {
      bestValues[local] = value;
      bestClasses[local] = class_;
    }
  }
`);
    }
    join.push(
      "  workgroupBarrier();\n  bestClass = bestClasses[0];\n  bestValue = bestValues[0];\n  leastValue = leastValues[0];\n",
    );
  }
  const walk = (body: string) =>
    `  for (var vector = ${shared ? "local" : "0u"}; vector < parameters.vectors; vector += ${workers}u) {
${body}
  }`;
  return {
    name: `one hot ${profile}`,
    code: `${declarations(bindings, parameters)}
${
      shared
        ? `var<workgroup> bestValues: array<f32, ${workers}>;\nvar<workgroup> bestClasses: array<u32, ${workers}>;
var<workgroup> leastValues: array<f32, ${workers}>;\n`
        : ""
    }
@compute @workgroup_size(${shared ? workers : 8})
fn main(${BUILTINS}) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let row = ${shared ? "group" : "group * 8u + local"};
  if (row >= parameters.rows) { return; }
  var bestValue = -3.4028234e38;
  var bestClass = 0xffffffffu;
  var leastValue = 3.4028234e38;
${
      walk(
        `    let real = ${realLanes("vector", "parameters.classes")};
    let read = input[row * parameters.vectors + vector];
    let values = select(vec4<f32>(-3.4028234e38), read, real);
    let low = select(vec4<f32>(3.4028234e38), read, real);
    leastValue = min(leastValue, min(min(low.x, low.y), min(low.z, low.w)));
    for (var lane = 0u; lane < 4u; lane++) {
      let better = values[lane] > bestValue;
      bestClass = select(bestClass, 4u * vector + lane, better);
      bestValue = select(bestValue, values[lane], better);
    }`,
      )
    }
${join.join("")}${
      walk(`    let real = ${realLanes("vector", "parameters.classes")};
    let lanes = vec4<u32>(4u * vector) + vec4<u32>(0u, 1u, 2u, 3u) == vec4<u32>(bestClass);
    let one = select(vec4<f32>(0.0), vec4<f32>(1.0), lanes);
    let each = select(vec4<f32>(0.0), vec4<f32>(parameters.alike), real);
    output[row * parameters.vectors + vector] = select(one, each, leastValue == bestValue);`)
    }
}
`,
    bindings: listBindings(bindings),
    parameters,
    workgroups: spreadWorkgroups(shared ? rows : Math.ceil(rows / 8)),
  };
}
