/**
 * Values of JSON.
 *
 * @module
 */

/** A value that JSON can hold. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [entry: string]: Json };
