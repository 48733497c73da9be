// deno-lint-ignore-file camelcase -- PyTorch calls its types so

/**
 * PyTorch's names of element types and storages.
 *
 * @module
 */

import { dataTypes, otherSizes } from "./data_types.ts";

/** An element type of a tensor. */
export interface ElementType {
  /** Named as in safetensors. */
  readonly dtype: string;
  /** Bytes an element. */
  readonly size: number;
}

/** Names of `torch.dtype`, and safetensors'. */
const names: Readonly<Record<string, string>> = {
  float64: "F64",
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  int64: "I64",
  int32: "I32",
  int16: "I16",
  int8: "I8",
  uint8: "U8",
  bool: "BOOL",
  uint16: "U16",
  uint32: "U32",
  uint64: "U64",
  float8_e4m3fn: "F8_E4M3",
  float8_e5m2: "F8_E5M2",
  float8_e4m3fnuz: "F8_E4M3FNUZ",
  float8_e5m2fnuz: "F8_E5M2FNUZ",
  float8_e8m0fnu: "F8_E8M0",
  complex32: "C32",
  complex64: "C64",
  complex128: "C128",
};

/** Storages are named by the types of C. */
const storages: Readonly<Record<string, string>> = {
  Double: "F64",
  Float: "F32",
  Half: "F16",
  BFloat16: "BF16",
  Long: "I64",
  Int: "I32",
  Short: "I16",
  Char: "I8",
  Byte: "U8",
  Bool: "BOOL",
  ComplexFloat: "C64",
  ComplexDouble: "C128",
};

/** Elements of quantised tensors; of the smallest two, several share a byte. */
const quantised: Readonly<Record<string, number>> = { QInt8: 1, QUInt8: 1, QInt32: 4, QUInt4x2: 1, QUInt2x4: 1 };

/** Types that a pickle may refer to and that no tensor here is of: parts of a byte, bits, and schemes of quantisation. */
const otherTypes =
  /^torch\.(u?int[1-7]|bits(8|16|1x8|2x4|4x2)|bcomplex32|float4_e2m1fn_x2|q(u?int8|int32)|quint(8|4x2|2x4)|per_(tensor|channel)_(affine|symmetric)|per_channel_affine_float_qparams)$/;

/**
 * An element type by its name.
 *
 * @param name `torch.float32` and the like.
 * @returns The type; undefined if it is none, or one whose elements are no whole bytes.
 */
export function elementType(name: string): ElementType | undefined {
  const short = name.startsWith("torch.") ? name.slice("torch.".length) : "";
  return Object.hasOwn(names, short) ? typeOf(names[short]) : undefined;
}

/**
 * Whether a name is that of an element type or a scheme of quantisation, known to have a use here or not.
 *
 * @param name The global, as `module.name`.
 * @returns Whether a pickle may refer to it as data.
 */
export function isElementTypeName(name: string): boolean {
  return elementType(name) !== undefined || otherTypes.test(name);
}

/**
 * The elements of a storage by the name of its class.
 *
 * @param name `torch.FloatStorage`, `torch.cuda.FloatStorage` or, for bytes whose type the tensor names,
 *   `torch.storage.UntypedStorage`.
 * @returns The type of its elements; undefined if it is no storage.
 */
export function storageType(name: string): ElementType | undefined {
  if (name === "torch.storage.UntypedStorage") return { dtype: "U8", size: 1 };
  const [, short] = /^torch\.(?:cuda\.)?(\w+)Storage$/.exec(name) ?? [];
  if (short === undefined) return undefined;
  if (Object.hasOwn(storages, short)) return typeOf(storages[short]);
  return Object.hasOwn(quantised, short) ? { dtype: short, size: quantised[short] } : undefined;
}

function typeOf(dtype: string): ElementType {
  return { dtype, size: Object.hasOwn(dataTypes, dtype) ? dataTypes[dtype].size : otherSizes[dtype] };
}
