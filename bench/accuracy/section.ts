/**
 * A section of the report: a table, and what in it is past its limit.
 *
 * @module
 */

/** Results of one kind. */
export interface Section {
  /** What was compared with what, and the limits. */
  readonly title: string;
  /** The header, then a row each. */
  readonly rows: (readonly (string | number)[])[];
  /** A sentence for each result past its limit. */
  readonly failures: string[];
}

/** A share in percent, cut and not rounded, so that 100 % is all. */
export function percent(share: number): string {
  return `${(Math.floor(share * 1e5) / 1e3).toFixed(3)} %`;
}
