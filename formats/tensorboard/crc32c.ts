/**
 * CRC-32C (Castagnoli), which TensorFlow's record files are checked with.
 *
 * @module
 */

/** The polynomial, reflected. */
const POLYNOMIAL = 0x82f63b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) remainder = remainder >>> 1 ^ (remainder & 1) * POLYNOMIAL;
  return remainder;
});

/**
 * Computes the checksum.
 *
 * @param bytes The bytes to sum up.
 * @returns The checksum, 0 to 2^32 - 1.
 */
export function crc32c(bytes: Uint8Array): number {
  let remainder = 0xffffffff;
  for (const byte of bytes) remainder = remainder >>> 8 ^ TABLE[(remainder ^ byte) & 0xff];
  return ~remainder >>> 0;
}

/**
 * The checksum as a record file has it, turned and shifted so that one over bytes that hold checksums is none of them.
 *
 * (TensorFlow, `lib/hash/crc32c.h`, `Mask`.)
 */
export function maskedCrc32c(bytes: Uint8Array): number {
  const sum = crc32c(bytes);
  return (sum >>> 15 | sum << 17) + 0xa282ead8 >>> 0;
}
