/**
 * The options of `deno task cluster`.
 *
 * @module
 */

import {
  type Asked,
  formatOptions,
  type OptionTable,
  readArguments,
  readCount,
  suggest,
  UsageError,
} from "../command/command_line.ts";
import { printable } from "../../formats/base/printable.ts";
import { readRelabelOptions, RELABEL_OPTIONS, type RelabelCommand } from "../relabel/options.ts";

/** Scripts for a job array. */
export interface SlurmCommand {
  readonly relabel: RelabelCommand;
  /** Relabel's options as they were given, without IMAGES, `--out`, `--rows-per-file`, `--list` and `--report`. */
  readonly relabelArguments: readonly string[];
  readonly shards: number;
  readonly submit: boolean;
  readonly sbatch?: string;
  readonly concurrent?: number;
  readonly time?: string;
}

/** One data set from shards. */
export interface JoinCommand {
  readonly folder: string;
  readonly hashes: boolean;
  readonly quiet: boolean;
}

/** How far a folder is. */
export interface StatusCommand {
  readonly folder: string;
  readonly json: boolean;
}

const SLURM_OPTIONS = {
  shards: { value: "N", help: "tasks of the array; each writes its own stretch of part files" },
  submit: { help: "submit the scripts and print the numbers of the jobs; without it they are only written" },
  sbatch: { value: "OPTIONS", help: "options of sbatch for both jobs: --sbatch '--partition=gpu --gres=gpu:1'" },
  concurrent: { value: "M", help: "tasks at a time; default as many as Slurm finds room for" },
  time: {
    value: "T",
    help: "time limit of a task as Slurm writes it, 4:00:00; default the partition's. A task that\n" +
      "nears it ends with whole part files and is queued again",
  },
} as const satisfies OptionTable;

const JOIN_OPTIONS = {
  hashes: { help: "read every part file and compare its SHA-256, not only its size" },
  quiet: { help: "nothing is said where nothing is wrong" },
} as const satisfies OptionTable;

const STATUS_OPTIONS = {
  json: { help: "one JSON object, with every shard" },
} as const satisfies OptionTable;

/** Options of relabel that a shard's task is not given, or not as they were. */
const OWN_OPTIONS = ["out", "rows-per-file", "list", "report"] as const;

/** Options of relabel that the command sets itself. */
const TAKEN = {
  shard: "--shards says how many there are, and each task has its own",
  "write-list": "the list of images is written beside the scripts",
} as const;

/** The words that the arguments begin with. */
const CLUSTER_COMMANDS = ["slurm", "join", "status"] as const;

/** What `--help` prints. */
export const CLUSTER_HELP = `Label images on a cluster

Usage: deno task cluster slurm [IMAGES] [options of relabel] --shards N [options]
       deno task cluster join FOLDER
       deno task cluster status FOLDER

  slurm   writes, and with --submit submits, a Slurm job array with a shard a task, and a job that joins them
  join    makes one data set of the shards in a folder, however they were run
  status  tells from a folder alone how many shards are whole, running or missing, and the time left

Each has its --help. docs/cluster.md shows a whole run, and Kubernetes.
`.trimEnd();

/** What `slurm --help` prints. */
export const SLURM_HELP = `Label images as a Slurm job array

Usage: deno task cluster slurm [IMAGES] [options of relabel] --shards N [options]

Writes OUT/cluster/: array.sh (a shard a task, queued again when its node dies), join.sh (waits for all of
them), logs/, and the list of images, so that a thousand tasks do not look through the file system. The
options of relabel are checked now; deno task relabel --help has them. Unless --rows-per-file is given, part
files are as large as makes shards equal, of at most 1,000 images. With --submit again after a failure, only
the shards that are not whole are submitted.

Options
${formatOptions(SLURM_OPTIONS)}

Exit codes: 0; 1 for a failure; 2 for a wrong option; 75 while the folder's earlier jobs or another process
write there.

Examples
  deno task cluster slurm assets/photos --out labels --shards 4
  deno task cluster slurm ~/imagenet/train --annotator hf:timm/tf_efficientnet_l2.ns_jft_in1k_475 --out labels \\
    --shards 64 --sbatch '--partition=gpu --gres=gpu:1 --cpus-per-task=8' --time 4:00:00 --submit
`.trimEnd();

/** What `join --help` prints. */
export const JOIN_HELP = `Make one data set of the shards in a folder

Usage: deno task cluster join FOLDER [options]

Every shard must be whole. The folder is then, byte for byte, what one process writes with the same
--rows-per-file: the shards' manifests and lists of rejected images become one. A join that was killed is
repeated by the same command; a folder that is joined is left as it is.

Options
${formatOptions(JOIN_OPTIONS)}

Exit codes: 0; 1 if a shard is missing or not whole, or for another failure; 2 for a wrong option; 75 while a
process writes there.
`.trimEnd();

/** What `status --help` prints. */
export const STATUS_HELP = `Tell how far the shards of a folder are

Usage: deno task cluster status FOLDER [options]

From the folder alone, on any machine that sees it: a shard is running while a process holds its lock. Images
count when their part file is whole; the rate is that of the running shards' last part files.

Options
${formatOptions(STATUS_OPTIONS)}

Exit codes: 0; 1 for a failure; 2 for a wrong option.
`.trimEnd();

/**
 * Reads arguments that begin with none of the commands.
 *
 * @param args As the process got them.
 * @returns Whether help or the version is asked for.
 * @throws {UsageError} If they are not.
 */
export function readOtherOptions([word]: readonly string[]): Asked {
  if (word === "--help" || word === "-h") return "help";
  if (word === "--version") return "version";
  const hint = "see deno task cluster --help";
  throw new UsageError(
    word === undefined
      ? `Expected slurm, join or status: ${hint}`
      : `Unknown command "${word}"${
        suggest(word, CLUSTER_COMMANDS, `known are ${CLUSTER_COMMANDS.join(", ")}: ${hint}`)
      }`,
  );
}

/**
 * Reads the arguments of `join`.
 *
 * @param args What follows that word.
 * @returns What was asked for.
 * @throws {UsageError} If an option is unknown, or no folder is named.
 */
export function readJoinOptions(args: readonly string[]): JoinCommand | Asked {
  const given = readArguments(args, JOIN_OPTIONS, "deno task cluster join", 1);
  if (typeof given === "string") return given;
  return { folder: folderOf(given.words, "join"), hashes: given.has("hashes"), quiet: given.has("quiet") };
}

/**
 * Reads the arguments of `status`.
 *
 * @param args What follows that word.
 * @returns What was asked for.
 * @throws {UsageError} If an option is unknown, or no folder is named.
 */
export function readStatusOptions(args: readonly string[]): StatusCommand | Asked {
  const given = readArguments(args, STATUS_OPTIONS, "deno task cluster status", 1);
  if (typeof given === "string") return given;
  return { folder: folderOf(given.words, "status"), json: given.has("json") };
}

function folderOf([folder]: readonly string[], what: string): string {
  if (folder === undefined) throw new UsageError(`Expected FOLDER: see deno task cluster ${what} --help`);
  return folder;
}

/**
 * Reads the arguments of `slurm`, and of relabel among them.
 *
 * @param args What follows that word.
 * @returns What was asked for.
 * @throws {UsageError} If an option is unknown, or its value is not one that it can have.
 */
export function readSlurmOptions(args: readonly string[]): SlurmCommand | Asked {
  const steering = args.find((arg) => printable(arg) !== arg);
  if (steering !== undefined) {
    throw new UsageError(
      `Cannot write a script with the argument ${JSON.stringify(steering)}: it has control characters`,
    );
  }
  const table = { ...RELABEL_OPTIONS, ...SLURM_OPTIONS };
  const given = readArguments(withSbatchValue(args), table, "deno task cluster slurm", 1);
  if (typeof given === "string") return given;
  for (const name of ["shard", "write-list"] as const) {
    if (given.text(name) !== undefined) throw new UsageError(`Cannot use --${name}: ${TAKEN[name]}`);
  }
  const shards = given.text("shards");
  if (shards === undefined) {
    throw new UsageError("Expected --shards N, the number of tasks: see deno task cluster slurm --help");
  }
  const names = Object.keys(RELABEL_OPTIONS) as (keyof typeof RELABEL_OPTIONS)[];
  const argumentsOf = (wanted: typeof names) =>
    wanted.flatMap((name) => {
      if (!("value" in RELABEL_OPTIONS[name])) return given.has(name) ? [`--${name}`] : [];
      const text = given.text(name);
      return text === undefined ? [] : [`--${name}=${text}`];
    });
  const relabel = readRelabelOptions([...given.words, ...argumentsOf(names)]) as RelabelCommand;
  const [sbatch, concurrent, time] = (["sbatch", "concurrent", "time"] as const).map(given.text);
  return {
    relabel,
    relabelArguments: argumentsOf(names.filter((name) => !OWN_OPTIONS.some((own) => own === name))),
    shards: readCount(shards, "shards"),
    submit: given.has("submit"),
    sbatch: sbatch === undefined ? undefined : readSbatch(sbatch),
    concurrent: concurrent === undefined ? undefined : readCount(concurrent, "concurrent"),
    time: time === undefined ? undefined : readTime(time),
  };
}

/** The value of `--sbatch` is options itself, which would else be taken for ours. */
function withSbatchValue(args: readonly string[]): string[] {
  const place = args.indexOf("--sbatch");
  if (!args[place + 1]?.startsWith("-") || place < 0) return [...args];
  return [...args.slice(0, place), `--sbatch=${args[place + 1]}`, ...args.slice(place + 2)];
}

/** Options of sbatch in one line; what the array is, others say. */
function readSbatch(text: string): string {
  if (!text.startsWith("-")) {
    throw new UsageError(
      `Cannot use --sbatch ${JSON.stringify(text)}: expected options, '--partition=gpu --gres=gpu:1'`,
    );
  }
  const taken = /(?:^|\s)(--array|-a|--dependency|-d|--wrap)(?=[\s=]|$)/.exec(text)?.[1];
  if (taken) {
    throw new UsageError(`Cannot use ${taken} in --sbatch: the scripts set it, from --shards and --concurrent`);
  }
  return text;
}

function readTime(text: string): string {
  if (/^(\d+-\d+(:\d+){0,2}|\d+(:\d+){0,2}|UNLIMITED)$/i.test(text)) return text;
  throw new UsageError(`Cannot use --time ${text}: expected minutes, H:MM:SS or D-HH:MM:SS`);
}
