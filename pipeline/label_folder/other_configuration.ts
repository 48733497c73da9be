/**
 * Why a command cannot go on in a folder that was begun differently, in the words of the command line.
 *
 * A folder records a configuration of its own, which says more than options do: one other annotator is another name, hash,
 * input size and grid. Of entries that follow from others only the first is named.
 *
 * @module
 */

import { type Difference, OtherConfigurationError } from "../../formats/labels/mod.ts";
import { showValue } from "../../formats/base/show_value.ts";
import { formatCount, formatNumberOf } from "../command/numbers.ts";

/** A rule: which entries it is for, what it says of the first of them, and the entries that follow from these. */
interface Rule {
  readonly path: RegExp;
  readonly say: (difference: Difference) => string;
  readonly implies?: RegExp;
}

/** What tells another data set. */
const DATA_RULES: readonly Rule[] = [
  { path: /^source\.images$/, say: ({ before, after }) => `${images(before)}, not ${shown(after)}` },
  { path: /^source\.firstKey$/, say: of("its first is", showValue) },
  { path: /^source\.lastKey$/, say: of("its last is", showValue) },
  { path: /^source\.(k|dtype)$/, say: of("its maps have") },
  {
    path: /^metadata\.converted(\.(?!layout$)|$)/,
    say: () => "labels published in another form",
    implies: /^metadata\.converted\./,
  },
  { path: /^dataSetClasses(\.|$)/, say: () => "other classes", implies: /^dataSetClasses\./ },
];

/** What an option says, or the program and machine that run. */
const OPTION_RULES: readonly Rule[] = [
  {
    path: /^metadata\.annotator\.name$/,
    say: of("with annotator"),
    implies: /^metadata\.(annotator\..*|classes|grid)$|^classes(\.|$)/,
  },
  {
    path: /^metadata\.annotator\.sha256$/,
    say: () => "with other weights of the annotator",
    implies: /^metadata\.(annotator\..*|classes|grid)$|^classes(\.|$)/,
  },
  { path: /^metadata\.annotator\.inputSize$/, say: option("size"), implies: /^metadata\.grid$/ },
  {
    path: /^metadata\.annotator\./,
    say: () => "with another config.json of the annotator",
    implies: /^metadata\.annotator\./,
  },
  {
    path: /^metadata\.averagedWith$/,
    say: () => "with other annotators or sizes",
    implies: /^metadata\.(grid|pooledFrom)$/,
  },
  {
    path: /^metadata\.classEmbeddings(\.sha256)?$/,
    say: ({ before, after }) =>
      isGiven(before) && isGiven(after)
        ? "with other --class-embeddings"
        : `${isGiven(before) ? "with" : "without"} --class-embeddings`,
    implies: /^metadata\.classes$|^classes(\.|$)/,
  },
  {
    path: /^metadata\.classesFrom$/,
    say: ({ before }) => `${isGiven(before) ? "with" : "without"} --classes-from`,
    implies: /^metadata\.classes$|^classes(\.|$)/,
  },
  { path: /^metadata\.classEmbeddings\.scale$/, say: option("embedding-scale") },
  { path: /^metadata\.mirror$/, say: option("mirror") },
  {
    path: /^metadata\.average$/,
    say: ({ before, after }) => `with --average ${before ?? "logits"}, not ${after ?? "logits"}`,
  },
  { path: /^metadata\.temperature$/, say: option("temperature") },
  {
    path: /^metadata\.scores$/,
    say: ({ before, after }) => `with --scores ${before ?? "softmax"}, not ${after ?? "softmax"}`,
    implies: /^metadata\.floor$/,
  },
  { path: /^metadata\.floor$/, say: option("floor") },
  { path: /^metadata\.grid$/, say: of("with maps of"), implies: /^metadata\.pooledFrom$/ },
  { path: /^metadata\.classes$|^classes(\.|$)/, say: () => "with other --classes", implies: /^classes(\.|$)/ },
  { path: /^(metadata\.)?k$/, say: option("top-k") },
  { path: /^(metadata\.)?dtype$/, say: option("dtype") },
  { path: /^metadata\.exifOrientation$/, say: option("exif-orientation") },
  {
    path: /^metadata\.resize$/,
    say: ({ before, after }) => `with --pillow ${pillowVersion(before)}, not ${pillowVersion(after)}`,
  },
  { path: /^metadata\.missing$/, say: option("missing") },
  { path: /^(metadata\.converted\.)?layout$/, say: option("layout") },
  { path: /^rowsPerFile$/, say: option("rows-per-file") },
  { path: /^shards$/, say: option("shards") },
  { path: /^container$/, say: ({ before, after }) => `with --to ${before ?? "parquet"}, not ${after ?? "parquet"}` },
  { path: /^keys$/, say: ({ before }) => before === "images" ? "with --images" : "without --images" },
  { path: /^engine\.version$/, say: of("by") },
  { path: /^engine\.adapter$/, say: of("on"), implies: /^engine\.profile$/ },
  { path: /^engine\.profile$/, say: of("with kernels of") },
  { path: /^engine\.storage$/, say: option("storage") },
];

/**
 * Why a command cannot go on.
 *
 * @param found Where the folder's configuration and the command's differ.
 * @param words How the sentence starts, and what to name instead: `another folder with --out`.
 * @returns The sentence.
 */
export function describeOther(
  found: readonly Difference[],
  { subject, elsewhere }: { readonly subject: string; readonly elsewhere: string },
): string {
  const data = apply(DATA_RULES, found);
  const options = apply(OPTION_RULES, data.left);
  const unknown = options.left.map(({ path, before, after }) => `with ${path} ${shown(before)}, not ${shown(after)}`);
  const begun = [...options.said, ...unknown];
  const reasons = [
    ...(data.said.length > 0 ? [`it holds another data set (${data.said.join("; ")})`] : []),
    ...(begun.length > 0 ? [`${data.said.length > 0 ? "" : "it "}was begun ${begun.join(" and ")}`] : []),
  ];
  const repeat = data.said.length > 0 ? "" : "repeat that, or ";
  return `${subject}: ${reasons.join(" and ")}; ${repeat}name ${elsewhere}`;
}

/**
 * An error of a command, with options' names in place of a configuration's.
 *
 * @param error What was thrown.
 * @param folder The folder that was to be gone on with.
 * @param elsewhere What to name instead.
 * @returns The error to throw: this one, if it is of another kind.
 */
export function inOptions(error: unknown, folder: string, elsewhere: string): unknown {
  if (!(error instanceof OtherConfigurationError)) return error;
  const message = describeOther(error.found, { subject: `Cannot go on in "${folder}"`, elsewhere });
  return new TypeError(message, { cause: error });
}

/** What rules say of differences, in the order of the rules, and the differences that none is for. */
function apply(rules: readonly Rule[], found: readonly Difference[]): { said: string[]; left: readonly Difference[] } {
  const said: string[] = [];
  let left = found;
  for (const { path, say, implies } of rules) {
    let first: Difference | undefined;
    while ((first = left.find((difference) => path.test(difference.path)))) {
      const found = first;
      said.push(say(found));
      left = left.filter((difference) => difference !== found && !implies?.test(difference.path));
    }
  }
  return { said, left };
}

function option(name: string): Rule["say"] {
  return ({ before, after }) => {
    if (isGiven(before) && isGiven(after)) return `with --${name} ${shown(before)}, not ${shown(after)}`;
    return isGiven(before) ? `with --${name}` : `without --${name}`;
  };
}

function of(words: string, show = shown): Rule["say"] {
  return ({ before, after }) => `${words} ${show(before)}, not ${show(after)}`;
}

/** The version of a rule for resizing; folders without one were made by the first. */
function pillowVersion(rule: unknown): string {
  return shown(rule ?? "Pillow 12").replace("Pillow ", "");
}

/** An option that is not given is absent, or false where it is a switch. */
function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null && value !== false;
}

function shown(value: unknown): string {
  if (typeof value === "number") return formatCount(value);
  if (Array.isArray(value) && value.length === 2) return value.join("x");
  return typeof value === "string" ? value : showValue(value, "none");
}

function images(value: unknown): string {
  return typeof value === "number" ? formatNumberOf(value, "image") : showValue(value);
}
