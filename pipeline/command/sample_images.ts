/**
 * The photographs that are included, which commands take when no images are named, wherever they are called from.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";

/** The folder of the sample photographs. */
export const SAMPLE_IMAGES = fromFileUrl(new URL("../../assets/photos", import.meta.url));
