/**
 * What became of EXIF orientations, for the eye.
 *
 * @module
 */

import { formatCount } from "../command/numbers.ts";

/**
 * A line of a summary, whose topics are eleven characters wide.
 *
 * @param oriented Images that a run decoded and that carry an orientation other than 1.
 * @param isTurned Whether they were turned as it says.
 * @returns The line, indented; none where there is no such image.
 */
export function orientationLine(oriented: number, isTurned: boolean): string[] {
  if (oriented === 0) return [];
  const images = oriented === 1
    ? "1 image of this run carries an EXIF orientation and was"
    : `${formatCount(oriented)} images of this run carry an EXIF orientation and were`;
  return [`  turned     ${images} ${isTurned ? "turned by it" : "left as stored: --exif-orientation turns them"}`];
}
