/**
 * WGSL of what is added to the score of a query and a key: the number of their relative position, and a shifted window's
 * mask. What depends on one of the two only is found once for it: `<name>Place` and `<name>Region` of a query or key
 * `<name>`.
 *
 * @module
 */

import type { StatedBindings } from "../../engine/kernel.ts";
import { channelVectors, type Target } from "../shared/tensor.ts";
import { readTensors, type TensorReads } from "../shared/tensor_reads.ts";
import { wgsl } from "../shared/wgsl.ts";
import { type AttentionShape, biasRows, MASKED, type RelativeBias, type ShiftMask } from "./shape.ts";

/** The text of scores. */
export interface PairScores {
  readonly bindings: StatedBindings;
  readonly parameters: { name: string; value: number }[];
  /** WGSL at module scope. */
  readonly functions: string;
  /**
   * WGSL statements for a query or a key.
   *
   * @param kind Says which of the two it is.
   * @param name The name of what they find.
   * @param position WGSL of its position.
   */
  readonly locate: (kind: "query" | "key", name: string, position: string) => string;
  /** WGSL of the sum of a scaled product and what is added to it. `entry` and `head` are known to it. */
  readonly score: (product: string, query: string, key: string) => string;
  /** Whether anything is added. */
  readonly adds: boolean;
  /** What the kernel's name says of it. */
  readonly label: string;
}

/** Textures that a kernel may have. */
const TEXTURES = 4;

/**
 * The text of scores for an attention.
 *
 * @param shape The attention.
 * @param others What the kernel reads beside: if these are fewer textures than a kernel may have, the table is one too.
 * @param target Profile and storage.
 * @returns The text.
 */
export function pairScores(shape: AttentionShape, others: TensorReads, { profile, storage }: Target): PairScores {
  const { bias, mask, heads } = shape;
  const asTexture = profile === "software" && Object.keys(others.bindings).length < TEXTURES;
  const reads = bias && asTexture ? readTensors({ biasTable: storage }, profile) : undefined;

  const functions = [
    ...bias
      ? [wgsl`
        fn relativeBias(place: u32, head: u32) -> f32 {
          ${readBias(reads)}
        }
      `]
      : [],
    ...mask
      ? [wgsl`
        fn maskPart(place: u32, size: u32, window: u32, shift: u32) -> u32 {
          return select(select(2u, 1u, place < size - shift), 0u, (shift == 0u) | (place < size - window));
        }

        fn maskRegion(entry: u32, position: u32) -> u32 {
          let across = parameters.maskWidth / parameters.windowWidth;
          let index = entry % (parameters.maskHeight / parameters.windowHeight * across);
          let y = index / across * parameters.windowHeight + position / parameters.windowWidth;
          let x = index % across * parameters.windowWidth + position % parameters.windowWidth;
          return maskPart(y, parameters.maskHeight, parameters.windowHeight, parameters.shiftY) * 3u +
            maskPart(x, parameters.maskWidth, parameters.windowWidth, parameters.shiftX);
        }
      `]
      : [],
  ];
  return {
    bindings: reads?.bindings ?? (bias ? { biasTable: storage } : {}),
    parameters: [...bias ? biasParameters(bias, heads) : [], ...mask ? maskParameters(mask) : []],
    functions: functions.map((text) => `${text}\n`).join(""),
    locate: (kind, name, position) => {
      const patch = bias?.prefix ? `max(${position}, 1u) - 1u` : position;
      const y = `(${patch}) / parameters.biasWidth`;
      const x = `(${patch}) % parameters.biasWidth`;
      const turn = kind === "query"
        ? `(${y} + parameters.biasHeight - 1u) * parameters.biasSpan + ${x} + parameters.biasWidth - 1u`
        : `${y} * parameters.biasSpan + ${x}`;
      return wgsl`
        ${bias && `let ${name}Place = ${turn};`}
        ${bias?.prefix === 1 && `let ${name}First = ${position} == 0u;`}
        ${mask && `let ${name}Region = maskRegion(entry, ${position});`}
      `;
    },
    score: (product, query, key) => {
      const rows = "parameters.biasRows";
      const patches = `${query}Place - ${key}Place`;
      const place = bias?.prefix
        ? `select(select(${patches}, ${rows} - 3u, ${query}First), ` +
          `select(${rows} - 2u, ${rows} - 1u, ${query}First), ${key}First)`
        : patches;
      return [
        product,
        ...bias ? [`relativeBias(${place}, head)`] : [],
        ...mask ? [`select(0.0, ${MASKED}.0, ${query}Region != ${key}Region)`] : [],
      ].join(" + ");
    },
    adds: bias !== undefined || mask !== undefined,
    label: [...bias ? [bias.prefix ? " bias with class token" : " bias"] : [], ...mask ? [" masked"] : []].join(""),
  };
}

/** WGSL that returns a head's number of a place of the table. */
function readBias(reads: TensorReads | undefined): string {
  if (!reads) return "return f32(biasTable[place * parameters.biasVectors * 4u + head]);";
  return wgsl`
    let vector = place * parameters.biasVectors + head / 4u;
    let values = ${reads.load("biasTable", "vector")};
    return values[head % 4u];
  `;
}

function biasParameters(bias: RelativeBias, heads: number) {
  const [height, width] = bias.grid;
  return [
    { name: "biasHeight", value: height },
    { name: "biasWidth", value: width },
    { name: "biasSpan", value: 2 * width - 1 },
    { name: "biasVectors", value: channelVectors(heads) },
    ...bias.prefix ? [{ name: "biasRows", value: biasRows(bias) }] : [],
  ];
}

function maskParameters({ grid, window, shift }: ShiftMask) {
  return [
    { name: "maskHeight", value: grid[0] },
    { name: "maskWidth", value: grid[1] },
    { name: "windowHeight", value: window[0] },
    { name: "windowWidth", value: window[1] },
    { name: "shiftY", value: shift[0] },
    { name: "shiftX", value: shift[1] },
  ];
}
