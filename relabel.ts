/**
 * The command `relabel`: each of its subcommands loads its own modules and no others.
 *
 * ```sh
 * deno install --global --allow-all --config deno.json relabel.ts
 * relabel label photos
 * ```
 *
 * @module
 */

import { programName, type Subcommand, SUBCOMMANDS } from "./pipeline/command/called_as.ts";
import { suggest, UsageError } from "./pipeline/command/command_line.ts";
import { endProcess } from "./pipeline/command/end_process.ts";
import { runCommand } from "./pipeline/command/run_command.ts";
import { printError } from "./pipeline/command/terminal.ts";

/** A command's module. */
interface CommandModule {
  /** Runs it, and gives the exit code. */
  main(args: readonly string[]): Promise<number>;
}

/** What a subcommand does, in a line, and its module. The import's text is what packers look for. */
const COMMANDS: Readonly<Record<Subcommand, { about: string; load(): Promise<CommandModule> }>> = {
  label: { about: "label maps for a data set", load: () => import("./pipeline/relabel/main.ts") },
  query: { about: "asks label maps in SQL, or for a report", load: () => import("./pipeline/query/main.ts") },
  report: {
    about: "one HTML page that shows whether labels are good",
    load: () => import("./pipeline/report/main.ts"),
  },
  explore: { about: "a local page to search and filter labels", load: () => import("./pipeline/explore/main.ts") },
  publish: { about: "a data set of the Hugging Face hub", load: () => import("./pipeline/publish/main.ts") },
  figures: { about: "the paper's figures of your data", load: () => import("./pipeline/figures/main.ts") },
  convert: { about: "soft labels from one form to another", load: () => import("./pipeline/convert/main.ts") },
  verify: { about: "whether label maps are whole and right", load: () => import("./pipeline/verify/main.ts") },
  train: { about: "a classifier from images and labels", load: () => import("./pipeline/training/main.ts") },
  transfer: { about: "fine-tunes networks on a data set", load: () => import("./pipeline/transfer/main.ts") },
  evaluate: { about: "how right a classifier is", load: () => import("./pipeline/evaluation/main.ts") },
  corrupt: { about: "images with ImageNet-C's corruptions", load: () => import("./pipeline/corrupt/main.ts") },
  reproduce: { about: "compares the paper's supervisions", load: () => import("./pipeline/reproduce/main.ts") },
  scenes: { about: "a small data set of which all is known", load: () => import("./pipeline/scenes/main.ts") },
  cluster: { about: "labels as a Slurm job array", load: () => import("./pipeline/cluster/main.ts") },
  tune: { about: "finds the fastest kernels of this machine", load: () => import("./pipeline/tune/main.ts") },
  doctor: { about: "what this machine has, and what is missing", load: () => import("./pipeline/doctor/main.ts") },
};

/** What the user calls this program. */
const PROGRAM = programName() ?? "relabel";

function isSubcommand(word: string): word is Subcommand {
  return Object.hasOwn(SUBCOMMANDS, word);
}

/** The text that `relabel --help` prints. */
function help(program: string): string {
  const width = Math.max(...Object.keys(COMMANDS).map((name) => name.length)) + 2;
  const lines = Object.entries(COMMANDS).map(([name, { about }]) => `  ${name.padEnd(width)}${about}`);
  return `Localized multi-labels for image data sets, by the ReLabel method

Usage: ${program} COMMAND [arguments]

${lines.join("\n")}

Each has its --help, also as ${program} help COMMAND; --version tells the version of this project and of Deno. Paths
are those of the folder that you are in.`;
}

/** Reads arguments that begin with no subcommand. */
function readOthers([word]: readonly string[]): "help" | "version" {
  if (word === undefined || word === "help" || word === "--help" || word === "-h") return "help";
  if (word === "--version" || word === "version") return "version";
  const names = Object.keys(SUBCOMMANDS);
  const hint = `see ${PROGRAM} --help`;
  throw new UsageError(`Unknown command "${word}"${suggest(word, names, `known are ${names.join(", ")}: ${hint}`)}`);
}

/**
 * Runs a subcommand.
 *
 * @param args Its name and its arguments; `help NAME` is `NAME --help`.
 * @returns The exit code: the subcommand's; 2 if there is no such subcommand, and 1 if this module is not in a file, with one
 * sentence on standard error.
 */
async function main(args: readonly string[]): Promise<number> {
  if (!import.meta.url.startsWith("file:")) {
    printError(
      `Cannot run ${import.meta.url}: its annotator, its page and its threads are files beside it; install relabel from a ` +
        "folder, an unpacked archive or npm's package",
    );
    return 1;
  }
  const [word, ...rest] = args[0] === "help" && args.length > 1 ? [...args.slice(1), "--help"] : args;
  if (word === undefined || !isSubcommand(word)) {
    return await runCommand(args, { read: readOthers, help: help(PROGRAM), run: () => Promise.resolve(0) });
  }
  const command = await COMMANDS[word].load();
  return await command.main(rest);
}

if (import.meta.main) endProcess(await main(Deno.args));
