/**
 * What commands are called in hints, errors and helps: as they were started.
 *
 * `relabel.ts` beside `deno.json` runs all commands as its subcommands. Any other main module is a task's, or that of a
 * program which imports this project, whose user is told of the tasks.
 *
 * @module
 */

/** Subcommands of `relabel`, and the task that is each. */
export const SUBCOMMANDS = {
  label: "relabel",
  query: "query",
  report: "report",
  explore: "explore",
  publish: "publish",
  figures: "figures",
  convert: "convert",
  verify: "verify",
  train: "train",
  transfer: "transfer",
  evaluate: "evaluate",
  corrupt: "corrupt",
  reproduce: "reproduce",
  scenes: "scenes",
  cluster: "cluster",
  tune: "tune",
  doctor: "doctor",
} as const;

/** A subcommand's name. */
export type Subcommand = keyof typeof SUBCOMMANDS;

const BY_TASK: ReadonlyMap<string, string> = new Map(Object.entries(SUBCOMMANDS).map(([name, task]) => [task, name]));

/** The main module that has subcommands, without its extension. */
const RELABEL = new URL("../../relabel", import.meta.url).href;

/** The variable in which a program that starts `relabel.ts` says what its user typed, such as `npx relabel`. */
const PROGRAM = "RELABEL_COMMAND";

/**
 * What the program with subcommands is called.
 *
 * @returns `relabel`, or what whoever started it calls it; undefined where a task was started.
 */
export function programName(): string | undefined {
  // In the workers of Deno there is none.
  if (Deno.mainModule?.replace(/\.[jt]s$/, "") !== RELABEL) return undefined;
  const { state } = Deno.permissions.querySync({ name: "env", variable: PROGRAM });
  return state === "granted" && Deno.env.get(PROGRAM) || "relabel";
}

/**
 * What a command is called.
 *
 * @param command Its task, and what follows it, such as `query` or `cluster join`.
 * @returns `relabel query` or `deno task query`, as this process was started.
 */
export function calledAs(command: string): string {
  const program = programName();
  if (program === undefined) return `deno task ${command}`;
  return `${program} ${command.replace(/^\w+/, (task) => BY_TASK.get(task) ?? task)}`;
}

/**
 * A text of ours with commands called as this process was started.
 *
 * @param text Names commands by their tasks: `deno task query`.
 * @returns The text with {@linkcode calledAs} in place of each.
 */
export function asStarted(text: string): string {
  return text.replaceAll(
    /\bdeno task (\w+)/g,
    (line, task) => BY_TASK.has(task) ? calledAs(task) : line,
  );
}
