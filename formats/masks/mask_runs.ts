/**
 * Masks as runs of pixels, and what share of each cell of a grid they cover.
 *
 * Pixels are counted column by column, as COCO counts them: pixel `column * height + row`. A mask is the runs of its pixels,
 * `[start, end, start, end, ...]`, each end not included.
 *
 * @module
 */

/** Height and width of an image, pixels, or of a grid, cells. */
export interface Size {
  readonly height: number;
  readonly width: number;
}

/** A mask: starts and ends of its runs, one after the other. */
export type MaskRuns = ArrayLike<number>;

/**
 * What several masks cover together.
 *
 * @param masks Masks of one image.
 * @returns Their union: runs in ascending order, of which no two touch.
 */
export function uniteRuns(masks: readonly MaskRuns[]): number[] {
  const runs: [start: number, end: number][] = [];
  for (const mask of masks) {
    for (let place = 0; place < mask.length; place += 2) runs.push([mask[place], mask[place + 1]]);
  }
  runs.sort((a, b) => a[0] - b[0]);
  const united: number[] = [];
  for (const [start, end] of runs) {
    if (start <= united[united.length - 1]) united[united.length - 1] = Math.max(united[united.length - 1], end);
    else united.push(start, end);
  }
  return united;
}

/**
 * The share of each cell that a mask covers. Cells are equal parts of the image and need not end where pixels do: a pixel that
 * lies in several of them counts in each by its part. Sums are of whole numbers, and so exact.
 *
 * @param mask Runs that do not overlap.
 * @param image Size of the image.
 * @param grid Size of the grid.
 * @returns `[H * W]`: 0 to 1 for each cell, row by row.
 */
export function cellShares(mask: MaskRuns, image: Size, grid: Size): Float64Array {
  const { height, width } = image;
  // In units in which pixels and cells both end at whole numbers: a cell is `height` x `width` of them.
  const areas = new Float64Array(grid.height * grid.width);
  for (let place = 0; place < mask.length; place += 2) {
    let start = mask[place];
    const end = mask[place + 1];
    while (start < end) {
      const column = Math.floor(start / height);
      const top = start - column * height;
      const length = Math.min(end - start, height - top);
      addColumn(column, top, top + length);
      start += length;
    }
  }
  return areas.map((area) => area / (height * width));

  function addColumn(column: number, top: number, bottom: number): void {
    const [left, right] = [column * grid.width, (column + 1) * grid.width];
    const [upper, lower] = [top * grid.height, bottom * grid.height];
    for (let x = Math.floor(left / width); x * width < right; x++) {
      const across = Math.min((x + 1) * width, right) - Math.max(x * width, left);
      for (let y = Math.floor(upper / height); y * height < lower; y++) {
        const down = Math.min((y + 1) * height, lower) - Math.max(y * height, upper);
        areas[y * grid.width + x] += across * down;
      }
    }
  }
}
