/**
 * Rows of the other side that the lanes of a subgroup read together: attention in the software profile, where the adapter has
 * subgroups. The lanes are neighbouring queries (or keys) of one head, which all need the same keys (or queries); so each
 * reads some of their vectors, and a shuffle gives every vector to all. For heads of 64 channels and 8 lanes that is an
 * eighth of the reads, which were half of the time.
 *
 * @module
 */

import type { SubgroupLanes } from "../../engine/subgroups.ts";
import type { Target } from "../shared/tensor.ts";
import { range } from "../shared/wgsl.ts";
import { type AttentionShape, headVectors } from "./shape.ts";

/** What rows cost beside their products, as that of so many rows. */
const LOADS = 1;
/** The share of rows that are of use, below which every lane has a row of any head. */
const LEAST_USED = 0.6;

/** How the rows of a head are given to the lanes of subgroups. */
export interface LaneRows {
  readonly lanes: SubgroupLanes;
  /** Rows of a lane. */
  readonly each: number;
  /** Subgroups of a head. */
  readonly blocks: number;
}

/**
 * Gives the rows of a head to lanes.
 *
 * @param rows Rows of a head.
 * @param most Rows of a lane at most.
 * @param target Profile, and the lanes of a subgroup.
 * @returns How; undefined where the target has no subgroups or most of the lanes would be idle.
 */
export function laneRows(rows: number, most: number, { profile, subgroupLanes: lanes }: Target): LaneRows | undefined {
  if (profile !== "software" || lanes === undefined) return undefined;
  const cost = (each: number) => Math.ceil(rows / lanes / each) * (each + LOADS);
  const each = range(most).map((less) => most - less).reduce((best, each) => cost(each) < cost(best) ? each : best);
  const blocks = Math.ceil(rows / lanes / each);
  return rows / (blocks * lanes * each) >= LEAST_USED ? { lanes, each, blocks } : undefined;
}

/** WGSL of vectors of rows that the lanes read together. */
export interface SharedRows {
  /** Statements before the loop: which row and vector each lane reads. */
  readonly begin: string[];
  /** Statements that read the vectors of a turn's rows, under a name; `load` gives WGSL by those of row and vector. */
  readonly read: (name: string, load: (row: string, vector: string) => string) => string[];
  /** WGSL of a vector of a row, by that name. */
  readonly value: (name: string, row: number, vector: number) => string;
}

/**
 * Shares rows among lanes.
 *
 * @param shape The attention.
 * @param turn Rows of a turn.
 * @param lanes Invocations of a subgroup, whose workgroup knows its own as `local`.
 * @returns The text.
 */
export function shareRows(shape: AttentionShape, turn: number, lanes: SubgroupLanes): SharedRows {
  const vectors = headVectors(shape);
  const loads = range(Math.ceil(turn * vectors / lanes));
  return {
    begin: loads.flatMap((load) => [
      `let sharedRow${load} = (${load * lanes}u + local) / ${vectors}u;`,
      `let sharedVector${load} = (${load * lanes}u + local) % ${vectors}u;`,
    ]),
    read: (name, read) =>
      loads.map((load) => `let ${name}Shared${load} = ${read(`sharedRow${load}`, `sharedVector${load}`)};`),
    value: (name, row, vector) => {
      const texel = row * vectors + vector;
      return `subgroupShuffle(${name}Shared${Math.floor(texel / lanes)}, ${texel % lanes}u)`;
    },
  };
}
