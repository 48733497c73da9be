/**
 * The options of `deno task explore`.
 *
 * @module
 */

import { count, text, word } from "../command/option_kinds.ts";
import { defineCommand, type OptionsOfCommand } from "../command/option_table.ts";
import { LABELS_FOLDER } from "../command/shared_options.ts";

/** The command. */
export const EXPLORE = defineCommand({
  name: "explore",
  title: "Look at label maps in a browser",
  about:
    `LABELS is a folder of label maps or a pattern of Parquet files, default ${LABELS_FOLDER}, or a folder that was published on
the hub, hf:datasets/OWNER/NAME, as LABELS2 may be too; IMAGES is what they were made of, as for deno task relabel, default
the sample photographs. The command prints an address to open in a browser of this
machine, and serves it until Ctrl-C. The address is the key: who has it may see the images and write the selection.

The page searches and filters by class, label, key and a condition in SQL over the columns
  key, label, given (its name), width, height, class, score (lists, best first), name (of the best class),
  top_class, top_probability (lists: what the classifier says of the whole picture),
  self_confidence, margin (as in deno task query suspicious), classes (that the image carries), place (its row, from 0)
such as
  self_confidence < 0.01 AND score[1] > 0.5`,
  options: {
    labels: word("LABELS", { default: LABELS_FOLDER }),
    images: word("IMAGES"),
    compare: text({
      value: "LABELS2",
      help: "label maps of the same images and classes to see beside them: another annotator's,\nor of another type",
    }),
    selection: text({
      value: "FILE",
      default: "selection.txt",
      help: "where the keys of chosen images go, one per line; default {default}. A file that is\n" +
        "there is replaced only after a question",
    }),
    port: count({ least: 0, most: 65535, default: 0, help: "of 127.0.0.1; default one that is free" }),
  },
  notes: "Exit codes: 1 for a failure, 2 for a wrong option, 130 after Ctrl-C, 143 after SIGTERM.",
  examples: [
    "deno task explore",
    "deno task explore labels448 assets/photos/several --port 8080",
    "deno task explore labels --compare small --selection doubtful.txt",
  ],
});

/** What the user asked for. */
export type ExploreCommand = OptionsOfCommand<typeof EXPLORE>;
