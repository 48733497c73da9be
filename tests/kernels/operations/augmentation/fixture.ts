/**
 * What torchvision makes of images, and how its random parts are distributed; see `fixtures/make.py`.
 *
 * @module
 */

/** Moments of a distribution of parts: of the share of the area, of log ratio, and of top and left edge as fractions. */
export interface Moments {
  readonly mean: readonly number[];
  readonly deviation: readonly number[];
}

/** The fixture. */
export interface TorchvisionFixture {
  /** `[20, 24, 3]` by name. */
  readonly images: Readonly<Record<string, Uint8Array>>;
  /** Top, left, height, width of the parts of the photograph. */
  readonly boxes: Readonly<Record<string, readonly [number, number, number, number]>>;
  readonly crops: Readonly<
    Record<
      string,
      Moments & {
        /** Height and width. */
        readonly size: readonly [number, number];
        readonly scale: readonly [number, number];
        readonly ratio: readonly [number, number];
        /** Share of the parts that are as high or as wide as the image. */
        readonly touching: number;
      }
    >
  >;
  readonly erasing: Moments;
}

/** Reads it. */
export async function readTorchvision(): Promise<TorchvisionFixture> {
  const bytes = await Deno.readFile(new URL("fixtures/torchvision.safetensors", import.meta.url));
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const { __metadata__: notes, ...entries } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const images = Object.fromEntries(
    Object.entries(entries as Record<string, { data_offsets: [number, number] }>).map((
      [name, { data_offsets: [start, end] }],
    ) => [name, bytes.subarray(8 + length + start, 8 + length + end)]),
  );
  return {
    images,
    boxes: JSON.parse(notes.boxes),
    crops: JSON.parse(notes.crops),
    erasing: JSON.parse(notes.erasing),
  };
}
