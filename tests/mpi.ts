/**
 * Tests that run processes under an MPI launcher.
 *
 * @module
 */

import type { Implementation } from "../pipeline/command/mpi/launcher.ts";
import { ROOT } from "./pipeline/task.ts";

/** What the processes of a run left together. */
export interface RanksOutput {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/** What a process is started with. */
export interface RanksOptions {
  /** Variables to set in all processes. */
  readonly env?: Record<string, string>;
  /** Words for the launcher, before those of Deno. */
  readonly launcher?: readonly string[];
}

/** The launchers by implementation: names that Debian gives them, which both can be installed with. */
const LAUNCHERS: Readonly<Record<Implementation, { command: string; args: readonly string[] }>> = {
  "MPICH": { command: "mpiexec.mpich", args: [] },
  "Open MPI": { command: "mpirun.openmpi", args: ["--allow-run-as-root", "--oversubscribe"] },
};

/**
 * A command that runs Deno as several ranks, in the project's folder.
 *
 * @param implementation Whose launcher.
 * @param ranks How many.
 * @param args What follows `deno`: `["run", "--allow-ffi", "rank.ts"]`.
 * @param options Further variables and words.
 * @returns The command; its output is piped.
 */
export function ranksCommand(
  implementation: Implementation,
  ranks: number,
  args: readonly string[],
  options: RanksOptions = {},
): Deno.Command {
  const launcher = LAUNCHERS[implementation];
  return new Deno.Command(launcher.command, {
    args: [...launcher.args, ...options.launcher ?? [], "-n", String(ranks), Deno.execPath(), ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", ...options.env },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs Deno as several ranks to their end, as {@linkcode ranksCommand} says. */
export async function runRanks(
  implementation: Implementation,
  ranks: number,
  args: readonly string[],
  options: RanksOptions = {},
): Promise<RanksOutput> {
  const { code, stdout, stderr } = await ranksCommand(implementation, ranks, args, options).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
}

/**
 * Registers a test, which is reported as ignored, with the reason in its name, where the implementation's launcher is missing.
 *
 * @param name The test's name, to which the implementation's is added.
 * @param implementation What it needs.
 * @param body The test.
 */
export function mpiTest(name: string, implementation: Implementation, body: () => Promise<void>): void {
  const { command } = LAUNCHERS[implementation];
  const missing = !isInstalled(command);
  Deno.test({
    name: `${name} (${implementation}${missing ? `, not tried: there is no ${command}` : ""})`,
    ignore: missing,
    fn: body,
  });
}

const found = new Map<string, boolean>();

function isInstalled(command: string): boolean {
  const known = found.get(command) ?? runs(command);
  found.set(command, known);
  return known;
}

function runs(command: string): boolean {
  try {
    return new Deno.Command(command, { args: ["--version"], stdout: "null", stderr: "null" }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
