/**
 * What a family's file gives to the table in `architectures.ts`.
 *
 * @module
 */

import type { Network } from "../operations/network.ts";

/** How a network of so many classes is built, by timm's name of its architecture. */
export type Family = Readonly<Record<string, (classes: number) => Network>>;

/**
 * A family of members that are built alike.
 *
 * @param members What each member is, by its name.
 * @param build Builds one.
 * @returns The family.
 */
export function familyOf<M>(
  members: Readonly<Record<string, M>>,
  build: (member: M & { readonly name: string; readonly classes: number }) => Network,
): Family {
  return Object.fromEntries(
    Object.entries(members).map(([name, member]) => [name, (classes) => build({ ...member, name, classes })]),
  );
}
