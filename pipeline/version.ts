/**
 * What wrote a folder.
 *
 * @module
 */

import project from "../deno.json" with { type: "json" };

/** Name and version of this project: `relabel 0.1.0`. */
export const engineVersion = `${project.name.replace(/^.*\//, "")} ${project.version}`;
