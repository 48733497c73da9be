/**
 * YCbCr to RGB in the two ways in which Pillow does it for TIFF.
 *
 * @module
 */

/** How luma and chroma become colours. */
export type YcbcrRule =
  /** Pillow's own `YCbCr` to `RGB`: JFIF's coefficients, with six bits behind the point. */
  | "pillow"
  /** libtiff's, by what the file says. */
  | {
    /** Shares of red, green and blue in luma. */
    readonly coefficients: readonly number[];
    /** Black and white of luma, then of both chroma components. */
    readonly blackWhite: readonly number[];
  };

/**
 * Turns pixels into RGB where they are.
 *
 * @param pixels Luma, blue and red chroma of each pixel; red, green and blue afterwards.
 * @param rule The conversion to apply.
 */
export function ycbcrToRgb(pixels: Uint8Array | Uint8ClampedArray, rule: YcbcrRule): void {
  const { luma, redOfRed, greenOfRed, greenOfBlue, blueOfBlue, greenBits } = rule === "pillow"
    ? pillowTables()
    : libtiffTables(rule);
  const rgb = new Uint8ClampedArray(pixels.buffer, pixels.byteOffset, pixels.length);
  for (let at = 0; at < rgb.length; at += 3) {
    const light = luma[rgb[at]];
    const [blue, red] = [rgb[at + 1], rgb[at + 2]];
    rgb[at] = light + redOfRed[red];
    rgb[at + 1] = light + ((greenOfRed[red] + greenOfBlue[blue]) >> greenBits);
    rgb[at + 2] = light + blueOfBlue[blue];
  }
}

/** What each stored value adds to a colour; to green, both chroma components together before they are shifted. */
interface Tables {
  readonly luma: Int32Array;
  readonly redOfRed: Int32Array;
  readonly greenOfRed: Int32Array;
  readonly greenOfBlue: Int32Array;
  readonly blueOfBlue: Int32Array;
  readonly greenBits: number;
}

function table(value: (stored: number) => number): Int32Array {
  return Int32Array.from({ length: 256 }, (_, stored) => value(stored));
}

/** Pillow's `ConvertYCbCr.c`. */
function pillowTables(): Tables {
  const bits = 6;
  const scaled = (factor: number) => table((stored) => Math.trunc(factor * (stored - 128) * 2 ** bits + 0.5));
  return {
    luma: table((stored) => stored),
    redOfRed: scaled(1.402).map((value) => value >> bits),
    greenOfRed: scaled(-0.71414),
    greenOfBlue: scaled(-0.34414),
    blueOfBlue: scaled(1.772).map((value) => value >> bits),
    greenBits: bits,
  };
}

/** libtiff's `TIFFYCbCrToRGBInit`. */
function libtiffTables({ coefficients: [red, green, blue], blackWhite }: Exclude<YcbcrRule, "pillow">): Tables {
  const bits = 16;
  const fixed = (value: number) => Math.trunc(Math.fround(Math.min(Math.max(value, 0), 2)) * 2 ** bits + 0.5);
  const level = (stored: number, black: number, white: number, range: number) =>
    Math.trunc(Math.fround((stored - Math.trunc(black)) * range) / (white - black || 1));
  const chroma = (stored: number, at: number) =>
    level(stored - 128, blackWhite[at] - 128, blackWhite[at + 1] - 128, 127);
  const half = 2 ** (bits - 1);
  const redFactor = 2 - 2 * red;
  const blueFactor = 2 - 2 * blue;
  return {
    luma: table((stored) => level(stored, blackWhite[0], blackWhite[1], 255)),
    redOfRed: table((stored) => (fixed(redFactor) * chroma(stored, 4) + half) >> bits),
    greenOfRed: table((stored) => -fixed(red * redFactor / green) * chroma(stored, 4)),
    greenOfBlue: table((stored) => -fixed(blue * blueFactor / green) * chroma(stored, 2) + half),
    blueOfBlue: table((stored) => (fixed(blueFactor) * chroma(stored, 2) + half) >> bits),
    greenBits: bits,
  };
}
