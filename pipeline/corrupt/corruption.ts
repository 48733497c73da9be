/**
 * What a corruption is.
 *
 * @module
 */

import type { RandomNumbers } from "../../formats/base/random.ts";
import type { Picture } from "./picture.ts";

/**
 * Corrupts a picture.
 *
 * @param picture An RGB picture of whole samples.
 * @param severity 1, the mildest, to 5.
 * @param random Where it draws from.
 * @returns The corrupted picture; samples beyond 0 to 255 are cut off later.
 */
export type Corruption = (picture: Picture, severity: number, random: RandomNumbers) => Picture | Promise<Picture>;
