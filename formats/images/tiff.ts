/**
 * Which TIFFs are read, and how: the kinds below were compared with Pillow, sample for sample, and all others are refused,
 * since libvips gives other pixels for many of them without a word.
 *
 * @module
 */

import { directoryOrientation } from "./orientation.ts";
import { readTiffDirectory, type TiffDirectory } from "./tiff_directory.ts";
import type { YcbcrRule } from "./ycbcr.ts";
import type { StoredHeader } from "./image_format.ts";

/** The header of a TIFF's first page. */
export interface TiffHeader extends StoredHeader {
  /** Samples of a pixel, of any kind, and bits of each. */
  readonly samples: number;
  readonly bits: number;
  /** How luma and chroma become colours, where libvips gives them as they are stored. */
  readonly ycbcr?: YcbcrRule;
  readonly isTiled: boolean;
  /** Whether all pixels are in one piece, which is in memory as a whole. */
  readonly isOnePiece: boolean;
}

/** Numbers of fields. */
enum Field {
  Width = 256,
  Height = 257,
  Bits = 258,
  Compression = 259,
  Photometric = 262,
  FillOrder = 266,
  StripOffsets = 273,
  Samples = 277,
  Planar = 284,
  Predictor = 317,
  ColourMap = 320,
  TileOffsets = 324,
  InkSet = 332,
  ExtraSamples = 338,
  SampleFormat = 339,
  YcbcrCoefficients = 529,
  YcbcrSubsampling = 530,
  ReferenceBlackWhite = 532,
}

/** Photometric interpretations. */
const COLOUR_SPACES: Readonly<Record<number, string>> = {
  0: "grey with white at 0",
  1: "grey",
  2: "RGB",
  3: "palette",
  4: "mask",
  5: "CMYK",
  6: "YCbCr",
  8: "CIELab",
  9: "ICCLab",
  10: "ITULab",
  32803: "colour filter array",
  32844: "LogL",
  32845: "LogLuv",
  34892: "linear raw",
};
const [GREY, RGB, PALETTE, CMYK, YCBCR] = [1, 2, 3, 5, 6];

const COMPRESSIONS: Readonly<Record<number, string>> = {
  1: "none",
  2: "CCITT run lengths",
  3: "CCITT Group 3",
  4: "CCITT Group 4",
  5: "LZW",
  6: "old JPEG",
  7: "JPEG",
  8: "Deflate",
  32773: "PackBits",
  32809: "ThunderScan",
  32946: "Deflate",
  34661: "JBIG",
  34676: "SGILog",
  34677: "SGILog24",
  34712: "JPEG 2000",
  34887: "LERC",
  34892: "lossy JPEG",
  34925: "LZMA",
  50000: "ZSTD",
  50001: "WebP",
  50002: "JPEG XL",
};
const [NONE, CCITT, JPEG, DEFLATE] = [1, [2, 3, 4], 7, [8, 32946]];

/** Kinds of pixels that are read: photometric interpretation, bits of a sample, and what further samples are. */
const KINDS: readonly { photometric: number; bits: readonly number[]; extra: string }[] = [
  { photometric: 0, bits: [1, 2, 4, 8], extra: "" },
  { photometric: GREY, bits: [1, 2, 4, 8, 16], extra: "" },
  { photometric: GREY, bits: [8], extra: "0" },
  { photometric: GREY, bits: [8], extra: "2" },
  { photometric: RGB, bits: [8, 16], extra: "" },
  { photometric: RGB, bits: [8, 16], extra: "0" },
  { photometric: RGB, bits: [8], extra: "1" },
  { photometric: RGB, bits: [8, 16], extra: "2" },
  { photometric: RGB, bits: [8], extra: "0,0" },
  { photometric: RGB, bits: [8], extra: "2,0" },
  { photometric: PALETTE, bits: [1, 2, 4, 8], extra: "" },
  { photometric: PALETTE, bits: [8], extra: "0" },
  { photometric: PALETTE, bits: [8], extra: "2" },
  { photometric: CMYK, bits: [8, 16], extra: "" },
  { photometric: CMYK, bits: [8], extra: "0" },
  { photometric: YCBCR, bits: [8], extra: "" },
];

/**
 * Reads the header of the first page.
 *
 * @param bytes A TIFF.
 * @returns The header; null if it is damaged.
 */
export function readTiffHeader(bytes: Uint8Array): TiffHeader | null {
  try {
    return describe(readTiffDirectory(bytes));
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function describe(directory: TiffDirectory): TiffHeader {
  for (const field of [Field.Width, Field.Height, Field.Bits, Field.Compression, Field.Photometric, Field.Samples]) {
    if (directory.values(field)?.length === 0) throw new RangeError(`field ${field} has no value`);
  }
  const samples = directory.values(Field.Samples)?.[0] ?? 1;
  return {
    width: directory.values(Field.Width)?.[0] ?? 0,
    height: directory.values(Field.Height)?.[0] ?? 0,
    orientation: directoryOrientation(directory),
    samples,
    bits: bitsOf(directory)[0],
    ycbcr: ycbcrOf(directory),
    isTiled: isTiled(directory),
    isOnePiece: (directory.values(Field.StripOffsets) ?? directory.values(Field.TileOffsets))?.length === 1,
    refusal: refusalOf(directory, samples),
  };
}

function isTiled(directory: TiffDirectory): boolean {
  return directory.values(Field.TileOffsets) !== undefined;
}

function bitsOf(directory: TiffDirectory): readonly number[] {
  return directory.values(Field.Bits) ?? [1];
}

/** libvips leaves luma and chroma as they are unless they are JPEG or there is less chroma than luma. */
function ycbcrOf(directory: TiffDirectory): YcbcrRule | undefined {
  const photometric = directory.values(Field.Photometric)?.[0];
  const compression = directory.values(Field.Compression)?.[0] ?? NONE;
  if (photometric !== YCBCR || compression === JPEG || subsampling(directory) !== "1,1") return undefined;
  if (compression === NONE) return "pillow";
  return {
    coefficients: directory.values(Field.YcbcrCoefficients) ?? [0.299, 0.587, 0.114],
    blackWhite: directory.values(Field.ReferenceBlackWhite) ?? [0, 255, 128, 255, 128, 255],
  };
}

function subsampling(directory: TiffDirectory): string {
  return (directory.values(Field.YcbcrSubsampling) ?? [2, 2]).join(",");
}

function refusalOf(directory: TiffDirectory, samples: number): string | undefined {
  const value = (field: Field) => directory.values(field)?.[0];
  const photometric = value(Field.Photometric);
  const compression = value(Field.Compression) ?? NONE;
  const bits = bitsOf(directory);
  // Some writers do not say what the fourth sample is.
  const extra = directory.values(Field.ExtraSamples) ?? (photometric === RGB && samples === 4 ? [0] : []);
  const formats = directory.values(Field.SampleFormat) ?? [1];
  const isSeparate = samples > 1 && value(Field.Planar) === 2;
  const inTiles = isTiled(directory);

  if (directory.big && !directory.littleEndian) return "big-endian BigTIFF is not read";
  const ways = COMPRESSIONS[compression] ?? "unknown";
  const compressed = `its compression, ${ways} (number ${compression}), is not read`;
  if (![NONE, ...CCITT, 5, JPEG, ...DEFLATE, 32773].includes(compression)) return compressed;

  const depth = `${bits[0]} ${formats[0] === 2 ? "signed " : formats[0] === 3 ? "floating " : ""}bits`;
  const name = photometric === undefined
    ? "no colour space"
    : COLOUR_SPACES[photometric] ?? `colour space ${photometric}`;
  const described = `${name} with ${samples} sample${samples === 1 ? "" : "s"} of ${depth}`;
  const isKind = KINDS.some((kind) =>
    kind.photometric === photometric && kind.bits.includes(bits[0]) && kind.extra === extra.join(",") &&
    samples === colourSamples(photometric) + extra.length
  );
  if (!isKind || bits.some((other) => other !== bits[0]) || formats.some((format) => format !== 1)) {
    return `${described}${extra.length > 0 ? `, ${extra.length} of them for alpha or other things,` : ""} is not read`;
  }
  if (CCITT.includes(compression) && bits[0] !== 1) return compressed;
  if (compression === JPEG && (bits[0] !== 8 || photometric === PALETTE)) return compressed;
  const isPlainGrey = compression !== NONE || photometric === GREY || bits[0] === 1;
  if (value(Field.FillOrder) === 2 && (samples > 1 || !isPlainGrey)) return `${described} in reversed bits is not read`;
  if (![1, 2].includes(value(Field.Predictor) ?? 1)) return `${described} with a predictor of floats is not read`;
  if (isSeparate && !isReadSeparate(photometric!, bits[0], extra.join(","), { compression, isTiled: inTiles })) {
    return `${described} in separate planes is not read`;
  }
  if (inTiles && compression === JPEG && samples < 3) return `${described} as JPEG in tiles is not read`;
  if (photometric === PALETTE && !isWholePalette(directory.values(Field.ColourMap), bits[0])) {
    return "its palette has too few colours, or colours of 8 bits";
  }
  if (photometric === CMYK && (value(Field.InkSet) ?? 1) !== 1) return "inks that are not CMYK are not read";
  if (photometric === YCBCR && compression === NONE && subsampling(directory) !== "1,1") {
    return "YCbCr with fewer chroma samples is read only if it is compressed";
  }
  return undefined;
}

function colourSamples(photometric: number): number {
  return photometric === CMYK ? 4 : photometric === RGB || photometric === YCBCR ? 3 : 1;
}

/** Which kinds are read where each sample has a plane of its own. */
function isReadSeparate(
  photometric: number,
  bits: number,
  extra: string,
  { compression, isTiled }: { readonly compression: number; readonly isTiled: boolean },
): boolean {
  if (isTiled || (bits === 16 && compression === NONE)) return false;
  return photometric === RGB
    ? extra === "" || (extra === "2" && compression !== JPEG)
    : photometric === CMYK && extra === "" && bits === 8;
}

/** As many colours as indices, of 16 bits each, as the format asks for; others are guessed differently. */
function isWholePalette(colours: readonly number[] | undefined, bits: number): boolean {
  return colours?.length === 3 * 2 ** bits && colours.some((colour) => colour > 255);
}
