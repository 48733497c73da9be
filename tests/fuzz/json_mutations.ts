/**
 * Changes to JSON that leave it JSON: what somebody does with an editor.
 *
 * @module
 */

import type { Random } from "./random.ts";
import type { Sample } from "./sample.ts";

/** A value in its place. */
interface Place {
  readonly holder: Record<string, unknown>;
  readonly name: string;
}

const OTHERS: readonly unknown[] = [
  null,
  true,
  "",
  "text",
  "constructor",
  "__proto__",
  -1,
  0,
  0.5,
  1e308,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  [],
  {},
  [[]],
  ["__proto__"],
  { length: 5 },
];

/**
 * Changes one value somewhere inside.
 *
 * @param text JSON.
 * @param random The case's choices.
 * @returns Changed JSON, and how.
 */
export function mutateJson(text: string, random: Random): { text: string; what: string } {
  const root = { "": JSON.parse(text) };
  const { holder, name } = random.one(placesIn(root));
  const value = holder[name];
  switch (random.below(6)) {
    case 0:
      delete holder[name];
      return { text: write(root), what: `JSON without ${JSON.stringify(name)}` };
    case 1: {
      const other = random.one(placesIn(root));
      holder[name] = structuredClone(other.holder[other.name]);
      return {
        text: write(root),
        what: `${JSON.stringify(name)} of the JSON replaced by ${JSON.stringify(other.name)}`,
      };
    }
    case 2:
      if (Array.isArray(value)) {
        holder[name] = random.once(2) ? [...value, ...value] : value.slice(1);
        return { text: write(root), what: `list ${JSON.stringify(name)} of the JSON doubled or shortened` };
      }
      break;
    case 3:
      if (typeof value === "number") {
        holder[name] = random.one([-value, value + 1, value - 1, value * 1000, value / 2, -0.5]);
        return { text: write(root), what: `${JSON.stringify(name)} of the JSON set to ${holder[name]}` };
      }
      break;
    case 4:
      Object.defineProperty(holder, random.one(["__proto__", "constructor", "toString"]), { value, enumerable: true });
      return { text: write(root), what: `an entry in the JSON beside ${JSON.stringify(name)}` };
  }
  holder[name] = random.one(OTHERS);
  return { text: write(root), what: `${JSON.stringify(name)} of the JSON set to ${JSON.stringify(holder[name])}` };
}

/**
 * A file of JSON, whose values are changed as well as its bytes.
 *
 * @param name The file's name.
 * @param value What it holds.
 * @returns The sample.
 */
export function jsonSample(name: string, value: unknown): Sample {
  const text = JSON.stringify(value);
  return {
    name,
    bytes: new TextEncoder().encode(text),
    regions: [],
    rewrites: [(random) => {
      const { text: changed, what } = mutateJson(text, random);
      return { bytes: new TextEncoder().encode(changed), what };
    }],
  };
}

function placesIn(root: Record<string, unknown>): Place[] {
  const places: Place[] = [];
  const visit = (holder: Record<string, unknown>) => {
    for (const [name, value] of Object.entries(holder)) {
      places.push({ holder, name });
      if (typeof value === "object" && value !== null) visit(value as Record<string, unknown>);
    }
  };
  visit(root);
  return places;
}

function write(root: Record<string, unknown>): string {
  return JSON.stringify(root[""]) ?? "";
}
