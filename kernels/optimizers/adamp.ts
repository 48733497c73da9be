/**
 * AdamP, as timm's: Adam, but for weights that a norm follows, whose length has no effect, the step is kept from growing
 * that length. With the step u of `adam.ts` (with Nesterov's rule beta1 m + (1 - beta1) g stands for m in it) and the
 * learning rate r, a tensor of two axes or more is taken as rows w_o, one an output channel:
 *
 * 1. Rows: if the largest |cos(w_o, g_o)| is below delta / sqrt(columns), each row's part along its weights is taken out:
 *    u_o = u_o - w_o (w_o . u_o) / (|w_o| + epsilon)^2.
 * 2. Else the same with the whole tensor as one row.
 * 3. Where either applied, weight decay is multiplied by `decayRatio`.
 * 4. w = w (1 - r d ratio) - r / (1 - beta1^t) u.
 *
 * cos(a, b) = a . b / (max(|a|, epsilon) max(|b|, epsilon)).
 *
 * Three dispatches for all tensors: sums over each row, while the averages are brought up to date; what to take out, for
 * each tensor from the sums of its rows; the weights. A CPU sums a row with one invocation, a GPU with a workgroup. The
 * sums of a tensor are those of its rows added up in order.
 *
 * (Heo et al., "AdamP", 2021, algorithm 2 and appendix; timm, `optim/adamp.py`.)
 *
 * @module
 */

import { declarations, type Kernel, listBindings, type Profile, scratch, spreadWorkgroups } from "../engine/kernel.ts";
import { BUILTINS, unsigned } from "../operations/shared/tensor.ts";
import { treeJoin } from "../operations/shared/tree_join.ts";
import {
  type AdamOptions,
  type AdamResult,
  type AdamState,
  averageMoments,
  momentParameters,
  moments,
} from "./adam.ts";
import { CONTROL } from "../operations/shared/control.ts";
import { flatUpdate } from "./flat_update.ts";
import { type ParameterLayout, SEGMENT } from "./layout.ts";

/** What does not change from step to step. */
export interface AdamP extends AdamOptions {
  readonly type: "adamp";
  /** Below how large a cosine, times the square root of the row's length, a step is projected: 0.1. */
  readonly delta: number;
  /** What weight decay is multiplied by where the step is projected: 0.1. */
  readonly decayRatio: number;
  readonly nesterov: boolean;
}

/** Invocations of a GPU workgroup, which share a row or a tensor's rows. */
const WORKERS = 64;

/** Invocations of a workgroup on a CPU: one SIMD vector. */
const LANES = 8;

/**
 * One step of one tensor on the CPU.
 *
 * @param state The tensor, its gradient and averages, of one length.
 * @param optimizer The rule.
 * @param options Learning rate, the tensor's weight decay and shape, and the steps done, this one included.
 * @returns The new parameter and averages.
 */
export function adamPReference(
  state: AdamState,
  optimizer: AdamP,
  options: { learningRate: number; weightDecay: number; step: number; shape: readonly number[] },
): AdamResult {
  const { betas: [beta1, beta2], epsilon, nesterov, decayRatio } = optimizer;
  const { learningRate, weightDecay, step, shape } = options;
  const { firstMoment, secondMoment } = averageMoments(state, optimizer);
  const change = firstMoment.map((average, index) => {
    const direction = nesterov ? beta1 * average + (1 - beta1) * state.gradient[index] : average;
    return direction / (Math.sqrt(secondMoment[index] / (1 - beta2 ** step)) + epsilon);
  });
  const projected = shape.length > 1 &&
    (project(state, change, shape[0], optimizer) || project(state, change, 1, optimizer));
  const kept = 1 - learningRate * weightDecay * (projected ? decayRatio : 1);
  const parameter = Float64Array.from(
    state.parameter,
    (value, index) => value * kept - learningRate / (1 - beta1 ** step) * change[index],
  );
  return { parameter, firstMoment, secondMoment };
}

/** Takes the part along the weights out of `change`, if the gradient is near enough to a right angle with them. */
function project({ parameter, gradient }: AdamState, change: Float64Array, rows: number, optimizer: AdamP): boolean {
  const { delta, epsilon } = optimizer;
  const columns = change.length / rows;
  const dot = (a: ArrayLike<number>, b: ArrayLike<number>, row: number): number => {
    let sum = 0;
    for (let index = row * columns; index < (row + 1) * columns; index++) sum += a[index] * b[index];
    return sum;
  };
  const length = (a: ArrayLike<number>, row: number): number => Math.sqrt(dot(a, a, row));
  for (let row = 0; row < rows; row++) {
    const lengths = Math.max(length(parameter, row), epsilon) * Math.max(length(gradient, row), epsilon);
    if (Math.abs(dot(parameter, gradient, row)) / lengths >= delta / Math.sqrt(columns)) return false;
  }
  for (let row = 0; row < rows; row++) {
    const along = dot(parameter, change, row) / (length(parameter, row) + epsilon) ** 2;
    for (let index = row * columns; index < (row + 1) * columns; index++) change[index] -= along * parameter[index];
  }
  return true;
}

/**
 * The first dispatch: brings the averages up to date, and sums over each row w . g, w . w, g . g and w . u.
 *
 * @param options The layout of the flat buffers; the rule.
 * @returns A kernel with the bindings `parameter`, `gradient`, `firstMoment`, `secondMoment` (f32, flat), `rowSegments`,
 * `segments`, `control` and the scratch `rowSums` (f32, `[rows, 4]`).
 */
export function adamPRowsKernel(options: { layout: ParameterLayout; optimizer: AdamP; profile: Profile }): Kernel {
  const { layout, optimizer, profile } = options;
  const shared = profile === "gpu";
  const parameters = [...momentParameters(optimizer), ...unsigned([{ name: "rows", value: layout.rows }])];
  const bindings = {
    parameter: "f32",
    gradient: "f32",
    firstMoment: "f32",
    secondMoment: "f32",
    rowSegments: "u32",
    segments: "Segment",
    control: "Control",
    rowSums: scratch("vec4<f32>", layout.rows * 16),
  };
  const frame = rowFrame(profile, "parameters.rows");
  return {
    name: `adamp rows ${optimizer.nesterov ? "nesterov " : ""}${profile}`,
    code: `${SEGMENT}${CONTROL}${declarations(bindings, parameters)}${shared ? memory("vec4<f32>") : ""}
${frame.open}
  var sums = vec4<f32>(0.0);
  let step = control[0];
  if (step.skip == 0u) {
    let segment = segments[rowSegments[item]];
    let begin = segment.first + (item - segment.firstRow) * segment.columns;
    for (var column = ${frame.first}; column < segment.columns; column += ${frame.stride}u) {
      let at = begin + column;
      let weight = parameter[at];
      ${moments("at")}
      let change = ${changeExpression(optimizer)};
      sums += vec4<f32>(weight * slope, weight * weight, slope * slope, weight * change);
    }
  }
${shared ? treeJoin("sums", { workers: WORKERS }) : ""}${frame.store("rowSums[item] = sums;")}
}
`,
    bindings: listBindings(bindings),
    parameters,
    workgroups: frame.workgroups(layout.rows),
  };
}

/**
 * The second dispatch: what each row of a tensor has taken out of its step, and how much of the weight decay is left.
 *
 * @param options The layout of the flat buffers; the rule.
 * @returns A kernel with the bindings `rowSums`, `segments` and `projection` (f32, `[rows, 2]`: the factor of the weights
 * that is taken out, and the factor of the weight decay).
 */
export function adamPProjectionKernel(
  options: { layout: ParameterLayout; optimizer: AdamP; profile: Profile },
): Kernel {
  const { layout, optimizer, profile } = options;
  const shared = profile === "gpu";
  const parameters = [
    ...(["epsilon", "delta", "decayRatio"] as const)
      .map((name) => ({ name, type: "f32", value: optimizer[name] } as const)),
    ...unsigned([{ name: "segments", value: layout.segments.length }]),
  ];
  const bindings = { rowSums: "vec4<f32>", segments: "Segment", projection: scratch("vec2<f32>", layout.rows * 8) };
  const frame = rowFrame(profile, "parameters.segments");
  const rows = (body: string) =>
    `  for (var row = ${frame.first}; row < segment.rows; row += ${frame.stride}u) {
    ${body}
  }`;
  return {
    name: `adamp projection ${profile}`,
    code: `${SEGMENT}${declarations(bindings, parameters)}${shared ? memory("Joined") : ""}
// Over rows: the largest cosine between weights and gradient, and the sums.
struct Joined {
  largest: f32,
  sums: vec4<f32>,
}

fn cosine(sums: vec4<f32>) -> f32 {
  return abs(sums.x) / (max(sqrt(sums.y), parameters.epsilon) * max(sqrt(sums.z), parameters.epsilon));
}

fn along(sums: vec4<f32>) -> f32 {
  let length = sqrt(sums.y) + parameters.epsilon;
  return sums.w / (length * length);
}

fn join(a: Joined, b: Joined) -> Joined {
  return Joined(max(a.largest, b.largest), a.sums + b.sums);
}

${frame.open}
  let segment = segments[item];
  var joined = Joined(0.0, vec4<f32>(0.0));
${rows("let sums = rowSums[segment.firstRow + row];\n    joined = join(joined, Joined(cosine(sums), sums));")}
${
      shared
        ? treeJoin("joined", { workers: WORKERS, operation: (a, b) => `join(${a}, ${b})` })
        : ""
    }  let channels = segment.channels != 0u;
  let byRow = channels & (joined.largest < parameters.delta / sqrt(f32(segment.columns)));
  let whole = channels & (cosine(joined.sums) < parameters.delta / sqrt(f32(segment.length)));
  let total = select(0.0, along(joined.sums), whole);
  let ratio = select(1.0, parameters.decayRatio, byRow | whole);
${
      rows(
        "let row_ = segment.firstRow + row;\n    projection[row_] = vec2<f32>(select(total, along(rowSums[row_]), byRow), ratio);",
      )
    }
}
`,
    bindings: listBindings(bindings),
    parameters,
    workgroups: frame.workgroups(layout.segments.length),
  };
}

/**
 * The third dispatch: the weights.
 *
 * @param options The layout of the flat buffers; the rule.
 * @returns A kernel with the bindings `parameter`, `firstMoment`, `secondMoment` (f32, flat), with Nesterov's rule
 * `gradient`, `projection`, `blocks`, `segments` and `control`.
 */
export function adamPKernel(options: { layout: ParameterLayout; optimizer: AdamP; profile: Profile }): Kernel {
  const { layout, optimizer, profile } = options;
  return flatUpdate({
    name: optimizer.nesterov ? "adamp nesterov" : "adamp",
    profile,
    flat: ["parameter", "firstMoment", "secondMoment", ...(optimizer.nesterov ? ["gradient"] : [])],
    width: 1,
    tables: { projection: "vec2<f32>" },
    parameters: momentParameters(optimizer),
    length: layout.length,
    body: `    // Past a tensor's end the weight is 0, whatever its row.
    let row = segment.firstRow + min((at - segment.first) / segment.columns, segment.rows - 1u);
    let projected = projection[row];
    let weight = parameter[at];
    let first = firstMoment[at];
    let second = secondMoment[at];
${optimizer.nesterov ? "    let slope = gradient[at] * step.gradientFactor;\n" : ""}    let change = ${
      changeExpression(optimizer)
    } - projected.x * weight;
    let kept = 1.0 - learningRate * segment.weightDecay * projected.y;
    parameter[at] = weight * kept - learningRate / step.firstCorrection * change;`,
  });
}

/** WGSL of u, of `first`, `second` and, with Nesterov's rule, `slope`. */
function changeExpression({ nesterov }: AdamP): string {
  const direction = nesterov ? "(parameters.beta1 * first + parameters.rest1 * slope)" : "first";
  return `${direction} / (sqrt(second / step.secondCorrection) + parameters.epsilon)`;
}

/** The frame of a kernel that gives each item, a row or a tensor, to an invocation on a CPU and to a workgroup on a GPU. */
function rowFrame(profile: Profile, items: string) {
  const shared = profile === "gpu";
  return {
    first: shared ? "local" : "0u",
    stride: shared ? WORKERS : 1,
    open: `@compute @workgroup_size(${shared ? WORKERS : LANES})
fn main(${BUILTINS}) {
  let group = workgroup.y * workgroups.x + workgroup.x;
  let item = ${shared ? "group" : `group * ${LANES}u + local`};
  if (item >= ${items}) { return; }`,
    store: (statement: string) => shared ? `  if (local == 0u) { ${statement} }` : `  ${statement}`,
    workgroups: (count: number) => spreadWorkgroups(shared ? count : Math.ceil(count / LANES)),
  };
}

function memory(type: string): string {
  return `var<workgroup> partials: array<${type}, ${WORKERS}>;\n`;
}
