/**
 * Reductions by channel over N, H and W, in two stages: the positions are cut into splits, each split gives two partial
 * results a channel, and these are joined in order. The cut depends on the shape and the profile alone, so that equal
 * inputs give equal bits.
 *
 * A CPU runs one invocation for 4 channels of a split. On a GPU a workgroup takes 32 channels of a split: 32
 * invocations share the positions of each vector, and join what they have as a tree.
 *
 * And the way back: {@linkcode positionRuns}, a pass over the tensor with numbers of each channel.
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
  type StatedBindings,
} from "../../engine/kernel.ts";
import { BUILTINS, channelVectors, itemKernel, type Shape, unsigned } from "./tensor.ts";
import type { TensorReads } from "./tensor_reads.ts";

/** Vectors of channels in a GPU workgroup. */
const COLUMNS = 8;

/** Invocations which share the positions of a vector. */
const ROWS = 32;

/** Positions that an invocation on a CPU takes at least, and at most: it reads the channels' own numbers once for all. */
const POSITION_RUN = { least: 16, most: 128 };

/** Invocations of such a pass that keep a CPU busy: 64 SIMD vectors. */
const RUNS_WANTED = 512;

/** Invocations of its workgroups on a CPU: one SIMD vector. */
const LANES = 8;

/** How positions are cut. */
interface Splits {
  /** N * H * W. */
  readonly positions: number;
  readonly splits: number;
  /** Positions of a split; the last may have fewer. */
  readonly each: number;
}

/** Cuts positions: enough splits to fill the machine, of not so many positions that f32 sums would lose digits. */
function splitPositions([batch, height, width, channels]: Shape, profile: Profile): Splits {
  const positions = batch * height * width;
  const vectors = channelVectors(channels);
  const [wanted, least, most] = profile === "gpu"
    ? [512 / Math.ceil(vectors / COLUMNS), 4 * ROWS, 512 * ROWS]
    : [1024 / vectors, 32, 512];
  const each = Math.min(Math.max(Math.ceil(positions / wanted), least), most);
  return { positions, splits: Math.ceil(positions / each), each };
}

/** The WGSL type of two partial results. */
export const PAIR = "struct Pair { first: vec4<f32>, second: vec4<f32>, }\n";

/** Positions of a run whose moments a kernel stores with its output, where it does. */
export const MOMENT_RUN = 32;

/**
 * Joins moments: means, and M2, sums of squared deviations from them. With d = m_b - m_a (Chan, Golub and LeVeque, 1979)
 *
 *     m = m_a + d n_b / n,  M2 = M2_a + M2_b + d^2 n_a n_b / n.
 */
export const JOIN_MOMENTS = `fn join(a: Pair, b: Pair, countA: f32, countB: f32) -> Pair {
  let share = countB / max(countA + countB, 1.0);
  let difference = b.first - a.first;
  return Pair(a.first + difference * share, a.second + b.second + difference * difference * (countA * share));
}
`;

/** Joins sums. */
export const JOIN_SUMS = `fn join(a: Pair, b: Pair, countA: f32, countB: f32) -> Pair {
  return Pair(a.first + b.first, a.second + b.second);
}
`;

/**
 * The first stage: two results a channel and split.
 *
 * @param options `shape` of the tensors; `reads` what is read of them, `bindings` what else; `join` a WGSL function of
 * two `Pair`s and the number of positions in each, and those that the steps call; `setup` WGSL statements that know the vector as `lanes`; `step`
 * those for the position whose vector is `at`, which change `pair`.
 * @returns A kernel with those bindings and the scratch `partials`: f32, `[splits, 2, C]`, C padded.
 */
export function channelPartials(options: {
  name: string;
  shape: Shape;
  reads: TensorReads;
  bindings: StatedBindings;
  /** What else the texts read of the uniform block. */
  parameters?: readonly { name: string; value: number }[];
  join: string;
  setup: string;
  step: string;
  /** WGSL after `step` that writes to the vector `at`, which no two invocations then do. */
  store?: string;
  /** WGSL for each position of a second walk, which finds the results of the first in `pair`, and `count` positions. */
  again?: { setup: string; step: string };
  profile: Profile;
}): Kernel {
  const { name, shape, reads, join, setup, step, store: storeVector, again, profile } = options;
  const vectors = channelVectors(shape[3]);
  const { positions, splits, each } = splitPositions(shape, profile);
  const shared = profile === "gpu";
  const bindings = {
    ...reads.bindings,
    ...options.bindings,
    partials: scratch("vec4<f32>", splits * 2 * vectors * 16),
  };
  const parameters = unsigned([
    { name: "positions", value: positions },
    { name: "each", value: each },
    { name: "vectors", value: vectors },
    ...(shared ? [] : [{ name: "items", value: splits * vectors }]),
    ...options.parameters ?? [],
  ]);
  const walk = (start: string, stride: number) =>
    `  let end = min((split + 1u) * parameters.each, parameters.positions);
${setup}
  var pair = Pair(vec4<f32>(0.0), vec4<f32>(0.0));
  var count = 0.0;
  for (var position = ${start}; position < end; position += ${stride}u) {
    let at = position * parameters.vectors + lanes;
    count += 1.0;
${step}${storeVector ? `\n    ${shared ? `if (column < parameters.vectors) { ${storeVector} }` : storeVector}` : ""}
  }
${
      again
        ? `${again.setup}
  for (var position = ${start}; position < end; position += ${stride}u) {
    let at = position * parameters.vectors + lanes;
${again.step}
  }
`
        : ""
    }`;
  const store = `    let place = 2u * split * parameters.vectors + lanes;
    partials[place] = pair.first;
    partials[place + parameters.vectors] = pair.second;
`;
  const open = declarations(bindings, parameters);
  const code = shared
    ? `${open}
${PAIR}${join}
var<workgroup> firsts: array<vec4<f32>, ${COLUMNS * ROWS}>;
var<workgroup> seconds: array<vec4<f32>, ${COLUMNS * ROWS}>;
var<workgroup> counts: array<f32, ${COLUMNS * ROWS}>;

@compute @workgroup_size(${COLUMNS * ROWS})
fn main(${BUILTINS}) {
  let row = local / ${COLUMNS}u;
  let column = workgroup.x * ${COLUMNS}u + local % ${COLUMNS}u;
  let split = workgroup.y;
  // Columns past the last do the last one's work again: nobody leaves before the barriers.
  let lanes = min(column, parameters.vectors - 1u);
${walk("split * parameters.each + row", ROWS)}  firsts[local] = pair.first;
  seconds[local] = pair.second;
  counts[local] = count;
${joinRows(ROWS, COLUMNS)}  if (row == 0u && column < parameters.vectors) {
    pair = Pair(firsts[local], seconds[local]);
${store}  }
}
`
    : `${open}
${PAIR}${join}
@compute @workgroup_size(8)
fn main(${BUILTINS}) {
  let item = (workgroup.y * workgroups.x + workgroup.x) * 8u + local;
  if (item >= parameters.items) { return; }
  let split = item / parameters.vectors;
  let lanes = item % parameters.vectors;
${walk("split * parameters.each", 1)}  {
${store}  }
}
`;
  return {
    name: `${name} ${profile}`,
    code,
    bindings: listBindings(bindings),
    parameters,
    workgroups: shared
      ? [Math.ceil(vectors / COLUMNS), splits, 1]
      : spreadWorkgroups(Math.ceil((splits * vectors) / 8)),
  };
}

/** WGSL that joins what the rows of each column found, as a tree. */
function joinRows(rows: number, columns: number): string {
  const steps: string[] = [];
  for (let half = rows / 2; half >= 1; half /= 2) {
    steps.push(`  workgroupBarrier();
  if (row < ${half}u) {
    let other = local + ${half * columns}u;
    let joined = join(
      Pair(firsts[local], seconds[local]),
      Pair(firsts[other], seconds[other]),
      counts[local],
      counts[other],
    );
    firsts[local] = joined.first;
    seconds[local] = joined.second;
    counts[local] += counts[other];
  }
`);
  }
  return steps.join("");
}

/**
 * What the second stage needs: an invocation for each vector of channels walks over the splits.
 *
 * @param shape Shape of the tensors.
 * @param join As in the first stage.
 * @param profile The kernel's.
 * @returns `functions` for module scope, `body` WGSL that leaves the result of the vector `item` in `pair`, and the
 * `parameters` it reads. The kernel binds `partials`, as `vec4<f32>`.
 */
export function joinPartials(shape: Shape, join: string, profile: Profile) {
  return joinSplits(splitPositions(shape, profile), shape[3], join);
}

/**
 * The second stage where it is all there is to do: the sums of each channel.
 *
 * @param options `shape` of the tensors; `first` and `second`, what the two sums are called, where they are wanted.
 * @returns A kernel with the bindings `partials`, as the first stage wrote them, and those of the sums (f32, `[C]`, padded).
 */
export function channelSums(
  options: { name: string; shape: Shape; profile: Profile; first?: string; second?: string },
): Kernel {
  const { name, shape, profile, first, second } = options;
  const joined = joinPartials(shape, JOIN_SUMS, profile);
  const sums = [...(first ? [[first, "pair.first"]] : []), ...(second ? [[second, "pair.second"]] : [])];
  return itemKernel({
    name,
    profile,
    joinable: true,
    bindings: Object.fromEntries(["partials", ...sums.map(([binding]) => binding)].map((key) => [key, "vec4<f32>"])),
    parameters: joined.parameters,
    items: channelVectors(shape[3]),
    functions: joined.functions,
    body: joined.body + sums.map(([binding, sum]) => `  ${binding}[item] = ${sum};`).join("\n"),
  });
}

/**
 * As {@linkcode joinPartials}, where ranks that train together have a split each: the kernel binds their partial results in the order of the
 * ranks, f32 `[ranks, 2, C]`, C padded, as `partials`.
 *
 * @param shape Shape of one rank's tensors.
 * @param ranks How many there are.
 * @param join As in the first stage.
 * @returns As {@linkcode joinPartials}.
 */
export function joinRanks(shape: Shape, ranks: number, join: string) {
  const each = shape[0] * shape[1] * shape[2];
  return joinSplits({ positions: ranks * each, splits: ranks, each }, shape[3], join);
}

/** Invocations that share the runs of a vector. */
const RUN_ROWS = 256;

/**
 * A second stage on a GPU where the first stage's splits are runs of {@linkcode MOMENT_RUN} positions: a workgroup for each
 * vector of channels walks over them.
 *
 * @param options `shape` of the tensors; `join` as in the first stage; `bindings`, among them the runs' results as `partials`,
 * and `parameters`; `body` WGSL that finds the result of the vector `item` in `pair`.
 * @returns The kernel.
 */
export function joinRuns(options: {
  name: string;
  shape: Shape;
  join: string;
  bindings: StatedBindings;
  parameters: readonly (Omit<Parameter, "type"> & Partial<Parameter>)[];
  body: string;
}): Kernel {
  const { name, shape, join, bindings, body } = options;
  const positions = shape[0] * shape[1] * shape[2];
  const vectors = channelVectors(shape[3]);
  const parameters = unsigned([
    { name: "positions", value: positions },
    { name: "splits", value: Math.ceil(positions / MOMENT_RUN) },
    { name: "each", value: MOMENT_RUN },
    { name: "vectors", value: vectors },
    ...options.parameters,
  ]);
  return {
    name: `${name} of runs gpu`,
    code: `${declarations(bindings, parameters)}
${PAIR}${join}
var<workgroup> firsts: array<vec4<f32>, ${RUN_ROWS}>;
var<workgroup> seconds: array<vec4<f32>, ${RUN_ROWS}>;
var<workgroup> counts: array<f32, ${RUN_ROWS}>;

@compute @workgroup_size(${RUN_ROWS})
fn main(${BUILTINS}) {
  let item = workgroup.x;
  let row = local;
  var pair = Pair(vec4<f32>(0.0), vec4<f32>(0.0));
  var count = 0.0;
  for (var split = row; split < parameters.splits; split += ${RUN_ROWS}u) {
    let place = 2u * split * parameters.vectors + item;
    let own = f32(min(parameters.each, parameters.positions - split * parameters.each));
    pair = join(pair, Pair(partials[place], partials[place + parameters.vectors]), count, own);
    count += own;
  }
  firsts[local] = pair.first;
  seconds[local] = pair.second;
  counts[local] = count;
${joinRows(RUN_ROWS, 1)}  if (row == 0u) {
    pair = Pair(firsts[0], seconds[0]);
${body}
  }
}
`,
    bindings: listBindings(bindings),
    parameters,
    workgroups: [vectors, 1, 1],
  };
}

function joinSplits({ positions, splits, each }: Splits, channels: number, join: string) {
  return {
    functions: `${PAIR}${join}`,
    parameters: [
      { name: "positions", value: positions },
      { name: "splits", value: splits },
      { name: "each", value: each },
      { name: "vectors", value: channelVectors(channels) },
    ],
    body: `  var pair = Pair(partials[item], partials[item + parameters.vectors]);
  for (var split = 1u; split < parameters.splits; split++) {
    let place = 2u * split * parameters.vectors + item;
    let start = split * parameters.each;
    pair = join(
      pair,
      Pair(partials[place], partials[place + parameters.vectors]),
      f32(start),
      f32(min(parameters.each, parameters.positions - start)),
    );
  }
`,
  };
}

/**
 * The frame of a pass over a tensor in which an invocation takes 4 channels of a run of positions.
 *
 * @param shape Shape of the tensor.
 * @param profile The kernel's.
 * @param setup WGSL that knows the vector within a position as `lanes`.
 * @param step WGSL for the vector `at` of the tensor.
 * @returns What `itemKernel` takes: `parameters`, `items`, `workgroup` and `body`.
 */
export function positionRuns([batch, height, width, channels]: Shape, profile: Profile, setup: string, step: string) {
  const { run: _, ...runs } = cutRuns([1, batch * height * width], channels, profile);
  return {
    ...runs,
    body: `  let lanes = item % parameters.vectors;
  let first = item / parameters.vectors * parameters.run;
  let end = min(first + parameters.run, parameters.positions);
${setup}
${walkRun(step)}`,
  };
}

/**
 * As {@linkcode positionRuns}, with runs that do not go beyond an image.
 *
 * @param shape Shape of the tensor.
 * @param profile The kernel's.
 * @param setup WGSL that knows the image as `image`, the vector within a position as `lanes`, and the vector of a tensor
 * `[N, 1, 1, C]` as `place`.
 * @param step WGSL for the vector `at` of the tensor.
 * @returns What `itemKernel` takes.
 */
export function imageRuns([batch, height, width, channels]: Shape, profile: Profile, setup: string, step: string) {
  const { run, parameters, ...runs } = cutRuns([batch, height * width], channels, profile);
  return {
    ...runs,
    parameters: [...parameters, { name: "runs", value: Math.ceil(height * width / run) }],
    body: `  let lanes = item % parameters.vectors;
  let image = item / parameters.vectors / parameters.runs;
  let start = item / parameters.vectors % parameters.runs * parameters.run;
  let first = image * parameters.positions + start;
  let end = first + min(parameters.run, parameters.positions - start);
  let place = image * parameters.vectors + lanes;
${setup}
${walkRun(step)}`,
  };
}

/** Cuts the positions of each part into runs. */
function cutRuns([parts, positions]: readonly [parts: number, positions: number], channels: number, profile: Profile) {
  const vectors = channelVectors(channels);
  const { least, most } = POSITION_RUN;
  const wanted = Math.ceil(parts * positions * vectors / RUNS_WANTED);
  const run = profile === "gpu" ? 1 : Math.min(Math.max(wanted, least), most);
  return {
    run,
    parameters: [
      { name: "positions", value: positions },
      { name: "vectors", value: vectors },
      { name: "run", value: run },
    ],
    items: parts * Math.ceil(positions / run) * vectors,
    ...(profile === "gpu" ? {} : { workgroup: LANES }),
  };
}

/** WGSL of a step for each position from `first` to before `end`. */
function walkRun(step: string): string {
  return `  for (var position = first; position < end; position++) {
    let at = position * parameters.vectors + lanes;
${step}
  }`;
}
