/**
 * Convolution in the software profile: register tiles, activations from a texture, weights from uniform windows.
 *
 * A convolution is a sum over steps: (tap, 4 input channels). An invocation holds a tile of 8 positions by 16 channels;
 * the 8 invocations of a workgroup, which are the lanes of one SIMD vector, stand side by side along the positions. So a
 * step costs 8 texture reads and 16 uniform reads, which every lane shares, for 512 multiply-adds a lane. (Tile of 8 x 8:
 * half as fast; 16 x 16: registers spill, and it compiles ten times longer.)
 *
 * With 3 taps a row the positions of a tile are a strip of a row, whose reads the taps share (`software_strips.ts`).
 *
 * Packed weights are blocks of 256 bytes: a block of a step holds 4 input channels x 16 output channels, and after a
 * tile's steps comes one block that begins with its 16 biases. A window of 64 KiB holds 256 blocks: several small tiles,
 * or a run of one large tile's steps. In the latter case the runs are dispatches of their own, in order, which hand the sum on in
 * a `partial` tensor of f32.
 *
 * Grouped convolutions take groups together until they fill tiles (`software_tiles.ts`).
 *
 * @module
 */

import {
  declarations,
  type Kernel,
  listBindings,
  type Parameter,
  scratch,
  spreadWorkgroups,
  texture,
  TEXTURE_WIDTH,
  uniformWindow,
  WINDOW_BYTES,
} from "../../engine/kernel.ts";
import { BUILTINS, channelVectors, type Target, tensorBytes, unsigned, vectorType } from "../shared/tensor.ts";
import { readTexel } from "../shared/tensor_reads.ts";
import { range, wgsl } from "../shared/wgsl.ts";
import {
  activationFunctions,
  activationLabel,
  type ConvolutionWeights,
  shiftWeights,
  SPREAD_FUNCTION,
  spreadParameters,
  windowParameters,
} from "./dispatch.ts";
import {
  insideStrip,
  locateStrip,
  stripCount,
  stripInputs,
  stripLength,
  stripParameters,
  stripWalk,
  tapsAhead,
} from "./software_strips.ts";
import { type ConvolutionShape, type Epilogue, isPointwise, outputPositions, outputShape } from "./shape.ts";
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
  type Tiles,
  tilesOf,
} from "./software_tiles.ts";

/** Output channels of a tile. */
const TILE = 16;
/** Lanes of a workgroup. */
const LANES = 8;
const BLOCK_BYTES = 4 * TILE * 4;
const WINDOW_BLOCKS = WINDOW_BYTES / BLOCK_BYTES;

/**
 * Packs weights and biases for {@linkcode softwareConvolution}. A window's length of zeros follows, so that every window
 * lies inside.
 */
export function packSoftwareWeights(
  shape: ConvolutionShape,
  { weight, bias }: ConvolutionWeights,
): Float32Array<ArrayBuffer> {
  const { tiles, steps } = tilesOf(shape, TILE);
  const blocks = steps + 1;
  const packed = new Float32Array((tiles * blocks * BLOCK_BYTES + WINDOW_BYTES) / 4);
  placeWeights(shape, TILE, {
    weight(tile, step, lane, column, index) {
      packed[((tile * blocks + step) * 4 + lane) * TILE + column] = weight[index];
    },
    bias(tile, column, channel) {
      if (bias) packed[(tile * blocks + steps) * 4 * TILE + column] = bias[channel];
    },
  });
  return packed;
}

/** A run of steps of some tiles: what one window holds. */
interface Run {
  readonly firstTile: number;
  readonly tiles: number;
  readonly firstStep: number;
  readonly steps: number;
}

function runs({ tiles, steps }: { tiles: number; steps: number }, vectors: number): Run[] {
  const blocks = steps + 1;
  const result: Run[] = [];
  if (steps <= MOST_OF_RUN) {
    const together = Math.floor(WINDOW_BLOCKS / blocks);
    for (let firstTile = 0; firstTile < tiles; firstTile += together) {
      result.push({ firstTile, tiles: Math.min(together, tiles - firstTile), firstStep: 0, steps });
    }
    return result;
  }
  const { taps, vectors: most } = runLengths({ vectors, steps });
  const length = most === vectors ? taps * vectors : most;
  for (let tile = 0; tile < tiles; tile++) {
    for (let firstStep = 0; firstStep < steps;) {
      const end = Math.min(
        firstStep + length,
        steps,
        most < vectors ? (Math.floor(firstStep / vectors) + 1) * vectors : steps,
      );
      result.push({ firstTile: tile, tiles: 1, firstStep, steps: end - firstStep });
      firstStep = end;
    }
  }
  return result;
}

/**
 * Convolution: dense, grouped, pointwise.
 *
 * @param shape The convolution.
 * @param epilogue What follows the sum.
 * @param target `storage` of activations; weights are f32.
 * @returns Kernels in order. Bindings: texture `input`, window `weights`, storage `output`; texture `residual` if the
 * epilogue has one; scratch `partial` (f32, of the output's shape) where a tile exceeds a window.
 */
export function softwareConvolution(
  shape: ConvolutionShape,
  epilogue: Epilogue,
  target: Target,
): Kernel[] {
  const tiles = tilesOf(shape, TILE);
  const blocks = tiles.steps + 1;
  // Thousands of runs share at most 4 texts, which would take seconds to write anew for each.
  const written = new Map<string, Kernel>();
  return runs(tiles, tiles.vectors).map((run) => {
    const part = `${startsSum(run)} ${endsSum(run, tiles)}`;
    const kernel = written.get(part) ?? writeKernel(shape, epilogue, target, tiles, run);
    written.set(part, kernel);
    return {
      ...shiftWeights(kernel, (run.firstTile * blocks + run.firstStep) * BLOCK_BYTES),
      parameters: sharedParameters(kernel, runParameters(shape, epilogue, tiles, run)),
      workgroups: [kernel.workgroups[0], kernel.workgroups[1], run.tiles],
    };
  });
}

/** Parameters of which those that another run's kernel has are its own: the runs of a large network would take twice the memory. */
function sharedParameters({ parameters }: Kernel, own: readonly Parameter[]): Parameter[] {
  return own.map((parameter, index) => parameter.value === parameters[index].value ? parameters[index] : parameter);
}

/** Positions of a strip where strips pay and a window holds all of a tile's weights. */
function stripOf(shape: ConvolutionShape, { steps }: { steps: number }): number | undefined {
  return addsRows(shape, steps) ? stripLength(shape) : undefined;
}

function startsSum(run: Run): boolean {
  return run.firstStep === 0;
}

function endsSum(run: Run, tiles: { steps: number }): boolean {
  return run.firstStep + run.steps === tiles.steps;
}

function runParameters(
  shape: ConvolutionShape,
  { residualChannels, spread }: Epilogue,
  tiles: Tiles,
  run: Run,
): Parameter[] {
  const strip = stripOf(shape, tiles);
  const values: Record<string, number> = {
    positions: outputPositions(shape),
    inputVectors: channelVectors(shape.inputChannels),
    ...tileParameters(shape, endsSum(run, tiles) ? { residualChannels } : {}, tiles),
    firstTile: run.firstTile,
    tileBlocks: tiles.steps + 1,
    steps: run.steps,
    ...(isPointwise(shape) ? { firstVector: run.firstStep } : {
      firstTap: Math.floor(run.firstStep / tiles.vectors),
      endTap: Math.ceil((run.firstStep + run.steps) / tiles.vectors),
      firstVector: run.firstStep % tiles.vectors,
      tapVectors: Math.min(run.steps, tiles.vectors),
      ...windowParameters(shape),
      ...(strip ? stripParameters(shape, strip) : {}),
    }),
    ...(endsSum(run, tiles) ? spreadParameters(shape, spread) : {}),
  };
  return unsigned(Object.entries(values).map(([name, value]) => ({ name, value })));
}

/** Output vectors of a tile. */
const COLUMNS = range(TILE / 4);

/** What the text of a run's kernel depends on. */
interface Variant extends StoreVariant {
  /** Positions of a strip, where positions are strips. */
  readonly strip?: number;
  /** Numbers of an invocation's positions. */
  readonly each: readonly number[];
  readonly pointwise: boolean;
  /** Whether the sum is made of those of parts. */
  readonly inParts: boolean;
  /** Whether the sum begins in this run, and whether it ends. */
  readonly starts: boolean;
  readonly ends: boolean;
}

/** WGSL that adds the sums of the runs before. */
function addPartial({ each }: Variant): string[] {
  return each.map((p) =>
    wgsl`
      {
        let at = min(first + ${p}u, parameters.positions - 1u) * parameters.outputVectors + vector;
        ${COLUMNS.map((column) => `if (vector + ${column}u < end) { sum${p}_${column} += partial[at + ${column}u]; }`)}
      }
    `
  );
}

/** WGSL that finds where the windows of the positions begin. Strips have done so. */
function locate({ strip, pointwise, each }: Variant): string | false {
  if (strip) return false;
  if (pointwise) {
    const places = each.map((p) => {
      const position = `min(first + ${p}u, parameters.positions - 1u)`;
      return `var at${p} = ${position} * parameters.inputVectors + parameters.firstVector + ${TEXTURE_WIDTH}u;`;
    });
    return wgsl`${places}`;
  }
  const next = wgsl`
    column += 1u;
    if (column == parameters.outputX) { column = 0u; row += 1u; }
    if (row == parameters.outputY) { row = 0u; image += 1u; }
  `;
  const corners = each.map((p) =>
    wgsl`
      let top${p} = i32(row * parameters.strideY) - i32(parameters.beforeY);
      let left${p} = i32(column * parameters.strideX) - i32(parameters.beforeX);
      let corner${p} = (i32(image * parameters.inputY) + top${p}) * i32(parameters.inputX) + left${p};
      ${p + 1 < each.length && next}
    `
  );
  return wgsl`
    var column = first % parameters.outputX;
    var row = (first / parameters.outputX) % parameters.outputY;
    var image = first / (parameters.outputX * parameters.outputY);
    ${corners}
  `;
}

/** WGSL that adds one step of all positions to their sums, or to others that are called `sum`. */
function addStep({ each }: Variant, advance: (position: number) => string, sum = "sum"): string {
  const reads = each.flatMap((p) => [`let x${p} = ${readTexel("input", `at${p}`)};`, `at${p} += ${advance(p)};`]);
  // The sum of 4 products is added in one go: a sum is loaded and stored once, and not once for each, and over n products
  // off by half of what it would be, since it is rounded to its own size n / 4 times.
  const products = COLUMNS.flatMap((column) => [
    ...range(4).map((row) => `let w${row}_${column} = weights[block + ${row * COLUMNS.length + column}u];`),
    ...each.map((p) => {
      const terms = range(4).map((row) => `x${p}.${"xyzw"[row]} * w${row}_${column}`);
      return `${sum}${p}_${column} += ${terms.join(" + ")};`;
    }),
  ]);
  return wgsl`
    ${reads}
    ${products}
    block += ${BLOCK_BYTES / 16}u;
  `;
}

/** WGSL that adds the products of a row of taps. A sum takes all of them in one go, as in {@linkcode addStep}. */
function addRow(strip: number): string[] {
  return COLUMNS.map((column) => {
    const weights = stripInputs(0).flatMap((_, tap) =>
      range(4).map((row) =>
        `let w${tap}_${row} = weights[block + ${tapsAhead(tap)} + ${row * COLUMNS.length + column}u];`
      )
    );
    const sums = range(strip).map((p) => {
      const terms = stripInputs(p).flatMap((x, tap) => range(4).map((row) => `${x}.${"xyzw"[row]} * w${tap}_${row}`));
      return `sum${p}_${column} += ${terms.join(" + ")};`;
    });
    return wgsl`
      {
        ${weights}
        ${sums}
      }
    `;
  });
}

/** WGSL that adds up all steps. */
function walk(variant: Variant): string {
  const { strip, pointwise, inParts, each: positions } = variant;
  if (strip) return stripWalk(strip, BLOCK_BYTES / 16, addRow(strip));
  if (inParts) {
    const each = positions.flatMap((p) => COLUMNS.map((column) => `${p}_${column}`));
    return wgsl`
      for (var s = 0u; s < parameters.steps;) {
        let stop = min(s + ${PART_STEPS}u, parameters.steps);
        ${each.map((sum) => `var part${sum} = vec4<f32>();`)}
        for (; s < stop; s++) {
          ${addStep(variant, () => "1u", "part")}
        }
        ${each.map((sum) => `sum${sum} += part${sum};`)}
      }
    `;
  }
  if (pointwise) {
    return wgsl`
      for (var s = 0u; s < parameters.steps; s++) {
        ${addStep(variant, () => "1u")}
      }
    `;
  }
  // Beyond the last position `image` exceeds the batch: the reads stay inside the texture's zeros or are not stored.
  const places = positions.map((p) =>
    wgsl`
      let inside${p} = (top${p} + dy >= 0) & (top${p} + dy < i32(parameters.inputY)) & (left${p} + dx >= 0) & (left${p} + dx < i32(parameters.inputX)) & (first + ${p}u < parameters.positions);
      var at${p} = select(0u, u32(corner${p} + dy * i32(parameters.inputX) + dx) * parameters.inputVectors + within, inside${p});
      let advance${p} = select(0u, 1u, inside${p});
    `
  );
  return wgsl`
    for (var tap = parameters.firstTap; tap < parameters.endTap; tap++) {
      let dy = i32(tap / parameters.kernelX);
      let dx = i32(tap % parameters.kernelX);
      let within = groupVector + parameters.firstVector + ${TEXTURE_WIDTH}u;
      ${places}
      for (var s = 0u; s < parameters.tapVectors; s++) {
        ${addStep(variant, (p) => `advance${p}`)}
      }
    }
  `;
}

/** The text of `main`. */
function writeMain(variant: Variant): string {
  const { strip, each, starts, ends } = variant;
  const cells = each.flatMap((p) => COLUMNS.map((column) => `var sum${p}_${column} = vec4<f32>();`));
  const stores = each.map((p) => {
    const position = `first + ${p}u`;
    const inside = strip ? insideStrip(p) : `${position} < parameters.positions`;
    if (ends) {
      return storeSums(p, COLUMNS, {
        position,
        inside,
        bias: (column) => `weights[block + ${column}u]`,
      }, variant);
    }
    return wgsl`
      if (${inside}) {
        let at = (${position}) * parameters.outputVectors + vector;
        ${COLUMNS.map((column) => `if (vector + ${column}u < end) { partial[at + ${column}u] = sum${p}_${column}; }`)}
      }
    `;
  });
  return wgsl`
    @compute @workgroup_size(${LANES})
    fn main(${BUILTINS}) {
      let item = (workgroup.y * workgroups.x + workgroup.x) * ${LANES}u + local;
      ${strip ? locateStrip(strip) : `let first = item * ${each.length}u;`}
      let tile = parameters.firstTile + workgroup.z;
      ${locateTile(COLUMNS.length)}
      var block = workgroup.z * parameters.tileBlocks * ${BLOCK_BYTES / 16}u;
      ${cells}
      ${locate(variant)}
      ${walk(variant)}
      ${!starts && addPartial(variant).join("\n")}
      ${stores}
    }

  `;
}

/** The kernel of a run; runs that begin and end alike differ in parameters and tiles only. */
function writeKernel(
  shape: ConvolutionShape,
  epilogue: Epilogue,
  { storage }: Target,
  tiles: Tiles,
  run: Run,
): Kernel {
  const positions = outputPositions(shape);
  const strip = stripOf(shape, tiles);
  const perInvocation = strip ?? (positions <= LANES ? 1 : 8);
  const pointwise = isPointwise(shape);
  const starts = startsSum(run);
  const ends = endsSum(run, tiles);
  const residual = ends && epilogue.residualChannels !== undefined;
  const partial = !starts || !ends;
  const spread = ends && epilogue.spread !== undefined;
  const { activation } = epilogue;
  const each = range(perInvocation);
  const inParts = addsParts(shape);
  const variant = { strip, each, pointwise, inParts, starts, ends, residual, spread, activation, storage };
  const parameters = runParameters(shape, epilogue, tiles, run);
  const bindings = {
    ...(partial ? { partial: scratch("vec4<f32>", tensorBytes(outputShape(shape), "f32")) } : {}),
    ...(ends ? { output: vectorType(storage) } : {}),
    input: texture(storage),
    ...(residual ? { residual: texture(storage) } : {}),
    weights: uniformWindow(),
  };
  const code = `${declarations(bindings, parameters)}${spread ? SPREAD_FUNCTION : ""}${
    ends ? activationFunctions(activation) : ""
  }
${writeMain(variant)}`;
  const kind = `${shape.kernel.join("x")}${strip ? ` strips of ${strip}` : ""}`;
  const items = strip ? stripCount(shape, strip) : Math.ceil(positions / perInvocation);
  return {
    name: `convolution ${kind}${activationLabel(epilogue.activation)}${residual ? " residual" : ""}${
      spread ? " spread" : ""
    } ${storage} software`,
    code,
    bindings: listBindings(bindings),
    parameters,
    workgroups: [...spreadWorkgroups(Math.ceil(items / LANES)).slice(0, 2), run.tiles] as [
      number,
      number,
      number,
    ],
  };
}
