/**
 * The options of `deno task explore`.
 *
 * @module
 */

import {
  type Asked,
  formatOptions,
  type OptionTable,
  readArguments,
  readCount,
  UsageError,
} from "../command/command_line.ts";

/** What the user asked for; what was left out is undefined. */
export interface ExploreCommand {
  readonly labels: string;
  readonly images?: string;
  readonly compare?: string;
  readonly selection: string;
  /** 0 for any that is free. */
  readonly port: number;
}

const DEFAULT_LABELS = "labels";
const DEFAULT_SELECTION = "selection.txt";

const OPTIONS = {
  compare: {
    value: "LABELS2",
    help: "label maps of the same images and classes to see beside them: another annotator's,\nor of another type",
  },
  selection: {
    value: "FILE",
    help: `where the keys of chosen images go, one a line; default ${DEFAULT_SELECTION}. A file that is\n` +
      "there is replaced only after a question",
  },
  port: { value: "N", help: "of 127.0.0.1; default one that is free" },
} as const satisfies OptionTable;

/** What `--help` prints. */
export const EXPLORE_HELP = `Look at label maps in a browser

Usage: deno task explore [LABELS] [IMAGES] [options]

LABELS is a folder of label maps or a pattern of Parquet files, default ${DEFAULT_LABELS}; IMAGES is what they were made
of, as for deno task relabel, default the sample photographs. The command prints an address to open in a browser of this
machine, and serves it until Ctrl-C. The address is the key: who has it may see the images and write the selection.

The page searches and filters by class, label, key and a condition in SQL over the columns
  key, label, given (its name), width, height, class, score (lists, best first), name (of the best class),
  top_class, top_probability (lists: what the classifier says of the whole picture),
  self_confidence, margin (as in deno task query suspicious), classes (that the image carries), place (its row, from 0)
such as
  self_confidence < 0.01 AND score[1] > 0.5

Options
${formatOptions(OPTIONS)}

Exit codes: 1 for a failure, 2 for a wrong option, 130 after Ctrl-C, 143 after SIGTERM.

Examples
  deno task explore
  deno task explore labels448 assets/photos/several --port 8080
  deno task explore labels --compare small --selection doubtful.txt
`.trimEnd();

/**
 * Reads the arguments of the command.
 *
 * @param args As the process got them.
 * @returns What was asked for.
 * @throws {UsageError} If an option is unknown, or its value is not one that it can have.
 */
export function readExploreOptions(args: readonly string[]): ExploreCommand | Asked {
  const given = readArguments(args, OPTIONS, "deno task explore", 2);
  if (typeof given === "string") return given;
  const [labels = DEFAULT_LABELS, images] = given.words;
  const port = readCount(given.text("port") ?? "0", "port", 0);
  if (port > 65535) throw new UsageError(`Cannot use --port ${port}: expected 0 to 65535`);
  return {
    labels,
    images,
    compare: given.text("compare"),
    selection: given.text("selection") ?? DEFAULT_SELECTION,
    port,
  };
}
