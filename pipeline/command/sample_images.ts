/**
 * The photographs that are included, which commands take when no images are named, wherever they are called from.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";

/** Their folder. */
export const SAMPLE_IMAGES = fromFileUrl(new URL("../../assets/photos", import.meta.url));
