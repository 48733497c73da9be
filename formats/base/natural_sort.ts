/**
 * Natural order of names: runs of digits compare as numbers, so that `2` comes before `10`.
 *
 * @module
 */

/**
 * Compares two names as timm orders class folders: lower-cased, digits as numbers. Names that are equal so (`a1`, `A01`)
 * are ordered by their code units, which makes the order total and the same on every file system and in every locale.
 *
 * @param a One name.
 * @param b Another name.
 * @returns Negative if `a` comes first, positive if `b` does, 0 only if they are the same.
 */
export function compareNatural(a: string, b: string): number {
  const left = naturalRuns(a);
  const right = naturalRuns(b);
  const shared = Math.min(left.length, right.length);
  for (let index = 0; index < shared; index++) {
    // Even places hold text, odd ones digits.
    const order = index % 2 === 1 ? compareDigits(left[index], right[index]) : compareText(left[index], right[index]);
    if (order !== 0) return order;
  }
  return left.length - right.length || compareText(a, b);
}

function naturalRuns(name: string): string[] {
  return name.toLowerCase().split(/([0-9]+)/);
}

/** Digits of any length: without leading zeros the longer number is the larger. */
function compareDigits(a: string, b: string): number {
  const left = a.replace(/^0+/, "");
  const right = b.replace(/^0+/, "");
  return left.length - right.length || compareText(left, right);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
