/**
 * The photographs and the annotator that are included, which commands take when none are named, wherever they are called
 * from.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";

/** The folder of the sample photographs. */
export const SAMPLE_IMAGES: string = pathOf(new URL("../../assets/photos", import.meta.url));

/** The folder of the annotator that is included: EfficientNet-Lite0, of ImageNet's 1,000 classes. */
export const SAMPLE_ANNOTATOR: string = pathOf(new URL("../../assets/efficientnet_lite0", import.meta.url));

/** Where this module is no file, what opens the folder says that there is none. */
function pathOf(url: URL): string {
  return url.protocol === "file:" ? fromFileUrl(url) : url.href;
}
