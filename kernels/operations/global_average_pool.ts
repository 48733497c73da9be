/**
 * Global average pooling: the mean over H and W, `[N, H, W, C]` to `[N, 1, 1, C]`. Of a feature map it makes what a
 * classifier takes, of a map of logits the logits of the whole image.
 *
 * A CPU runs one invocation for 4 channels, which walks over the positions. On a GPU that would leave most of the machine
 * idle, so a workgroup takes 32 channels: 32 invocations share the positions of each vector, and add their sums up as a
 * tree. Either way the order of the sum is fixed.
 *
 * @module
 */

import { type Kernel, spreadWorkgroups } from "../kernel.ts";
import {
  BUILTINS,
  channelVectors,
  declarations,
  type Shape,
  type Target,
  tensorVectors,
  unsigned,
  vectorType,
} from "./tensor.ts";

/** Vectors of channels in a GPU workgroup: 8 neighbours are 128 bytes of f32, one line of the cache. */
const COLUMNS = 8;

/** Invocations which share the positions of a vector. */
const ROWS = 32;

/** The shape of the mean. */
export function globalAveragePoolShape([batch, , , channels]: Shape): Shape {
  return [batch, 1, 1, channels];
}

/**
 * The mean over H and W on the CPU.
 *
 * @param input `[N, H, W, C]`, channels not padded.
 * @param shape Of the input.
 * @returns `[N, C]`.
 */
export function globalAveragePoolReference(input: ArrayLike<number>, shape: Shape): Float64Array {
  const [batch, height, width, channels] = shape;
  const output = new Float64Array(batch * channels);
  for (let n = 0; n < batch; n++) {
    for (let position = 0; position < height * width; position++) {
      for (let channel = 0; channel < channels; channel++) {
        output[n * channels + channel] += input[(n * height * width + position) * channels + channel];
      }
    }
  }
  return output.map((sum) => sum / (height * width));
}

/**
 * The mean over H and W.
 *
 * @param options `shape` of the input.
 * @returns A kernel with the bindings `input` and `output`.
 */
export function globalAveragePoolKernel(options: { shape: Shape } & Target): Kernel {
  const { shape, profile, storage } = options;
  const [batch, height, width, channels] = shape;
  const vectors = channelVectors(channels);
  const vector = vectorType(storage);
  const bindings = { input: vector, output: vector };
  const parameters = unsigned([
    { name: "positions", value: height * width },
    { name: "vectors", value: vectors },
    ...(profile === "gpu" ? [] : [{ name: "items", value: tensorVectors(globalAveragePoolShape(shape)) }]),
  ]);
  const kernel = { name: `global average pool ${storage} ${profile}`, bindings: Object.keys(bindings), parameters };
  const open = declarations(bindings, parameters);
  if (profile === "software") {
    // 8 invocations fill the vector unit; more would leave the second core idle on the 8 vectors of an early layer.
    return {
      ...kernel,
      code: `${open}
@compute @workgroup_size(8)
fn main(${BUILTINS}) {
  let item = (workgroup.y * workgroups.x + workgroup.x) * 8u + local;
  if (item >= parameters.items) { return; }
  var index = item / parameters.vectors * parameters.positions * parameters.vectors + item % parameters.vectors;
  var sum = vec4<f32>(0.0);
  for (var position = 0u; position < parameters.positions; position++) {
    sum += vec4<f32>(input[index]);
    index += parameters.vectors;
  }
  output[item] = ${vector}(sum / f32(parameters.positions));
}
`,
      workgroups: spreadWorkgroups(Math.ceil((batch * vectors) / 8)),
    };
  }
  const tree: string[] = [];
  for (let half = ROWS / 2; half >= 1; half /= 2) {
    tree.push(`  workgroupBarrier();
  if (row < ${half}u) { sums[local] += sums[local + ${half * COLUMNS}u]; }`);
  }
  return {
    ...kernel,
    code: `${open}
var<workgroup> sums: array<vec4<f32>, ${COLUMNS * ROWS}>;

@compute @workgroup_size(${COLUMNS * ROWS})
fn main(${BUILTINS}) {
  let row = local / ${COLUMNS}u;
  let lanes = workgroup.x * ${COLUMNS}u + local % ${COLUMNS}u;
  let image = workgroup.y;
  var sum = vec4<f32>(0.0);
  if (lanes < parameters.vectors) {
    for (var position = row; position < parameters.positions; position += ${ROWS}u) {
      sum += vec4<f32>(input[(image * parameters.positions + position) * parameters.vectors + lanes]);
    }
  }
  sums[local] = sum;
${tree.join("\n")}
  if (row == 0u && lanes < parameters.vectors) {
    output[image * parameters.vectors + lanes] = ${vector}(sums[local] / f32(parameters.positions));
  }
}
`,
    workgroups: [Math.ceil(vectors / COLUMNS), batch, 1],
  };
}
