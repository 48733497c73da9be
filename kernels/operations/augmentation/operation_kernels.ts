/**
 * The operations of `image_operation.ts` on a batch, whose images each have their own: the code of an image's operation
 * chooses a branch, the same for all its pixels.
 *
 * What depends on the whole image goes before: its histogram, counted by a workgroup with integers, so that the order
 * does not matter, becomes a table of what each value turns into.
 *
 * @module
 */

import { declarations, type Kernel, listBindings, type Profile, spreadWorkgroups } from "../../engine/kernel.ts";
import type { Pair } from "../shared/window.ts";
import { BUILTINS, itemKernel, unsigned } from "../shared/tensor.ts";
import { STRETCHED } from "./auto_contrast.ts";
import { HEAD_VECTORS, OPERATION_CODES, OPERATION_VECTORS, recordVectors } from "./records.ts";
import type { AugmentationSettings } from "./augmentation_settings.ts";

/** Invocations that share an image's histogram: one for each value of the table. */
const WORKERS = 256;

const FUNCTIONS = `
fn colours(pixel: u32) -> vec3<u32> { return vec3<u32>(pixel, pixel >> 8u, pixel >> 16u) & vec3<u32>(255u); }

fn greyOf(rgb: vec3<u32>) -> u32 { return (rgb.r * 19595u + rgb.g * 38470u + rgb.b * 7471u + 0x8000u) >> 16u; }

/** Between a degenerate value and a pixel's, or past it. */
fn blend(degenerate: vec3<u32>, value: vec3<u32>, factor: f32) -> vec3<u32> {
  let start = vec3<f32>(degenerate);
  return vec3<u32>(clamp(trunc(start + factor * (vec3<f32>(value) - start)), vec3<f32>(0.0), vec3<f32>(255.0)));
}

fn packed(rgb: vec3<u32>) -> u32 { return rgb.r | (rgb.g << 8u) | (rgb.b << 16u) | 0xff000000u; }
`;

/** What a kernel is made for: a batch of images, and which of their operations. */
interface OperationOptions {
  readonly batch: number;
  readonly settings: AugmentationSettings;
  /** The operation's place in the records. */
  readonly slot: number;
  readonly profile: Profile;
}

function shapeParameters(settings: AugmentationSettings, slot: number) {
  const [height, width]: Pair = settings.size;
  return [
    { name: "height", value: height },
    { name: "width", value: width },
    { name: "recordVectors", value: recordVectors(settings) },
    { name: "operation", value: HEAD_VECTORS + OPERATION_VECTORS * slot },
  ];
}

/**
 * Tables of contrast, autoContrast and equalize: what each value of each colour turns into.
 *
 * @param options Which operations of which batch.
 * @returns A kernel with the bindings `image` (u32, `[N, H, W]`), `records`, `corrections` (u32, of `stretchCorrections`) and
 * `tables` (u32, `[N, 256]`, red in the lowest byte); it writes the tables of the images that need one.
 */
export function operationTablesKernel(options: OperationOptions): Kernel {
  const { batch, settings, slot, profile } = options;
  const { contrast, autoContrast, equalize } = OPERATION_CODES;
  const bindings = { image: "u32", records: "vec4<u32>", corrections: "u32", tables: "u32" };
  const parameters = unsigned([{ name: "batch", value: batch }, ...shapeParameters(settings, slot)]);
  return {
    name: `operation tables ${profile}`,
    code: `${declarations(bindings, parameters)}${FUNCTIONS}${STRETCHED}
/** Counts of red, green, blue and grey by value; the first three become counts of all lower values. */
var<workgroup> counts: array<atomic<u32>, ${4 * WORKERS}>;
/** Lowest and highest value and the number of the highest; for grey the mean. */
var<workgroup> summaries: array<vec3<u32>, 4>;

@compute @workgroup_size(${WORKERS})
fn main(${BUILTINS}) {
  let sample = workgroup.y * workgroups.x + workgroup.x;
  if (sample >= parameters.batch) { return; }
  let operation = records[sample * parameters.recordVectors + parameters.operation];
  let ofGrey = operation.x == ${contrast}u;
  let ofColours = (operation.x == ${autoContrast}u) | (operation.x == ${equalize}u);
  let pixels = parameters.height * parameters.width;
  if (ofGrey | ofColours) {
    for (var colour = 0u; colour < 4u; colour++) { atomicStore(&counts[colour * ${WORKERS}u + local], 0u); }
  }
  workgroupBarrier();
  if (ofGrey | ofColours) {
    for (var pixel = local; pixel < pixels; pixel += ${WORKERS}u) {
      let rgb = colours(image[sample * pixels + pixel]);
      if (ofGrey) {
        atomicAdd(&counts[${3 * WORKERS}u + greyOf(rgb)], 1u);
      } else {
        atomicAdd(&counts[rgb.r], 1u);
        atomicAdd(&counts[${WORKERS}u + rgb.g], 1u);
        atomicAdd(&counts[${2 * WORKERS}u + rgb.b], 1u);
      }
    }
  }
  workgroupBarrier();
  if ((ofGrey & (local == 3u)) | (ofColours & (local < 3u))) {
    var summary = vec3<u32>(255u, 0u, 0u);
    var sum = 0u;
    var before = 0u;
    for (var value = 0u; value < ${WORKERS}u; value++) {
      let at = local * ${WORKERS}u + value;
      let count = atomicLoad(&counts[at]);
      sum += value * count;
      if (count > 0u) { summary = vec3<u32>(min(summary.x, value), value, count); }
      if (ofColours) { atomicStore(&counts[at], before); }
      before += count;
    }
    if (ofGrey) { summary = vec3<u32>((2u * (sum % pixels) + pixels) / (2u * pixels) + sum / pixels); }
    summaries[local] = summary;
  }
  workgroupBarrier();
  if (ofGrey) {
    tables[sample * ${WORKERS}u + local] = packed(blend(summaries[3], vec3<u32>(local), bitcast<f32>(operation.y)));
  } else if (ofColours) {
    var rgb = vec3<u32>(local);
    for (var colour = 0u; colour < 3u; colour++) {
      let summary = summaries[colour];
      if (operation.x == ${autoContrast}u) {
        if (summary.y > summary.x) { rgb[colour] = stretched(local, summary.x, summary.y); }
      } else {
        let step = (pixels - summary.z) / 255u;
        if (step > 0u) {
          rgb[colour] = min((step / 2u + atomicLoad(&counts[colour * ${WORKERS}u + local])) / step, 255u);
        }
      }
    }
    tables[sample * ${WORKERS}u + local] = packed(rgb);
  }
}
`,
    bindings: listBindings(bindings),
    parameters,
    workgroups: spreadWorkgroups(batch),
  };
}

/**
 * One operation of every image.
 *
 * @param options Which operations of which batch; `tables` whether there are tables of {@linkcode operationTablesKernel},
 * without which there must be no operation that needs one.
 * @returns A kernel with the bindings `image` (u32, `[N, H, W]`), `records`, `tables` if there are, and `output`, like the
 * image.
 */
export function imageOperationKernel(options: OperationOptions & { tables: boolean }): Kernel {
  const { batch, settings, slot, profile, tables } = options;
  const { brightness, saturation, sharpness, posterize, solarize, affine } = OPERATION_CODES;
  return itemKernel({
    name: `image operation${tables ? " with tables" : ""}`,
    profile,
    bindings: { image: "u32", records: "vec4<u32>", ...tables ? { tables: "u32" } : {}, output: "u32" },
    parameters: shapeParameters(settings, slot),
    items: batch * settings.size[0] * settings.size[1],
    functions: `${FUNCTIONS}
/** The mean about a pixel, the pixel itself weighing 5 of 13; itself at the edge. */
fn smoothed(item: u32, x: u32, y: u32) -> vec3<u32> {
  let middle = colours(image[item]);
  if ((x == 0u) | (y == 0u) | (x + 1u == parameters.width) | (y + 1u == parameters.height)) { return middle; }
  var sum = 4u * middle;
  for (var row = 0u; row < 3u; row++) {
    let start = item + row * parameters.width - parameters.width - 1u;
    for (var column = 0u; column < 3u; column++) { sum += colours(image[start + column]); }
  }
  return (2u * sum + vec3<u32>(13u)) / vec3<u32>(26u);
}

/** The pixel at a place given in multiples of 2^-16; black outside. */
fn moved(sample: u32, place: vec2<i32>) -> u32 {
  let at = place >> vec2<u32>(16u);
  let size = vec2<i32>(i32(parameters.width), i32(parameters.height));
  if (any(at < vec2<i32>(0)) | any(at >= size)) { return 0xff000000u; }
  return image[(sample * parameters.height + u32(at.y)) * parameters.width + u32(at.x)];
}
`,
    body: `  let sample = item / (parameters.width * parameters.height);
  let x = item % parameters.width;
  let y = item / parameters.width % parameters.height;
  let pixel = image[item];
  let rgb = colours(pixel);
  let first = sample * parameters.recordVectors + parameters.operation;
  let operation = records[first];
  let factor = bitcast<f32>(operation.y);
  var result = pixel;
  switch (operation.x) {
    case 0u: { }
    case ${brightness}u: { result = packed(blend(vec3<u32>(0u), rgb, factor)); }
    case ${saturation}u: { result = packed(blend(vec3<u32>(greyOf(rgb)), rgb, factor)); }
    case ${sharpness}u: { result = packed(blend(smoothed(item, x, y), rgb, factor)); }
    case ${posterize}u: { result = packed(rgb & vec3<u32>(operation.y)); }
    case ${solarize}u: { result = packed(select(rgb, vec3<u32>(255u) - rgb, vec3<f32>(rgb) >= vec3<f32>(factor))); }
    case ${affine}u: {
      let rest = bitcast<vec4<i32>>(records[first + 1u]);
      let matrix = bitcast<vec3<i32>>(operation.yzw);
      let place = vec2<i32>(i32(x), i32(y));
      result = moved(
        sample,
        vec2<i32>(
          matrix.x * place.x + matrix.y * place.y + matrix.z,
          rest.x * place.x + rest.y * place.y + rest.z,
        ),
      );
    }
    default: {
${
      tables
        ? `      let start = sample * 256u;
      result = packed(vec3<u32>(
        tables[start + rgb.r] & 0xffu,
        (tables[start + rgb.g] >> 8u) & 0xffu,
        (tables[start + rgb.b] >> 16u) & 0xffu,
      ));
`
        : ""
    }    }
  }
  output[item] = result;`,
  });
}
