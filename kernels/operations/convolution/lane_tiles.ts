/**
 * Convolution in the software profile where the adapter has subgroups (`engine/subgroups.ts`), whose invocations stand side
 * by side along the positions. An invocation holds a tile of 4 positions, a subgroup apart, or of one, by 16 or 32 channels.
 *
 * Weights come lane by lane: for a step (a tap, 4 input channels) each lane reads the weights of an output channel or a few
 * from a texture, and `subgroupShuffle` with a constant lane spreads them over all. So with 8 lanes and 32 channels a step
 * costs 4 reads of positions and 4 of weights for 512 multiply-adds a lane. Against uniform windows (`software.ts`) that
 * takes half the time, and weights of any size are one dispatch.
 *
 * With 3 taps a row the 4 positions of an invocation are a strip of a row (`software_strips.ts`): 6 reads of positions serve
 * the 12 products of a row of taps, and a 3x3 takes a quarter to a third less time than with 12 reads.
 *
 * Packed weights are texels of 4 input channels: of each tile `[step][channel]`, then its biases by 4.
 *
 * @module
 */

import {
  declarations,
  type Kernel,
  listBindings,
  type Parameter,
  spreadWorkgroups,
  texture,
  TEXTURE_WIDTH,
} from "../../engine/kernel.ts";
import type { SubgroupLanes } from "../../engine/subgroups.ts";
import { BUILTINS, channelVectors, type Target, unsigned, vectorType } from "../shared/tensor.ts";
import { readTexel } from "../shared/tensor_reads.ts";
import { range, wgsl } from "../shared/wgsl.ts";
import {
  activationFunctions,
  activationLabel,
  type ConvolutionWeights,
  FIRST_WEIGHT,
  SPREAD_FUNCTION,
  spreadParameters,
  windowParameters,
} from "./dispatch.ts";
import { type ConvolutionShape, type Epilogue, isPointwise, outputPositions } from "./shape.ts";
import {
  insideStrip,
  locateStrip,
  stripCount,
  stripInputs,
  stripParameters,
  stripWalk,
  tapsAhead,
} from "./software_strips.ts";
import {
  addsParts,
  addsRows,
  locateTile,
  MOST_OF_RUN,
  PART_STEPS,
  placeWeights,
  runLengths,
  storeSums,
  type StoreVariant,
  tileParameters,
  tilesOf,
} from "./software_tiles.ts";

/** Rows of a texture that every adapter has, the row of zeros not counted. */
const MOST_ROWS = 8191;

/**
 * Positions of an invocation, where there are more than lanes. 8 of them take a tenth less time for a large matrix product,
 * as much for small layers, and twice as long to compile.
 */
const MOST_POSITIONS = 4;

/** How many more channels tiles of 32 may pad to than tiles of 16, which need more reads for each. */
const MOST_PADDING = 1.12;

/** Output channels of a tile. Groups are taken together as in `software.ts`, and parts of sums take registers of their own. */
function tileOf(shape: ConvolutionShape): 16 | 32 {
  if (shape.groups > 1 || addsParts(shape)) return 16;
  const padded = (tile: number) => Math.ceil(shape.outputChannels / tile) * tile;
  return padded(32) <= padded(16) * MOST_PADDING ? 32 : 16;
}

/** Texels of a tile's weights and biases. */
function tileTexels(tile: number, steps: number): number {
  return steps * tile + tile / 4;
}

/** Whether a convolution's weights fit into a texture. */
export function fitsLaneTiles(shape: ConvolutionShape): boolean {
  const tile = tileOf(shape);
  const { tiles, steps } = tilesOf(shape, tile);
  return tiles * tileTexels(tile, steps) <= MOST_ROWS * TEXTURE_WIDTH;
}

/** Packs weights and biases for {@linkcode laneConvolution}. */
export function packLaneWeights(
  shape: ConvolutionShape,
  { weight, bias }: ConvolutionWeights,
): Float32Array<ArrayBuffer> {
  const size = tileOf(shape);
  const { tiles, steps } = tilesOf(shape, size);
  const texels = tileTexels(size, steps);
  const packed = new Float32Array(tiles * texels * 4);
  placeWeights(shape, size, {
    weight(tile, step, lane, column, index) {
      packed[(tile * texels + step * size + column) * 4 + lane] = weight[index];
    },
    bias(tile, column, channel) {
      if (bias) packed[(tile * texels + steps * size) * 4 + column] = bias[channel];
    },
  });
  return packed;
}

/** What the text of a kernel depends on. */
interface Variant extends StoreVariant {
  readonly lanes: SubgroupLanes;
  /** Numbers of an invocation's positions. */
  readonly each: readonly number[];
  /** Numbers of a tile's 4-vectors of output channels. */
  readonly columns: readonly number[];
  readonly pointwise: boolean;
  /** Whether positions are a strip of a row, of whose taps the products are added up first. */
  readonly strips: boolean;
  /** Whether the sum is made of those of parts, and of runs: of several taps, or within a tap. */
  readonly inParts: boolean;
  readonly runs: "none" | "taps" | "within";
}

function positionOf(p: number, { lanes, strips }: Variant): string {
  return `first + ${strips ? p : p * lanes}u`;
}

/** WGSL that declares sums of all positions and columns. */
function declareSums({ each, columns }: Variant, name: string): string[] {
  return each.flatMap((p) => columns.map((column) => `var ${name}${p}_${column} = vec4<f32>();`));
}

/** WGSL that adds other sums to sums. */
function addSums({ each, columns }: Variant, name: string, added: string): string[] {
  return each.flatMap((p) => columns.map((column) => `${name}${p}_${column} += ${added}${p}_${column};`));
}

/** WGSL of what surrounds a loop whose sums are added to others once it is done. */
function within(variant: Variant, name: string, added: string, loop: string): string {
  return wgsl`
    ${declareSums(variant, added)}
    ${loop}
    ${addSums(variant, name, added)}
  `;
}

/** WGSL that reads the weights of a step, those of each tap of its row, and adds the products of all positions to sums. */
function addProducts(variant: Variant, sum: string): string[] {
  const { lanes, each, columns, strips } = variant;
  const inputs = each.map((p) => strips ? stripInputs(p) : [`x${p}`]);
  const taps = inputs[0].map((_, tap) => tap);
  const weights = taps.flatMap((tap) =>
    range(4 * columns.length / lanes).map((part) => {
      const at = `(block + ${part * lanes}u${tap === 0 ? "" : ` + ${tapsAhead(tap)}`})`;
      return `let w${tap}_${part} = ${readTexel("weights", at)};`;
    })
  );
  // A channel's products follow its shuffles: if those of several channels come first, registers spill, and 3 taps take a
  // fifth longer.
  const channels = columns.map((column) => {
    const products = range(4).flatMap((lane) => {
      const channel = 4 * column + lane;
      const part = Math.floor(channel / lanes);
      const terms = (p: number) =>
        inputs[p].flatMap((x, tap) => [..."xyzw"].map((axis) => `${x}.${axis} * v${tap}_${lane}.${axis}`)).join(" + ");
      return [
        ...taps.map((tap) => `let v${tap}_${lane} = subgroupShuffle(w${tap}_${part}, ${channel % lanes}u);`),
        ...each.map((p) => `let product${p}_${lane} = ${terms(p)};`),
      ];
    });
    const sums = each.map((p) => {
      const own = range(4).map((lane) => `product${p}_${lane}`);
      return `${sum}${p}_${column} += vec4<f32>(${own.join(", ")});`;
    });
    return wgsl`
      {
        ${products}
        ${sums}
      }
    `;
  });
  return [...weights, ...channels];
}

/** WGSL that adds one step of all positions to the sums of a name. */
function addStep(variant: Variant, sum: string): string {
  const { each, columns, pointwise } = variant;
  const positions = each.flatMap((p) => [
    `let x${p} = ${readTexel("input", `at${p}`)};`,
    `at${p} += ${pointwise ? "1u" : `advance${p}`};`,
  ]);
  return wgsl`
    ${positions}
    ${addProducts(variant, sum)}
    block += ${4 * columns.length}u;
  `;
}

/** WGSL that adds the steps of a tap to `sum`. */
function walkVectors(variant: Variant, sum: string): string {
  const walkTo = (stop: string, name: string) => {
    if (!variant.inParts) return wgsl`for (; s < ${stop}; s++) { ${addStep(variant, name)} }`;
    const part = within(variant, name, "part", wgsl`for (; s < endPart; s++) { ${addStep(variant, "part")} }`);
    return wgsl`
      for (; s < ${stop};) {
        let endPart = min(s + ${PART_STEPS}u, ${stop});
        ${part}
      }
    `;
  };
  if (variant.runs !== "within") {
    return wgsl`
      var s = 0u;
      ${walkTo("parameters.groupVectors", sum)}
    `;
  }
  return wgsl`
    for (var s = 0u; s < parameters.groupVectors;) {
      let endRun = min(s + parameters.runVectors, parameters.groupVectors);
      ${within(variant, sum, "run", walkTo("endRun", "run"))}
    }
  `;
}

/** WGSL that finds where the windows of the positions begin. */
function locateWindows(variant: Variant): string[] {
  return variant.each.map((p) =>
    wgsl`
      let position${p} = ${positionOf(p, variant)};
      let top${p} = i32(position${p} / parameters.outputX % parameters.outputY * parameters.strideY) - i32(parameters.beforeY);
      let left${p} = i32(position${p} % parameters.outputX * parameters.strideX) - i32(parameters.beforeX);
      let image${p} = i32(position${p} / (parameters.outputX * parameters.outputY) * parameters.inputY);
    `
  );
}

/** WGSL that finds the input of a tap, the zero texel where it is outside. */
function locateTap({ each }: Variant): string[] {
  return each.map((p) =>
    wgsl`
      let row${p} = top${p} + dy;
      let column${p} = left${p} + dx;
      let inside${p} = (row${p} >= 0) & (row${p} < i32(parameters.inputY)) & (column${p} >= 0) & (column${p} < i32(parameters.inputX)) & (position${p} < parameters.positions);
      var at${p} = select(0u, u32((image${p} + row${p}) * i32(parameters.inputX) + column${p}) * parameters.inputVectors + groupVector + ${TEXTURE_WIDTH}u, inside${p});
      let advance${p} = select(0u, 1u, inside${p});
    `
  );
}

/** WGSL that adds up all steps. */
function walk(variant: Variant): string {
  const { each, columns, pointwise, strips, runs } = variant;
  if (pointwise) {
    const places = each.map((p) => {
      const position = `min(${positionOf(p, variant)}, parameters.positions - 1u)`;
      return `var at${p} = ${position} * parameters.inputVectors + ${TEXTURE_WIDTH}u;`;
    });
    return wgsl`
      ${places}
      ${walkVectors(variant, "sum")}
    `;
  }
  if (strips) return stripWalk(each.length, 4 * columns.length, addProducts(variant, "sum"));
  const tap = (sum: string) =>
    wgsl`
      let dy = i32(tap / parameters.kernelX);
      let dx = i32(tap % parameters.kernelX);
      ${locateTap(variant)}
      ${walkVectors(variant, sum)}
    `;
  const loop = runs === "taps"
    ? wgsl`
      for (var tap = 0u; tap < parameters.taps;) {
        let endTap = min(tap + parameters.runTaps, parameters.taps);
        ${within(variant, "sum", "run", wgsl`for (; tap < endTap; tap++) { ${tap("run")} }`)}
      }
    `
    : wgsl`for (var tap = 0u; tap < parameters.taps; tap++) { ${tap("sum")} }`;
  return wgsl`
    ${locateWindows(variant)}
    ${loop}
  `;
}

/** The text of `main`. */
function writeMain(variant: Variant): string {
  const { lanes, each, columns, strips } = variant;
  const stores = each.map((p) => {
    const position = positionOf(p, variant);
    const inside = strips ? insideStrip(p) : `${position} < parameters.positions`;
    return storeSums(p, columns, { position, inside, bias: (column) => `bias${column}` }, variant);
  });
  return wgsl`
    @compute @workgroup_size(${lanes})
    fn main(${BUILTINS}) {
      let subgroup = workgroup.y * workgroups.x + workgroup.x;
      ${strips ? `let item = subgroup * ${lanes}u + local;` : `let first = subgroup * ${lanes * each.length}u + local;`}
      ${strips && locateStrip(each.length)}
      let tile = workgroup.z;
      ${locateTile(columns.length)}
      let ownWeights = tile * parameters.tileTexels + parameters.${FIRST_WEIGHT} + ${TEXTURE_WIDTH}u;
      var block = ownWeights + local;
      ${declareSums(variant, "sum")}
      ${walk(variant)}
      let biases = ownWeights + parameters.tileTexels - ${columns.length}u;
      ${columns.map((column) => `let bias${column} = ${readTexel("weights", `(biases + ${column}u)`)};`)}
      ${stores}
    }

  `;
}

/**
 * Convolution on subgroups: dense, grouped, pointwise.
 *
 * @param shape The convolution, whose weights {@linkcode fitsLaneTiles}.
 * @param epilogue What follows the sum.
 * @param target `storage` of activations, weights are f32; `subgroupLanes`.
 * @returns The kernel. Bindings: textures `input` and `weights`, storage `output`; texture `residual` if the epilogue has
 * one.
 */
export function laneConvolution(
  shape: ConvolutionShape,
  epilogue: Epilogue,
  { storage, subgroupLanes }: Target & { readonly subgroupLanes: SubgroupLanes },
): Kernel {
  const { activation, residualChannels, spread } = epilogue;
  const lanes = subgroupLanes;
  const size = tileOf(shape);
  const tiles = tilesOf(shape, size);
  const positions = outputPositions(shape);
  const lengths = runLengths(tiles);
  const strips = addsRows(shape, tiles.steps);
  const variant: Variant = {
    lanes,
    each: range(positions <= lanes && !strips ? 1 : MOST_POSITIONS),
    columns: range(size / 4),
    pointwise: isPointwise(shape),
    strips,
    inParts: addsParts(shape),
    runs: tiles.steps <= MOST_OF_RUN ? "none" : lengths.vectors === tiles.vectors ? "taps" : "within",
    residual: residualChannels !== undefined,
    spread: spread !== undefined,
    activation,
    storage,
  };
  const parameters: Parameter[] = unsigned(
    Object.entries({
      positions,
      inputVectors: channelVectors(shape.inputChannels),
      ...tileParameters(shape, epilogue, tiles),
      tileTexels: tileTexels(size, tiles.steps),
      [FIRST_WEIGHT]: 0,
      runTaps: lengths.taps,
      runVectors: lengths.vectors,
      ...(variant.pointwise ? {} : {
        taps: shape.kernel[0] * shape.kernel[1],
        ...windowParameters(shape),
      }),
      ...(strips ? stripParameters(shape, MOST_POSITIONS) : {}),
      ...spreadParameters(shape, spread),
    }).map(([name, value]) => ({ name, value })),
  );
  const bindings = {
    output: vectorType(storage),
    input: texture(storage),
    ...(variant.residual ? { residual: texture(storage) } : {}),
    weights: texture("f32"),
  };
  const kind = `${shape.kernel.join("x")}${strips ? " strips of" : ""} ${variant.each.length} by ${size}`;
  const code = `${declarations(bindings, parameters)}${spread ? SPREAD_FUNCTION : ""}${
    activationFunctions(activation)
  }\n${writeMain(variant)}`;
  const items = strips ? stripCount(shape, MOST_POSITIONS) : Math.ceil(positions / variant.each.length);
  const workgroups = spreadWorkgroups(Math.ceil(items / lanes));
  return {
    name: `convolution ${kind}${activationLabel(activation)}${variant.residual ? " residual" : ""}${
      spread ? " spread" : ""
    } ${storage} software, ${lanes} lanes`,
    code,
    bindings: listBindings(bindings),
    parameters,
    workgroups: [workgroups[0], workgroups[1], tiles.tiles],
  };
}
