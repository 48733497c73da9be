/**
 * The options of `deno task cluster`.
 *
 * @module
 */

import { calledAs } from "../command/called_as.ts";
import { printable } from "../../formats/base/printable.ts";
import { type Asked, BETWEEN_REPEATED, suggest, UsageError } from "../command/command_line.ts";
import { choice, count, flag, option, word } from "../command/option_kinds.ts";
import {
  type Command,
  defaultsOf,
  defineCommand,
  describeCommand,
  optionName,
  type OptionsOf,
  type OptionsOfCommand,
  readTexts,
  readValues,
} from "../command/option_table.ts";
import { RELABEL, RELABEL_OPTIONS, type RelabelCommand } from "../relabel/options.ts";

const SLURM_OPTIONS = {
  shards: {
    ...count({ help: "tasks of the array; each writes its own stretch of part files" }),
    isRequired: true as const,
  },
  submit: flag({ help: "submit the scripts and print the numbers of the jobs; without it they are only written" }),
  sbatch: option("sbatch", readSbatch, {
    value: "OPTIONS",
    help: "options of sbatch for both jobs: --sbatch '--partition=gpu --gres=gpu:1'",
  }),
  concurrent: count({ value: "M", help: "tasks at a time; default as many as Slurm finds room for" }),
  time: option("time", readTime, {
    value: "T",
    help: "time limit of a task as Slurm writes it, 4:00:00; default the partition's. A task that\n" +
      "nears it ends with whole part files and is queued again",
  }),
};

/** Scripts for a job array. */
export interface SlurmCommand extends OptionsOf<typeof SLURM_OPTIONS> {
  readonly relabel: RelabelCommand;
  /** Relabel's options as they were given, without IMAGES, `--out`, `--rows-per-file`, `--list` and `--report`. */
  readonly relabelArguments: readonly string[];
}

type RelabelProperty = keyof typeof RELABEL_OPTIONS;

/** Options of relabel that a shard's task is not given, or not as they were. */
const OWN_OPTIONS: readonly RelabelProperty[] = ["out", "rowsPerFile", "list", "report"];

/** Options of relabel that the command sets itself. */
const TAKEN = {
  shard: "--shards says how many there are, and each task has its own",
  writeList: "the list of images is written beside the scripts",
} as const;

/** Makes one data set from shards. */
export const JOIN = defineCommand({
  name: "cluster join",
  title: "Make one data set of the shards in a folder",
  about: `Every shard must be whole. The folder is then, byte for byte, what one process writes with the same
--rows-per-file: the shards' manifests and lists of rejected images become one. A join that was killed is
repeated by the same command; a folder that is joined is left as it is.`,
  options: {
    folder: word("FOLDER", { isRequired: true }),
    hashes: flag({ help: "read every part file and compare its SHA-256, not only its size" }),
    quiet: flag({ help: "nothing is said where nothing is wrong" }),
  },
  notes: `Exit codes: 0; 1 if a shard is missing or not whole, or for another failure; 2 for a wrong option; 75 while a
process writes there.`,
});

/** One data set from shards. */
export type JoinCommand = OptionsOfCommand<typeof JOIN>;

/** Tells how far a folder is. */
export const STATUS = defineCommand({
  name: "cluster status",
  title: "Tell how far the shards of a folder are",
  about: `From the folder alone, on any machine that sees it: a shard is running while a process holds its lock. Images
count when their part file is whole; the rate is that of the running shards' last part files.`,
  options: {
    folder: word("FOLDER", { isRequired: true }),
    format: choice(["text", "json"], {
      value: "F",
      default: "text",
      help: "text (default) or json: one object, with every shard",
    }),
    // What --format json was called: elsewhere it is a file.
    json: flag({ help: "", isHidden: true }),
  },
  notes: "Exit codes: 0; 1 for a failure; 2 for a wrong option.",
  resolve: ({ folder, format, json }) => ({ folder, format: json ? "json" : format }),
});

/** How far a folder is. */
export type StatusCommand = OptionsOfCommand<typeof STATUS>;

/** Writes the scripts of a job array; its options are relabel's and its own. */
export const SLURM: Command<SlurmCommand> = {
  ...describeCommand({
    name: "cluster slurm",
    title: "Label images as a Slurm job array",
    usage: ["cluster slurm [IMAGES] [options of relabel] --shards N [options]"],
    about:
      `Writes OUT/cluster/: array.sh (one shard per task, queued again when its node dies), join.sh (waits for all of
them), logs/, and the list of images, so that a thousand tasks do not look through the file system. The
options of relabel are checked now; deno task relabel --help has them. Unless --rows-per-file is given, part
files are as large as makes shards equal, of at most 1,000 images. With --submit again after a failure, only
the shards that are not whole are submitted.`,
    options: SLURM_OPTIONS,
    notes: `Exit codes: 0; 1 for a failure; 2 for a wrong option; 75 while the folder's earlier jobs or another process
write there.`,
    examples: [
      "deno task cluster slurm assets/photos --out labels --shards 4",
      "deno task cluster slurm ~/imagenet/train --annotator hf:timm/tf_efficientnet_l2.ns_jft_in1k_475 --out labels \\\n" +
      "    --shards 64 --sbatch '--partition=gpu --gres=gpu:1 --cpus-per-task=8' --time 4:00:00 --submit",
    ],
  }),
  read(args) {
    const steering = args.find((arg) => printable(arg) !== arg);
    if (steering !== undefined) {
      throw new UsageError(
        `Cannot write a script with the argument ${JSON.stringify(steering)}: it has control characters`,
      );
    }
    const texts = readTexts({ ...RELABEL_OPTIONS, ...SLURM_OPTIONS }, withSbatchValue(args), "cluster slurm");
    if (typeof texts === "string") return texts;
    const { shards, submit, sbatch, concurrent, time, images, ...ofRelabel } = texts;
    for (const name of ["shard", "writeList"] as const) {
      if (name in texts) throw new UsageError(`Cannot use --${optionName(name)}: ${TAKEN[name]}`);
    }
    if (shards === undefined) {
      throw new UsageError(`Expected --shards N, the number of tasks: see ${calledAs("cluster slurm")} --help`);
    }
    const given = Object.entries(ofRelabel) as [RelabelProperty, string][];
    const argumentsOf = (options: typeof given) =>
      options.flatMap(([property, texts]) => {
        const { name, kind } = { name: undefined, ...RELABEL_OPTIONS[property] };
        return texts.split(BETWEEN_REPEATED).map((text) =>
          `--${optionName(property, { name })}${kind === "flag" ? "" : `=${text}`}`
        );
      });
    const words = images === undefined ? [] : ["--", images];
    return {
      ...defaultsOf(SLURM_OPTIONS),
      ...readValues(SLURM_OPTIONS, { shards, submit, sbatch, concurrent, time }),
      relabel: RELABEL.read([...argumentsOf(given), ...words]) as RelabelCommand,
      relabelArguments: argumentsOf(given.filter(([property]) => !OWN_OPTIONS.includes(property))),
    };
  },
};

/** Each command by the word that the arguments begin with. */
const CLUSTER_COMMANDS = { slurm: SLURM, join: JOIN, status: STATUS };

/** The text that `--help` prints. */
export const CLUSTER_HELP = `Label images on a cluster

Usage: ${Object.values(CLUSTER_COMMANDS).map(({ usage: [way] }) => calledAs(way)).join("\n       ")}

  slurm   writes, and with --submit submits, a Slurm job array with a shard a task, and a job that joins them
  join    makes one data set of the shards in a folder, however they were run
  status  tells from a folder alone how many shards are whole, running or missing, and the time left

Each has its --help. docs/cluster.md shows a whole run, and Kubernetes.`;

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
  const hint = `see ${calledAs("cluster")} --help`;
  const words = Object.keys(CLUSTER_COMMANDS);
  throw new UsageError(
    word === undefined
      ? `Expected slurm, join or status: ${hint}`
      : `Unknown command "${word}"${suggest(word, words, `known are ${words.join(", ")}: ${hint}`)}`,
  );
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
