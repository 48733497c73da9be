/**
 * What wrote a folder.
 *
 * @module
 */

import project from "../../deno.json" with { type: "json" };

/** Name and version of this project: `relabel 0.1.0`. */
export const engineVersion = `${project.name.replace(/^.*\//, "")} ${project.version}`;

/**
 * Versions of this project and of Deno, as `--version` prints them.
 *
 * @returns `relabel 0.1.0 (Deno 2.9.6, V8 14.8.178, x86_64-unknown-linux-gnu)`.
 */
export function versionLine(): string {
  const { deno, v8 } = Deno.version;
  return `${engineVersion} (Deno ${deno}, V8 ${v8}, ${Deno.build.target})`;
}
