/**
 * Packed weights made on the device without a table of places, in the software profile: of most convolutions each 4-vector
 * of the packed form holds the weights of 4 neighbouring channels, and the place of a vector is the sum of a number of its
 * row and one of its column. So an invocation reads 4 x 4 channels with all of their taps, in PyTorch's order, and stores
 * them as vectors in registers. It reads a third of what gathering number by number does, whose table alone is larger than
 * the weights; for 512 x 512 channels of 3 x 3 taps it takes a quarter of the time.
 *
 * What has another form (channels that are no multiple of 4, groups, biases) is gathered by `gather_weights.ts`.
 *
 * @module
 */

import { type Kernel, readOnly } from "../../engine/kernel.ts";
import { itemKernel } from "../shared/tensor.ts";
import { range, wgsl } from "../shared/wgsl.ts";

/** Taps that an invocation holds at most: 4 x 4 x 9 numbers. */
const MOST_TAPS = 9;

/** Numbers of a convolution's weights `[O, I, kernelHeight, kernelWidth]`. */
export interface WeightNumbers {
  readonly outputs: number;
  readonly inputs: number;
  readonly taps: number;
}

/** Where the 4-vectors of a packed form lie. A row is a channel that all lanes share, a column 4 channels, one a lane. */
export interface BlockForm extends WeightNumbers {
  /** Whose channels the lanes are. */
  readonly along: "inputs" | "outputs";
  /** u32 `[taps, rows]` and `[taps, columns]`: the sum of two is a vector's number. */
  readonly rowPlaces: Uint32Array<ArrayBuffer>;
  readonly columnPlaces: Uint32Array<ArrayBuffer>;
}

/**
 * Reads the form of packed weights from their places.
 *
 * @param places What `weightPlaces` or `inputGradientWeightPlaces` gives.
 * @param numbers How many channels and taps the weights have, `inputs` those of a group.
 * @returns The form; undefined where it is none of blocks.
 */
export function findBlockForm(places: Uint32Array, numbers: WeightNumbers): BlockForm | undefined {
  const { outputs, inputs, taps } = numbers;
  if (outputs % 4 !== 0 || inputs % 4 !== 0 || taps > MOST_TAPS) return undefined;
  const words = new Uint32Array(outputs * inputs * taps);
  for (let word = 0; word < places.length; word++) {
    const place = places[word];
    if (place > 0 && place <= words.length) words[place - 1] = word;
  }
  const wordOf = (output: number, input: number, tap: number) => words[(output * inputs + input) * taps + tap];
  const along = wordOf(0, 1, 0) === wordOf(0, 0, 0) + 1 ? "inputs" : "outputs";
  const [rows, columns] = along === "inputs" ? [outputs, inputs / 4] : [inputs, outputs / 4];
  const at = (tap: number, row: number, column: number, lane: number) =>
    along === "inputs" ? wordOf(row, column * 4 + lane, tap) : wordOf(column * 4 + lane, row, tap);
  const rowPlaces = new Uint32Array(taps * rows);
  const columnPlaces = new Uint32Array(taps * columns);
  for (let tap = 0; tap < taps; tap++) {
    for (let row = 0; row < rows; row++) rowPlaces[tap * rows + row] = at(tap, row, 0, 0) / 4;
    for (let column = 0; column < columns; column++) {
      columnPlaces[tap * columns + column] = (at(tap, 0, column, 0) - at(tap, 0, 0, 0)) / 4;
    }
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const first = (rowPlaces[tap * rows + row] + columnPlaces[tap * columns + column]) * 4;
        for (let lane = 0; lane < 4; lane++) if (at(tap, row, column, lane) !== first + lane) return undefined;
      }
    }
  }
  return { ...numbers, along, rowPlaces, columnPlaces };
}

/** The places of what is no weight: of biases. */
export function withoutWeights(
  places: Uint32Array,
  { outputs, inputs, taps }: WeightNumbers,
): Uint32Array<ArrayBuffer> {
  const weights = outputs * inputs * taps;
  const others = places.slice() as Uint32Array<ArrayBuffer>;
  for (let word = 0; word < others.length; word++) if (others[word] <= weights) others[word] = 0;
  return others;
}

/**
 * Packs weights in blocks.
 *
 * @param form The packed form.
 * @returns A kernel with the bindings `weight` (f32, in PyTorch's order), `rowPlaces` and `columnPlaces` of the form, and
 * `packed`, of which it writes the weights' vectors.
 */
export function packBlocksKernel({ outputs, inputs, taps, along }: BlockForm): Kernel {
  const [row, column] = along === "inputs" ? ["output", "input"] : ["input", "output"];
  const reads = range(4).flatMap((o) =>
    range(taps).map((index) =>
      `let read${o}_${index} = weight[(output * 4u + ${o}u) * inputVectors * ${taps}u + input * ${taps}u + ${index}u];`
    )
  );
  const value = (o: number, i: number, tap: number) => {
    const index = i * taps + tap;
    return `read${o}_${index >> 2}.${"xyzw"[index & 3]}`;
  };
  const stores = range(taps).map((tap) =>
    wgsl`
      {
        let rows = rowPlaces[${tap}u * ${row}Vectors + ${row}];
        let place = columnPlaces[${tap}u * ${column}Vectors + ${column}];
        ${
      range(4).map((r) => {
        const lanes = range(4).map((lane) => along === "inputs" ? value(r, lane, tap) : value(lane, r, tap));
        return `packed[place + rows[${r}]] = vec4<f32>(${lanes.join(", ")});`;
      })
    }
      }
    `
  );
  return itemKernel({
    name: `pack weights of ${taps} taps along ${along}`,
    profile: "software",
    bindings: {
      weight: readOnly("vec4<f32>"),
      rowPlaces: readOnly("vec4<u32>"),
      columnPlaces: readOnly("u32"),
      packed: "vec4<f32>",
    },
    parameters: [{ name: "inputVectors", value: inputs / 4 }, { name: "outputVectors", value: outputs / 4 }],
    items: outputs / 4 * inputs / 4,
    body: wgsl`
      let inputVectors = parameters.inputVectors;
      let outputVectors = parameters.outputVectors;
      let input = item % inputVectors;
      let output = item / inputVectors;
      ${reads}
      ${stores}
    `,
  });
}
