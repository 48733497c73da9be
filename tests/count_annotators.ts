/**
 * `deno task count`: how many of timm's weights load, as `FEATURES.md` says it; written there, or with `--check` compared.
 *
 * @module
 */

import { countKnown, type KnownCounts, readKnownWeights } from "../pipeline/model/known_annotators.ts";

/** Where the counts stand. */
export const FEATURES = new URL("../FEATURES.md", import.meta.url);

/** The sentence, whose lines may break anywhere. */
const SENTENCE = new RegExp(
  "Of timm's [0-9,]+ weights for ImageNet's 1,000 classes [0-9,]+ load, and [0-9]+ of the 100 best by ReaL".replaceAll(
    " ",
    "\\s+",
  ),
);

/** The counts as a sentence begins with them. */
export function countSentence({ all, loaded, loadedOfBest }: KnownCounts): string {
  const count = (number: number) => number.toLocaleString("en-US");
  return `Of timm's ${count(all)} weights for ImageNet's 1,000 classes ${
    count(loaded)
  } load, and ${loadedOfBest} of the 100 best by ReaL`;
}

/**
 * The text of `FEATURES.md` with the counts of today.
 *
 * @param text The text.
 * @returns The text, and whether it had others.
 * @throws {TypeError} If it has no such sentence.
 */
export async function withCounts(text: string): Promise<{ readonly text: string; readonly isSame: boolean }> {
  const sentence = countSentence(countKnown(await readKnownWeights()));
  const found = SENTENCE.exec(text)?.[0];
  if (found === undefined) throw new TypeError("Cannot count in FEATURES.md: it does not say what loads");
  return { text: text.replace(SENTENCE, sentence), isSame: found.replaceAll(/\s+/g, " ") === sentence };
}

if (import.meta.main) {
  const { text, isSame } = await withCounts(await Deno.readTextFile(FEATURES));
  if (!isSame) await Deno.writeTextFile(FEATURES, text);
}
