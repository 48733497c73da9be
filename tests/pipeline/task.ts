/**
 * Runs the project's tasks as processes, with the permissions that deno.json gives them and no others.
 *
 * @module
 */

import { join } from "@std/path";
import project from "../../deno.json" with { type: "json" };

/** The project's folder, which tasks run in. */
export const ROOT = new URL("../../", import.meta.url).pathname;

/** What a process left. */
export interface TaskOutput {
  readonly code: number;
  readonly out: string;
  readonly error: string;
}

/**
 * What follows `deno` when a task is run.
 *
 * @param task Its name in deno.json.
 * @param args What follows it.
 * @returns The arguments.
 */
export function taskArguments(task: keyof typeof project.tasks, args: readonly string[]): string[] {
  const [deno, ...words] = project.tasks[task].split(" ");
  if (deno !== "deno") throw new TypeError(`Cannot run task ${task}: it starts with ${deno}`);
  return [...words, ...args];
}

/** A set of permissions, as deno.json states one. */
export interface PermissionSet {
  readonly read?: boolean;
  readonly ffi?: boolean;
  readonly net?: boolean | readonly string[];
  readonly sys?: readonly string[];
  readonly env?: readonly string[];
}

/**
 * The permissions of a task.
 *
 * @param task Its name in deno.json.
 * @returns The set that its command names; undefined if it names none.
 */
export function permissionsOf(task: keyof typeof project.tasks): PermissionSet | undefined {
  const name = / -P=(\w+) /.exec(project.tasks[task])?.[1];
  return name === undefined ? undefined : project.permissions[name as keyof typeof project.permissions];
}

/**
 * A task's command, which is a process of its own that can be killed; `deno task` would stand between.
 *
 * @param task Its name in deno.json.
 * @param args What follows it.
 * @param env Variables to set.
 * @returns The command.
 */
export function taskCommand(
  task: keyof typeof project.tasks,
  args: readonly string[],
  env: Record<string, string> = {},
): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: taskArguments(task, args),
    cwd: ROOT,
    env,
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs a task to its end. */
export async function runTask(task: keyof typeof project.tasks, ...args: string[]): Promise<TaskOutput> {
  const { code, stdout, stderr } = await taskCommand(task, args).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
}

/** Every file of a folder by name, as text that keeps its bytes apart. */
export function contents(path: string): Record<string, string> {
  const names = [...Deno.readDirSync(path)].map(({ name }) => name).sort();
  return Object.fromEntries(names.map((name) => [name, Deno.readFileSync(join(path, name)).toBase64()]));
}
