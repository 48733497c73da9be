/**
 * What a family's file gives to the table in `architectures.ts`.
 *
 * @module
 */

import type { Network } from "../operations/network.ts";
import type { Pair } from "../operations/shared/window.ts";
import type { Mixing } from "./transformer_block.ts";

/** What is asked of a member of a family. */
export interface NetworkOptions {
  readonly classes: number;
  /** Height and width of the input; the member's own if left out. Of no effect where a network takes any. */
  readonly size?: Pair;
  /**
   * What stands for the attention of the last block where cells are labelled by the classifier of a class token; see
   * `docs/dense_labels.md`. Of no effect in other networks.
   */
  readonly cells?: Mixing;
}

/** How a network is built, by timm's name of its architecture. */
export type Family = Readonly<Record<string, (options: NetworkOptions) => Network>>;

/**
 * A family of members that are built alike.
 *
 * @param members What each member is, by its name.
 * @param build Builds one.
 * @returns The family.
 */
export function familyOf<M>(
  members: Readonly<Record<string, M>>,
  build: (member: M & NetworkOptions & { readonly name: string }) => Network,
): Family {
  return Object.fromEntries(
    Object.entries(members).map(([name, member]) => [name, (options) => build({ ...member, name, ...options })]),
  );
}
