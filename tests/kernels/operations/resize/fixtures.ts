/**
 * Reads `tests/fixtures/resize`: a PNG and Pillow's results, with no more of either format than they need.
 *
 * @module
 */

/** An RGB image, `[height, width, 3]`. */
export interface Image {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint8Array;
}

const FOLDER = new URL("../../../fixtures/resize/", import.meta.url);

/** `photo.png`: 8 bits, RGB, not interlaced. */
export async function readPhoto(): Promise<Image> {
  const bytes = await Deno.readFile(new URL("photo.png", FOLDER));
  const view = new DataView(bytes.buffer);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  const chunks: Uint8Array<ArrayBuffer>[] = [];
  for (let offset = 8; offset < bytes.length; offset += view.getUint32(offset) + 12) {
    const type = new TextDecoder().decode(bytes.subarray(offset + 4, offset + 8));
    if (type === "IDAT") chunks.push(bytes.subarray(offset + 8, offset + 8 + view.getUint32(offset)));
  }
  const inflated = new Response(new Blob(chunks).stream().pipeThrough(new DecompressionStream("deflate")));
  const lines = new Uint8Array(await inflated.arrayBuffer());
  const length = width * 3;
  const pixels = new Uint8Array(height * length);
  for (let y = 0; y < height; y++) {
    const filter = lines[y * (length + 1)];
    for (let index = 0; index < length; index++) {
      const left = index < 3 ? 0 : pixels[y * length + index - 3];
      const above = y === 0 ? 0 : pixels[(y - 1) * length + index];
      const corner = index < 3 || y === 0 ? 0 : pixels[(y - 1) * length + index - 3];
      const guess = [0, left, above, (left + above) >> 1, paeth(left, above, corner)][filter];
      pixels[y * length + index] = lines[y * (length + 1) + 1 + index] + guess;
    }
  }
  return { width, height, pixels };
}

function paeth(left: number, above: number, corner: number): number {
  const toLeft = Math.abs(above - corner);
  const toAbove = Math.abs(left - corner);
  const toCorner = Math.abs(left + above - 2 * corner);
  return toLeft <= toAbove && toLeft <= toCorner ? left : toAbove <= toCorner ? above : corner;
}

/** Pillow's results by name, `[height, width, 3]`. */
export async function readExpected(): Promise<Record<string, { shape: number[]; pixels: Uint8Array }>> {
  const bytes = await Deno.readFile(new URL("expected.safetensors", FOLDER));
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header: Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }> = JSON.parse(
    new TextDecoder().decode(bytes.subarray(8, 8 + length)),
  );
  return Object.fromEntries(
    Object.entries(header).filter(([, { dtype }]) => dtype === "U8").map(([name, { shape, data_offsets }]) => [
      name,
      { shape, pixels: bytes.subarray(8 + length + data_offsets[0], 8 + length + data_offsets[1]) },
    ]),
  );
}
