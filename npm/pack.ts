/**
 * `deno task pack`: a tarball for npm, whose command starts the Deno that npm installs as a dependency.
 *
 * It holds the files that `deno publish` takes, as they are: `deno pack` would leave out assets, permissions and the import
 * map, by which modules are found.
 *
 *     deno run --allow-read --allow-write --allow-run=npm npm/pack.ts [FOLDER]
 *
 * @module
 */

import { dirname, fromFileUrl, join, resolve } from "@std/path";
import project from "../deno.json" with { type: "json" };
import { printLine } from "../pipeline/command/terminal.ts";

const ROOT = fromFileUrl(new URL("../", import.meta.url));

/** What npm is told. */
const PACKAGE = {
  name: project.name,
  version: project.version,
  description: "Localized multi-labels for image data sets, by the ReLabel method",
  license: project.license,
  bin: { relabel: "relabel.cjs" },
  dependencies: { deno: "^2.9.6" },
};

/** Files of the package, relative to the project's folder. */
function packagedFiles({ include, exclude }: typeof project.publish): string[] {
  const filesOf = (path: string): string[] => {
    if (exclude.includes(path)) return [];
    if (Deno.statSync(join(ROOT, path)).isFile) return [path];
    return [...Deno.readDirSync(join(ROOT, path))].flatMap(({ name }) => filesOf(`${path}/${name}`));
  };
  return include.flatMap(filesOf);
}

/**
 * Writes the tarball.
 *
 * @param folder Where it goes.
 * @returns Its path.
 * @throws {Error} If npm cannot make it.
 */
async function pack(folder: string): Promise<string> {
  const staging = await Deno.makeTempDir();
  try {
    for (const path of packagedFiles(project.publish)) {
      const target = join(staging, "relabel", path);
      await Deno.mkdir(dirname(target), { recursive: true });
      await Deno.copyFile(join(ROOT, path), target);
    }
    for (const name of ["README.md", "LICENSE"]) await Deno.copyFile(join(ROOT, name), join(staging, name));
    await Deno.copyFile(join(ROOT, "npm/relabel.cjs"), join(staging, "relabel.cjs"));
    await Deno.writeTextFile(join(staging, "package.json"), JSON.stringify(PACKAGE, null, 2));
    const args = ["pack", "--silent", "--pack-destination", resolve(folder)];
    const { success, stdout } = await new Deno.Command("npm", { args, cwd: staging, stderr: "inherit" }).output();
    if (!success) throw new Error("Cannot pack: npm pack failed");
    return join(folder, new TextDecoder().decode(stdout).trim());
  } finally {
    await Deno.remove(staging, { recursive: true });
  }
}

printLine(await pack(Deno.args[0] ?? "."));
