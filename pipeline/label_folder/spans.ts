/**
 * Which images of a source some parts are made of.
 *
 * @module
 */

/** Positions from `start` to before `end`. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/**
 * The images of some parts, those of consecutive parts in one span, so that a source is read on.
 *
 * @param parts Numbers of parts, ascending.
 * @param options Images of a part, and of the source.
 * @returns Spans in order.
 */
export function spansOf(
  parts: readonly number[],
  { rowsPerFile, images }: { rowsPerFile: number; images: number },
): Span[] {
  const spans: Span[] = [];
  for (let first = 0; first < parts.length;) {
    let end = first + 1;
    while (end < parts.length && parts[end] === parts[end - 1] + 1) end++;
    spans.push({ start: parts[first] * rowsPerFile, end: Math.min((parts[end - 1] + 1) * rowsPerFile, images) });
    first = end;
  }
  return spans;
}
