/**
 * Convolution in the GPU profile: shared-memory tiles.
 *
 * A convolution is the product of a matrix of positions x (tap, input channel), which is never built, with one of
 * (tap, input channel) x output channels. A workgroup of 8 x 8 invocations computes 64 positions by 64 channels; each
 * invocation keeps 8 x 8 of them. In turns of 16 rows all invocations bring a tile of both matrices into workgroup memory
 * and multiply it: 512 multiply-adds an invocation for 8 vectors read from memory.
 *
 * Packed weights lie `[tap][input channel][output channel]`, both padded to multiples of 4, the biases as the last row.
 *
 * @module
 */

import {
  declarations,
  type Kernel,
  listBindings,
  type Parameter,
  parameterSets,
  readOnly,
  scratch,
  spreadWorkgroups,
  type Storage,
} from "../../engine/kernel.ts";
import { JOIN_MOMENTS, PAIR } from "../shared/by_channel.ts";
import { BUILTINS, channelVectors, itemKernel, type Target, unsigned, vectorType } from "../shared/tensor.ts";
import { range, wgsl } from "../shared/wgsl.ts";
import {
  activationFunctions,
  activationLabel,
  type ConvolutionWeights,
  PHASE_SPREAD_FUNCTION,
  SPREAD_FUNCTION,
  spreadParameters,
  storeSum,
  windowParameters,
} from "./dispatch.ts";
import { COUNT_POSITIONS, storeMoments } from "./tile_moments.ts";
import { type ConvolutionShape, type Epilogue, isPointwise, outputPositions, type Spread } from "./shape.ts";
import {
  DEPTH_VECTORS,
  invocations,
  slicesOf,
  type Slicing,
  type Tile,
  tileName,
  tilePositions,
  type TileUse,
  tileVectors,
} from "./tile_shapes.ts";

function matrix(shape: ConvolutionShape) {
  const inputVectors = channelVectors(shape.inputChannels);
  return { inputVectors, steps: shape.kernel[0] * shape.kernel[1] * inputVectors };
}

/** Packs weights for {@linkcode tileConvolution} and few rows: as f32, or as f16 with f16 storage. */
export function packTileWeights(
  shape: ConvolutionShape,
  { weight, bias }: ConvolutionWeights,
  { storage }: Target,
): Float32Array<ArrayBuffer> | Float16Array<ArrayBuffer> {
  const { inputVectors, steps } = matrix(shape);
  const taps = shape.kernel[0] * shape.kernel[1];
  const lanes = channelVectors(shape.outputChannels) * 4;
  const length = (steps * 4 + 1) * lanes;
  const packed = storage === "f16" ? new Float16Array(length) : new Float32Array(length);
  for (let channel = 0; channel < shape.outputChannels; channel++) {
    for (let i = 0; i < shape.inputChannels; i++) {
      for (let tap = 0; tap < taps; tap++) {
        packed[(tap * inputVectors * 4 + i) * lanes + channel] =
          weight[(channel * shape.inputChannels + i) * taps + tap];
      }
    }
    if (bias) packed[steps * 4 * lanes + channel] = bias[channel];
  }
  return packed;
}

/** Invocations that read one row of an input tile. */
const READERS = DEPTH_VECTORS;

/** WGSL of the tiles: arrays of arrays, since an index that is a constant needs no bound. */
function tileMemory({ across, down, positions, vectors }: Tile): string {
  return wgsl`
    // Positions, of which an invocation has every ${down}th, with ${DEPTH_VECTORS} vectors of input channels each.
    var<workgroup> inputTile: array<array<array<vec4<f32>, ${DEPTH_VECTORS}>, ${down}>, ${positions}>;
    // Input channels, with vectors of output channels, of which an invocation has every ${across}th.
    var<workgroup> weightTile: array<array<array<vec4<f32>, ${across}>, ${vectors}>, ${DEPTH_VECTORS * 4}>;
  `;
}

/** Rows of the input tile, and vectors of the weight tile, that an invocation fetches. */
function fetched(tile: Tile): { inputs: number; weights: number } {
  const size = invocations(tile);
  return {
    inputs: tilePositions(tile) * READERS / size,
    weights: DEPTH_VECTORS * 4 * tileVectors(tile) / size,
  };
}

/** WGSL that finds where the inputs and weights that an invocation fetches begin. */
function locate(tile: Tile, pointwise: boolean, gated: boolean): string {
  const { inputs } = fetched(tile);
  const size = invocations(tile);
  const width = tileVectors(tile);
  const rows = range(inputs).map((i) =>
    wgsl`
      let position${i} = min(first + local / ${READERS}u + ${i * size / READERS}u, parameters.positions - 1u);
      ${
      pointwise
        ? wgsl`
        let start${i} = position${i} * parameters.inputVectors;
        ${gated && `let gate${i} = position${i} / parameters.imagePositions * parameters.inputVectors;`}
      `
        : wgsl`
        let row${i} = position${i} / parameters.outputX;
        let top${i} = i32(row${i} % parameters.outputY * parameters.strideY) - i32(parameters.beforeY);
        let left${i} = i32(position${i} % parameters.outputX * parameters.strideX) - i32(parameters.beforeX);
        let start${i} = ((i32(row${i} / parameters.outputY * parameters.inputY) + top${i}) * i32(parameters.inputX) + left${i}) *
          i32(parameters.inputVectors);
      `
    }
    `
  );
  return wgsl`
    ${rows}
    let weightColumn = min(firstColumn + local % ${width}u, parameters.outputVectors - 1u);
    var step = begin * ${DEPTH_VECTORS}u + local % ${READERS}u;
    ${
    !pointwise && wgsl`
      var part = step % parameters.inputVectors;
      var dx = step / parameters.inputVectors % parameters.kernelX;
      var dy = step / parameters.inputVectors / parameters.kernelX;
    `
  }
  `;
}

/** WGSL that reads what an invocation brings into the tiles in one turn. */
function fetch(tile: Tile, { pointwise, gated, phases }: TileText): string {
  const { inputs, weights } = fetched(tile);
  const read = (i: number, at: string, inside: string) => {
    const gate = gated ? ` * vec4<f32>(gate[select(0u, gate${i} + step, ${inside})])` : "";
    return `let x${i} = select(vec4<f32>(0.0), vec4<f32>(input[select(0u, ${at}, ${inside})])${gate}, ${inside});`;
  };
  const reads = range(inputs).map((i) =>
    pointwise ? read(i, `start${i} + step`, "within") : wgsl`
      let inside${i} = within & (u32(top${i} + i32(dy)) < parameters.inputY) & (u32(left${i} + i32(dx)) < parameters.inputX);
      ${read(i, `u32(start${i} + offset)`, `inside${i}`)}
    `
  );
  return wgsl`
    let within = step < parameters.steps;
    ${!pointwise && "let offset = i32((dy * parameters.inputX + dx) * parameters.inputVectors + part);"}
    ${reads}
    ${range(weights).map((w) => readWeight(tile, w, phases > 1))}
  `;
}

function readWeight(tile: Tile, w: number, phased: boolean): string {
  const rows = invocations(tile) / tileVectors(tile);
  return wgsl`
    let weightRow${w} = min(turn * ${DEPTH_VECTORS * 4}u + local / ${tileVectors(tile)}u + ${
    w * rows
  }u, parameters.steps * 4u - 1u);
    let w${w} = vec4<f32>(weights[${
    phased ? "parameters.firstWeight + " : ""
  }weightRow${w} * parameters.outputVectors + weightColumn]);
  `;
}

/** WGSL that puts what an invocation has read into its places of the tiles. */
function fillTiles(tile: Tile): string {
  const { inputs, weights } = fetched(tile);
  const { across, down } = tile;
  const width = tileVectors(tile);
  const rows = invocations(tile) / READERS;
  const place = (i: number) =>
    rows % down === 0
      ? `inputTile[local / ${READERS * down}u + ${i * rows / down}u][local / ${READERS}u % ${down}u]`
      : `inputTile[(local / ${READERS}u + ${i * rows}u) / ${down}u][(local / ${READERS}u + ${i * rows}u) % ${down}u]`;
  return wgsl`
    ${range(inputs).map((i) => `${place(i)}[local % ${READERS}u] = x${i};`)}
    ${
    range(weights).map((w) =>
      `weightTile[local / ${width}u + ${
        w * invocations(tile) / width
      }u][local % ${width}u / ${across}u][local % ${across}u] = w${w};`
    )
  }
  `;
}

/** WGSL that goes on to the step of the next turn: a number of a position of the kernel and a vector of channels, with carries. */
function advance(pointwise: boolean): string {
  return wgsl`
    step += ${DEPTH_VECTORS}u;
    ${
    !pointwise && wgsl`
      part += parameters.turnPart;
      let carryX = part >= parameters.inputVectors;
      part = select(part, part - parameters.inputVectors, carryX);
      dx += parameters.turnX + u32(carryX);
      let carryY = dx >= parameters.kernelX;
      dx = select(dx, dx - parameters.kernelX, carryY);
      dy += parameters.turnY + u32(carryY);
    `
  }
  `;
}

/** WGSL that multiplies the tiles, unrolled: 4 input channels at a time. */
function multiply({ positions, vectors }: Tile): string[] {
  return range(DEPTH_VECTORS).map((k) => {
    const inputs = range(positions).map((p) => `let x${p} = inputTile[${p}u][down][${k}u];`);
    const products = [..."xyzw"].flatMap((lane, index) =>
      range(vectors).flatMap((c) => [
        `let w${index}_${c} = weightTile[${k * 4 + index}u][${c}u][across];`,
        ...range(positions).map((p) => `sum${p}_${c} += x${p}.${lane} * w${index}_${c};`),
      ])
    );
    return wgsl`
      {
        ${inputs}
        ${products}
      }
    `;
  });
}

/** How a kernel goes through the turns: all of them, slice after slice, or one slice that is its workgroup's. */
type Turns = "all" | Slicing;

/** What a kernel's text depends on, beside its tile and its epilogue. */
interface TileText {
  readonly turns: Turns;
  readonly pointwise: boolean;
  readonly gated: boolean;
  /** How many convolutions it computes: phases, if more than one. */
  readonly phases: number;
}

/** WGSL that goes through the turns of a workgroup. */
function goThroughTurns(tile: Tile, text: TileText): string {
  const { turns, pointwise } = text;
  const sums = range(tile.positions).flatMap((p) => range(tile.vectors).map((c) => `${p}_${c}`));
  const loop = wgsl`
    for (${turns === "in turn" ? "" : "var turn = begin"}; turn < end; turn++) {
      {
        ${fetch(tile, text)}
        ${fillTiles(tile)}
        ${advance(pointwise)}
      }
      workgroupBarrier();
      ${multiply(tile)}
      workgroupBarrier();
    }
  `;
  if (turns !== "in turn") return loop;
  return wgsl`
    ${sums.map((sum) => `var total${sum} = vec4<f32>();`)}
    var turn = begin;
    for (var slice = 1u; slice <= parameters.slices; slice++) {
      let end = min(slice * parameters.sliceTurns, parameters.turns);
      ${loop}
      ${sums.map((sum) => `total${sum} += sum${sum};`)}
      ${sums.map((sum) => `sum${sum} = vec4<f32>();`)}
    }
  `;
}

/** WGSL that stores the sum of a position and a vector of channels of one slice. */
function storePartial(sum: string, position: string, column: string): string {
  return wgsl`
    if (${column} < parameters.outputVectors) {
      partial[(slice * parameters.positions + ${position}) * parameters.outputVectors + ${column}] = ${sum};
    }
  `;
}

/** The text of tiles and `main`. */
function writeMain(tile: Tile, text: TileText, epilogue: Epilogue, vector: string): string {
  const { across, down, positions, vectors } = tile;
  const { turns, pointwise, gated, phases } = text;
  const apart = turns === "apart";
  const sumOf = (p: number, c: number) => `${turns === "in turn" ? "total" : "sum"}${p}_${c}`;
  const store = (p: number, c: number) => {
    const named = {
      sum: sumOf(p, c),
      position: `place${p}`,
      column: `column${c}`,
      phased: phases > 1,
    };
    return apart ? storePartial(named.sum, named.position, named.column) : storeSum(named, epilogue, vector);
  };
  const stores = range(positions).map((p) =>
    wgsl`
      let place${p} = first + down + ${p * down}u;
      if (place${p} < parameters.positions) {
        ${range(vectors).map((c) => store(p, c))}
      }
    `
  );
  const stored = (p: number, c: number) =>
    `vec4<f32>(${vector}(${sumOf(p, c)} + vec4<f32>(weights[parameters.steps * 4u * parameters.outputVectors + ` +
    `min(column${c}, parameters.outputVectors - 1u)])))`;
  return wgsl`
    ${tileMemory(tile)}

    @compute @workgroup_size(${invocations(tile)})
    fn main(${BUILTINS}) {
      let first = (workgroup.y * workgroups.x + workgroup.x) * ${tilePositions(tile)}u;
      ${
    phases > 1 && wgsl`
      let columns = workgroups.z / ${phases}u;
      let parameters = parameterSets[workgroup.z / columns];
    `
  }
      let firstColumn = workgroup.z ${phases > 1 ? "% columns " : apart && "/ parameters.slices "}* ${
    tileVectors(tile)
  }u;
      let across = local % ${across}u;
      let down = local / ${across}u;
      ${apart && "let slice = workgroup.z % parameters.slices;"}
      let begin = ${apart ? "slice * parameters.sliceTurns" : "0u"};
      ${apart && "let end = min(begin + parameters.sliceTurns, parameters.turns);"}
      ${turns === "all" && "let end = parameters.turns;"}
      ${locate(tile, pointwise, gated)}
      ${range(positions).flatMap((p) => range(vectors).map((c) => `var sum${p}_${c} = vec4<f32>();`))}
      ${goThroughTurns(tile, text)}
      ${range(vectors).map((c) => `let column${c} = firstColumn + across + ${c * across}u;`)}
      ${stores}
      ${epilogue.moments && storeMoments(tile, stored)}
    }

  `;
}

/** The uniform members that say how far a kernel's step goes in a turn, in tap columns, tap rows and vectors of channels. */
function turnParameters(shape: ConvolutionShape, inputVectors: number): Record<string, number> {
  const taps = Math.floor(DEPTH_VECTORS / inputVectors);
  return {
    turnPart: DEPTH_VECTORS % inputVectors,
    turnX: taps % shape.kernel[1],
    turnY: Math.floor(taps / shape.kernel[1]),
  };
}

/** All uniform members of a kernel of tiles. */
function tileParameters(
  shape: ConvolutionShape,
  product: ReturnType<typeof productParts>["parameters"],
  { turns, pointwise }: Pick<TileText, "turns" | "pointwise">,
): Parameter[] {
  const slices = slicesOf(shape);
  // A phase without taps has none to step through.
  const [kernelY, kernelX] = shape.kernel.map((size) => Math.max(size, 1));
  const window = { ...shape, kernel: [kernelY, kernelX] } as const;
  return unsigned(
    Object.entries({
      ...product,
      turns: Math.ceil(product.steps / DEPTH_VECTORS),
      ...(turns === "all" ? {} : { slices: slices.count, sliceTurns: slices.turns }),
      ...(pointwise ? {} : { ...windowParameters(window), ...turnParameters(window, product.inputVectors) }),
    }).map(([name, value]) => ({ name, value })),
  );
}

/** The uniform members, bindings and functions of a product of matrices with an epilogue, and what its name says of them. */
export function productParts(
  shape: ConvolutionShape,
  { gated, activation, moments, residualChannels, spread }: Epilogue,
  storage: Storage,
) {
  const { inputVectors, steps } = matrix(shape);
  const residual = residualChannels !== undefined;
  const vector = vectorType(storage);
  const parameters = {
    positions: outputPositions(shape),
    inputVectors,
    outputVectors: channelVectors(shape.outputChannels),
    outputChannels: shape.outputChannels,
    steps,
    ...(gated ? { imagePositions: shape.output[0] * shape.output[1] } : {}),
    ...(residual ? { residualVectors: channelVectors(residualChannels) } : {}),
    ...spreadParameters(shape, spread),
  };
  return {
    parameters,
    bindings: {
      output: vector,
      input: vector,
      weights: readOnly(vector),
      ...(moments ? { moments: "vec4<f32>" } : {}),
      ...(gated ? { gate: vector } : {}),
      ...(residual ? { residual: vector } : {}),
    },
    functions: `${moments ? `${PAIR}${JOIN_MOMENTS}${COUNT_POSITIONS}` : ""}${spread ? SPREAD_FUNCTION : ""}${
      activationFunctions(activation)
    }`,
    label: `${activationLabel(activation)}${residual ? " residual" : ""}${spread ? " spread" : ""}${
      moments ? " with moments" : ""
    }`,
  };
}

/**
 * Dense convolution in tiles.
 *
 * @param shape The convolution, of one group.
 * @param epilogue What follows the sum.
 * @param target `storage` of activations and weights.
 * @param use What a workgroup computes.
 * @returns One kernel with the bindings `output`, `input`, `weights`, and `gate`, `residual` and `moments` if the epilogue has
 * them; or two, with the scratch `partial` between them. Moments only where neither residual nor activation follows, and not of
 * slices apart. Results do not depend on `use`.
 */
export function tileConvolution(
  shape: ConvolutionShape,
  epilogue: Epilogue,
  { storage, profile }: Target,
  { tile, slicing }: TileUse,
): Kernel[] {
  const pointwise = isPointwise(shape);
  const { bindings, functions, label, ...parts } = productParts(shape, epilogue, storage);
  const { positions, outputVectors } = parts.parameters;
  const slices = slicesOf(shape);
  const turns: Turns = slices.count === 1 ? "all" : slicing;
  const apart = turns === "apart";
  const parameters = tileParameters(shape, parts.parameters, { turns, pointwise });
  const groups = spreadWorkgroups(Math.ceil(positions / tilePositions(tile)));
  const { output, input, weights, gate, residual } = bindings;
  const partial = scratch("vec4<f32>", slices.count * positions * outputVectors * 16);
  const own = apart ? { partial, input, weights, ...(gate ? { gate } : {}) } : bindings;
  const kind = `${epilogue.gated ? "gated " : ""}${pointwise ? "1x1" : shape.kernel.join("x")}${apart ? "" : label} ${
    tileName(tile)
  }${turns === "all" ? "" : apart ? `, one of ${slices.count} slices` : ` in ${slices.count} slices`}`;
  const columns = Math.ceil(outputVectors / tileVectors(tile));
  const kernel: Kernel = {
    name: `convolution ${kind} ${storage} ${profile}`,
    code: `${declarations(own, parameters)}${apart ? "" : functions}
${
      writeMain(
        tile,
        { turns, pointwise, gated: epilogue.gated ?? false, phases: 1 },
        epilogue,
        vectorType(storage),
      )
    }`,
    bindings: listBindings(own),
    parameters,
    workgroups: [groups[0], groups[1], columns * (apart ? slices.count : 1)],
  };
  if (!apart) return [kernel];
  return [
    kernel,
    itemKernel({
      name: `convolution sum of ${slices.count} slices${label} ${storage}`,
      profile,
      bindings: { output, partial: "vec4<f32>", weights, ...(residual ? { residual } : {}) },
      parameters: Object.entries({ ...parts.parameters, slices: slices.count }).map(([name, value]) => ({
        name,
        value,
      })),
      items: positions * outputVectors,
      functions,
      body: wgsl`
          let position = item / parameters.outputVectors;
          let column = item % parameters.outputVectors;
          var sum = vec4<f32>();
          // Slices are an even number.
          for (var slice = 0u; slice < parameters.slices; slice += 2u) {
            let at = slice * parameters.items + item;
            sum += partial[at];
            sum += partial[at + parameters.items];
          }
          ${storeSum({ sum: "sum", position: "position", column: "column" }, epilogue, vectorType(storage))}
      `,
    }),
  ];
}

/** One of the convolutions of stride 1 that an input gradient with stride is made of. */
export interface TilePhase {
  /** Its taps may be none: then its outputs are zero. */
  readonly shape: ConvolutionShape;
  readonly spread: Spread;
  /** The vector of the packed weights that its own begin with. */
  readonly firstWeight: number;
}

/**
 * Phases in one dispatch, which differ in taps and in where their outputs stand. Each has the order of sums that
 * {@linkcode tileConvolution} gives to it.
 *
 * @param phases The phases, of the same channels.
 * @param target `storage` of activations and weights.
 * @param tile What a workgroup computes; results do not depend on it.
 * @returns A kernel with the bindings `output`, `input` and `weights`.
 */
export function phasedTileConvolution(
  phases: readonly TilePhase[],
  { storage, profile }: Target,
  tile: Tile,
): Kernel {
  const turns: Turns = phases.some(({ shape }) => slicesOf(shape).count > 1) ? "in turn" : "all";
  const text: TileText = {
    turns,
    pointwise: false,
    gated: false,
    phases: phases.length,
  };
  const parts = phases.map(({ shape, spread }) => productParts(shape, { spread }, storage));
  const { members, parameters } = parameterSets(
    phases.map(({ shape, firstWeight }, index) => [
      ...tileParameters(shape, parts[index].parameters, text),
      ...unsigned([{ name: "firstWeight", value: firstWeight }]),
    ]),
  );
  const [{ bindings, label }] = parts;
  const [{ spread }] = phases;
  const positions = Math.max(...phases.map(({ shape }) => outputPositions(shape)));
  const groups = spreadWorkgroups(Math.ceil(positions / tilePositions(tile)));
  const columns = Math.ceil(channelVectors(phases[0].shape.outputChannels) / tileVectors(tile));
  return {
    name: `convolution${label} in ${phases.length} phases ${tileName(tile)}${
      turns === "all" ? "" : " in slices"
    } ${storage} ${profile}`,
    code: `${declarations(bindings, members, phases.length)}${PHASE_SPREAD_FUNCTION}
${writeMain(tile, text, { spread }, vectorType(storage))}`,
    bindings: listBindings(bindings),
    parameters,
    workgroups: [groups[0], groups[1], columns * phases.length],
  };
}
