/**
 * Tests that need Python: the one that `RELABEL_PYTHON` names, or `python3`.
 *
 * @module
 */

import { assert } from "@std/assert";
import { join } from "@std/path";
import { ROOT } from "./pipeline/task.ts";

/** The beginning of a program that uses the package of `python`, in the folder that is its argument. */
export const PACKAGE = `import os, sys
sys.path.insert(0, ${JSON.stringify(join(ROOT, "python"))})
os.chdir(sys.argv[1])
`;

/** Runs a Python program with arguments, and gives what it prints; a failure is the test's. */
export type RunPython = (program: string, ...args: string[]) => Promise<string>;

const found = new Map<string, boolean>();

/**
 * Registers a test, which is reported as ignored, with the reason in its name, where Python lacks what it needs.
 *
 * @param name The test's name.
 * @param modules What Python must be able to import.
 * @param body The test.
 */
export function pythonTest(name: string, modules: readonly string[], body: (run: RunPython) => Promise<void>): void {
  const python = Deno.env.get("RELABEL_PYTHON") ?? "python3";
  const missing = modules.find((module) => !canImport(python, module));
  Deno.test({
    name: missing ? `${name} (not tried: ${python} has no ${missing}, RELABEL_PYTHON may name one that has)` : name,
    ignore: missing !== undefined,
    fn: () =>
      body(async (program, ...args) => {
        const { success, stdout, stderr } = await new Deno.Command(python, { args: ["-c", program, ...args] }).output();
        assert(success, new TextDecoder().decode(stderr));
        return new TextDecoder().decode(stdout).trim();
      }),
  });
}

function canImport(python: string, module: string): boolean {
  const known = found.get(module) ?? imports(python, module);
  found.set(module, known);
  return known;
}

function imports(python: string, module: string): boolean {
  try {
    const args = ["-c", `import ${module}`];
    return new Deno.Command(python, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
