/**
 * A plain tar writer, for making archives in tests.
 *
 * @module
 */

/** A member for {@linkcode writeTar}. */
export interface TarFile {
  readonly name: string | Uint8Array;
  readonly content?: string | Uint8Array;
  /** The type flag; default a regular file. */
  readonly type?: string;
  /** What a link leads to. */
  readonly target?: string;
  /** Changes the header before its checksum is made. */
  readonly change?: (header: Uint8Array) => void;
}

/**
 * Packs members as ustar, with the two empty blocks at the end.
 *
 * @param files In order.
 * @returns The archive.
 */
export function writeTar(files: readonly TarFile[]): Uint8Array<ArrayBuffer> {
  const blocks: Uint8Array[] = [];
  for (const { name, content = "", type = "0", target = "", change } of files) {
    const body = bytesOf(content);
    const header = new Uint8Array(512);
    const put = (offset: number, text: string | Uint8Array) => header.set(bytesOf(text), offset);
    put(0, name);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, body.length.toString(8).padStart(11, "0") + "\0");
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, type);
    put(157, target);
    put(257, "ustar\x0000");
    change?.(header);
    const sum = header.reduce((total, byte) => total + byte, 0);
    put(148, sum.toString(8).padStart(6, "0") + "\0 ");
    blocks.push(header, body, new Uint8Array((512 - body.length % 512) % 512));
  }
  blocks.push(new Uint8Array(1024));
  return joinBytes(blocks);
}

/**
 * A pax header, for the member after it or for all.
 *
 * @param records Values by keyword.
 * @param type `g` for all members that follow.
 * @returns The member that holds it.
 */
export function paxHeader(records: Readonly<Record<string, string | Uint8Array>>, type: "x" | "g" = "x"): TarFile {
  const lines = Object.entries(records).map(([keyword, value]) => {
    const rest = joinBytes([bytesOf(` ${keyword}=`), bytesOf(value), bytesOf("\n")]);
    const digits = `${rest.length}`.length;
    const length = rest.length + digits + (`${rest.length + digits}`.length > digits ? 1 : 0);
    return joinBytes([bytesOf(`${length}`), rest]);
  });
  return { name: "pax", type, content: joinBytes(lines) };
}

/**
 * Packs bytes as gzip does.
 *
 * @param bytes Any.
 * @returns One member of a gzip file.
 */
export async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const packed = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

/**
 * Bytes one behind the other.
 *
 * @param parts In order.
 * @returns All of them.
 */
export function joinBytes(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((total, { length }) => total + length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

function bytesOf(text: string | Uint8Array): Uint8Array {
  return typeof text === "string" ? new TextEncoder().encode(text) : text;
}
