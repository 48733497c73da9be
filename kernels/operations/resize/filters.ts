/**
 * The filters of Pillow's resampling, as functions of the distance in output pixels (in input pixels when enlarging).
 *
 * @module
 */

/** A filter and how far it reaches. */
export interface Filter {
  readonly support: number;
  weight(x: number): number;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

function bicubic(x: number): number {
  const a = -0.5;
  x = Math.abs(x);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
  return 0;
}

/** Filters by Pillow's names. */
export const FILTERS = {
  box: { support: 0.5, weight: (x) => x > -0.5 && x <= 0.5 ? 1 : 0 },
  bilinear: { support: 1, weight: (x) => Math.max(1 - Math.abs(x), 0) },
  // Pillow's two constants are single precision.
  hamming: {
    support: 1,
    weight: (x) => Math.abs(x) < 1 ? sinc(x) * (Math.fround(0.54) + Math.fround(0.46) * Math.cos(x * Math.PI)) : 0,
  },
  bicubic: { support: 2, weight: bicubic },
  lanczos: { support: 3, weight: (x) => x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0 },
} as const satisfies Record<string, Filter>;
