/**
 * SHA-256 of what the commands write on a fixed set of inputs, so that a change that should change no byte is seen to
 * change none.
 *
 *     deno run --allow-read --allow-write --allow-run --allow-env tests/same_bytes.ts [--all] [--root FOLDER]
 *
 * prints lines of a name, a tab and a SHA-256. Without `--all` they are those that depend on no adapter, which
 * `fixtures/same_bytes.tsv` holds. With it they are joined by label maps, training runs, figures and pages whose numbers an
 * adapter rounds: equal from two checkouts on one machine, `--root` being the other one.
 *
 * A folder is hashed by the names and bytes of all files in it. Standard output is hashed as it is, where it is hashed.
 * Left out are TensorBoard's events and the column of seconds in a run's `summary.csv`, since they tell the time; the path of
 * the temporary folder; and the small pictures of a page, which libvips makes.
 *
 * @module
 */

import { crc32 } from "node:zlib";
import { createHash } from "node:crypto";
import { join } from "@std/path";
import { writeTar } from "./formats/images/tar_writer.ts";
import { ROOT } from "./pipeline/task.ts";

/** One run of a command, in the folder of the fixed set. */
interface Run {
  readonly task: string;
  readonly args: readonly string[];
  /** The file or folder whose bytes count; each file or folder in a folder is an entry. Default standard output. */
  readonly output?: string;
  /** Whether an adapter's rounding is in its bytes. */
  readonly usesAdapter?: boolean;
  /** Whether it is ended by SIGTERM when it has saved a checkpoint, and started again. */
  readonly isEndedOnce?: boolean;
}

const PIECES = ["--batch", "4", "--workers", "1", "--quiet"];
const SMALL_RUN = ["--network", "resnet8", "--size", "32", "--batch", "8", "--epochs", "2", "--warmup-epochs", "1"];
const ON_SCENES = ["scenes/train/images", "--validation", "scenes/validation/images", ...SMALL_RUN, "--quiet"];

const scenes = ["scenes", "--split", "train,validation,test", "--images", "24", "--seed", "3"];

/** The runs by name; later ones read what earlier ones wrote. */
const RUNS: Readonly<Record<string, Run>> = {
  scenes: { task: "scenes", args: [...scenes, "--quiet"], output: "scenes" },
  published: convert("published", "maps", "--layout", "wh", "--rows-per-file", "100"),
  published_h_first: convert(
    "published",
    "h_first",
    "--layout",
    "hw",
    "--to",
    "arrow",
    "--dtype",
    "fp16",
    "--top-k",
    "3",
  ),
  token_labels: convert("token_labels.tar", "token_labels", "--layout", "hw"),
  crops: convert("crops", "crop_labels", "--classes", "1000"),
  crops_renormalised: convert("crops", "crops_renormalised", "--classes", "1000", "--missing", "renormalise"),
  fp16: convert("maps", "maps_fp16", "--dtype", "fp16"),
  fp8_e4m3: convert("maps", "maps_fp8_e4m3", "--dtype", "fp8_e4m3", "--rows-per-file", "50"),
  fp8_e5m2: convert("maps", "maps_fp8_e5m2", "--dtype", "fp8_e5m2", "--to", "arrow"),
  fp8_from_arrow: convert("maps_fp8_e5m2", "maps_again", "--top-k", "2"),
  fp32_to_arrow: convert("maps", "maps_arrow", "--to", "arrow"),
  to_torch: convert("maps_fp16", "torch", "--to", "pt"),
  verify: { task: "verify", args: ["maps_fp8_e4m3"] },
  report: { task: "report", args: ["maps", "images", "--out", "maps.html", "--seed", "2"], output: "maps.html" },
  multi_label: query("maps", "multi-label"),
  suspicious: query("maps", "suspicious"),
  co_occurrence: query("maps_fp8_e4m3", "co-occurrence"),
  per_class: query("maps_fp16", "per-class"),
  cells: query("maps", "FROM cells ORDER BY key, y, x, rank LIMIT 500", "--format", "json"),
  pool: query(
    "maps",
    "SELECT class, round(probability, 5) FROM pool('n01440764/7.JPEG', 0.1, 0.2, 0.5, 0.7) ORDER BY class",
  ),
  crop_rows: query("crop_labels", "FROM crop_labels ORDER BY key, crop", "--format", "json"),
  list: { task: "relabel", args: ["photos", "--write-list", "photos.list", "--quiet"], output: "photos.list" },

  relabel: relabel("photos", "labels"),
  relabel_fp32: relabel("photos", "labels_fp32", "--dtype", "fp32", "--rows-per-file", "4"),
  relabel_fp8_e4m3: relabel("photos", "labels_fp8_e4m3", "--dtype", "fp8_e4m3", "--top-k", "3"),
  relabel_fp8_e5m2: relabel("photos", "labels_fp8_e5m2", "--dtype", "fp8_e5m2", "--size", "64x96"),
  relabel_own_size: relabel("photos/several", "labels_224", "--size", "224"),
  relabel_pillow_12: relabel("photos", "labels_12", "--pillow", "12"),
  relabel_odd_files: relabel("decode", "labels_odd", "--exif-orientation"),
  relabel_list: relabel("photos", "labels_list", "--list", "photos.list"),
  relabel_tar: relabel("photos.tar", "labels_tar"),
  relabel_parquet: relabel("parquet", "labels_parquet"),
  relabel_shard_0: relabel("photos", "labels_shards", "--shard", "0/2", "--rows-per-file", "2"),
  relabel_shard_1: relabel("photos", "labels_shards", "--shard", "1/2", "--rows-per-file", "2"),
  relabel_scenes: relabel("scenes/train/images", "scene_labels", "--annotator", "annotator", "--size", "64"),
  // What the maps say, whatever a Parquet file has beside them.
  ...Object.fromEntries(
    ["", "_fp32", "_fp8_e4m3", "_fp8_e5m2", "_224", "_12", "_odd", "_tar", "_parquet"].map((kind) => [
      `labels${kind}_to_arrow`,
      { ...convert(`labels${kind}`, `labels${kind}_arrow`, "--to", "arrow"), usesAdapter: true },
    ]),
  ),
  labels_to_torch: { ...convert("labels", "labels_torch", "--to", "pt"), usesAdapter: true },
  labels_report: page("labels", "photos"),
  scenes_report: page("scene_labels", "scenes/train/images", "--boxes", "scenes/train/boxes.csv"),
  labels_multi_label: { ...query("labels", "FROM multi_label() ORDER BY key, class"), usesAdapter: true },
  labels_verify: { task: "verify", args: ["labels", "--images", "photos", "--annotator", "lite0"], usesAdapter: true },

  train: train("sgd"),
  train_maps: train("maps", "--maps", "scene_labels", "--optimizer", "adamp", "--mixup", "0.2", "--cutmix", "1"),
  train_adamw: train(
    "adamw",
    ...["--optimizer", "adamw", "--rand-augment", "2,9", "--erasing", "0.5", "--ema", "0.9", "--accumulate", "2"],
    ...["--drop-path", "0.2", "--dropout", "0.2", "--label-smoothing", "0.1", "--clip", "1", "--loss", "bce"],
  ),
  train_mix: train("mix", "--labels", "mix", "--maps", "scene_labels", "--mode", "global-multi"),
  train_cleaned: train("cleaned", "--labels", "cleaned", "--maps", "scene_labels", "--interpolation", "bicubic"),
  train_distill: train("distill", "--teacher", "annotator", "--teacher-size", "32"),
  train_oracle: train("oracle", "--masks", "scenes/train/masks", "--schedule", "step"),
  train_ended: { ...train("ended", "--save-minutes", "0", "--optimizer", "adamp", "--cutmix", "1"), isEndedOnce: true },

  evaluate: evaluate("figures/photos", "labelled", "--whole"),
  evaluate_run: evaluate(
    "figures/run",
    "scenes/test/images",
    "--model",
    "runs/adamw",
    "--real",
    "scenes/test/real.json",
  ),
  evaluate_trained: evaluate("figures/trained", "scenes/test/images", "--model", "runs/adamw", "--weights", "trained"),
  evaluate_attack: evaluate(
    "figures/attack",
    "scenes/test/images",
    "--model",
    "annotator",
    "--fgsm",
    "8/255",
    "--per-class",
  ),
};

function convert(input: string, output: string, ...options: string[]): Run {
  return { task: "convert", args: [input, output, ...options, "--quiet"], output };
}

function query(...args: string[]): Run {
  return { task: "query", args };
}

function relabel(images: string, out: string, ...options: string[]): Run {
  // An annotator or a size beside these would be one more to average over.
  const unless = (option: string, value: string) => options.includes(option) ? [] : [option, value];
  const own = [...unless("--annotator", "lite0"), ...unless("--size", "64")];
  const args = [images, "--out", out, ...own, ...PIECES, ...options];
  return { task: "relabel", args, output: out, usesAdapter: true };
}

function page(labels: string, images: string, ...options: string[]): Run {
  const output = `${labels}.html`;
  return { task: "report", args: [labels, images, "--out", output, ...options], output, usesAdapter: true };
}

function train(name: string, ...options: string[]): Run {
  const output = `runs/${name}`;
  return { task: "train", args: [...ON_SCENES, "--output", output, ...options], output, usesAdapter: true };
}

function evaluate(output: string, images: string, ...options: string[]): Run {
  const files = ["--json", `${output}/figures.json`, "--csv", `${output}/figures.csv`];
  return {
    task: "evaluate",
    args: [images, ...files, "--batch", "4", "--quiet", ...options],
    output,
    usesAdapter: true,
  };
}

/** Lays out what the runs read, from the files that the repository holds. */
function makeInputs(folder: string): void {
  const copy = (from: string, to: string) => {
    Deno.mkdirSync(join(folder, to, ".."), { recursive: true });
    Deno.copyFileSync(join(ROOT, from), join(folder, to));
  };
  const copyFolder = (from: string, to: string, keep = /./) => {
    for (const { name, isFile } of Deno.readDirSync(join(ROOT, from))) {
      if (isFile && keep.test(name)) copy(`${from}/${name}`, `${to}/${name}`);
    }
  };
  for (const name of ["single", "several"]) copyFolder(`assets/photos/${name}`, `photos/${name}`);
  for (const [name, wnid] of Object.entries({ chelsea: "n02123045", coffee: "n07920052", china: "n01440764" })) {
    copy(`assets/photos/single/${name}.jpg`, `labelled/${wnid}/${name}.jpg`);
  }
  copyFolder("assets/efficientnet_lite0", "lite0");
  copyFolder("assets/scenes_annotator", "annotator");
  copyFolder("tests/fixtures/images/decode", "decode/kinds");
  copyFolder("tests/fixtures/images/parquet", "parquet", /^train-/);
  const photos = ["single/chelsea.jpg", "single/rocket.jpg", "several/four.jpg"].map((name) => ({
    name: name.replace("/", "_"),
    content: Deno.readFileSync(join(folder, "photos", name)),
  }));
  Deno.writeFileSync(join(folder, "photos.tar"), writeTar(photos));
  const tokenLabels = Deno.readFileSync(join(ROOT, "tests/formats/published/fixtures/token_labels.pt"));
  const names = ["n01440764/a.pt", "n02099601/b.pt"];
  Deno.writeFileSync(join(folder, "token_labels.tar"), writeTar(names.map((name) => ({ name, content: tokenLabels }))));
  for (const name of ["marginal", "marginal.half", "marginal.stream"]) {
    copy(`tests/formats/published/fixtures/${name}.tar`, `crops/n01440764/${name}.tar`);
  }
  copy("tests/fixtures/published/n01440764/n01440764_10027.pt", "published/n02099601/old_container.pt");
  copy("tests/fixtures/images/decode/jpeg_orientation6.jpg", "images/n02099601/old_container.JPEG");
  Deno.mkdirSync(join(folder, "published/n01440764"));
  for (const [number, file] of publishedFiles().entries()) {
    Deno.writeFileSync(join(folder, `published/n01440764/${number}.pt`), file);
    copy("tests/fixtures/images/decode/jpeg_420.jpg", `images/n01440764/${number}.JPEG`);
  }
  for (const { task, output } of Object.values(RUNS)) {
    if (task === "evaluate") Deno.mkdirSync(join(folder, output!), { recursive: true });
  }
}

/** The maps of 256 collages as files of the published kind, which differ from one of those in their numbers alone. */
function publishedFiles(): Uint8Array<ArrayBuffer>[] {
  const pattern = Deno.readFileSync(join(ROOT, "tests/fixtures/published/n01440764/n01440764_10026.pt"));
  const file = Deno.readFileSync(join(ROOT, "tests/fixtures/lite0/maps475.safetensors"));
  const headerBytes = Number(new DataView(file.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + headerBytes)));
  const tensor = (name: string) => {
    const [start, end]: [number, number] = header[name].data_offsets;
    return file.slice(8 + headerBytes + start, 8 + headerBytes + end).buffer;
  };
  const [scores, classes] = [new Float32Array(tensor("score")), new Uint16Array(tensor("class"))];
  const elements = 5 * 15 * 15;
  const bytes = 2 * elements * Float32Array.BYTES_PER_ELEMENT;
  const place = dataPlace(pattern, bytes);
  const before = checksum(pattern.subarray(place, place + bytes));
  return Array.from({ length: scores.length / elements }, (_, map) => {
    const numbers = new Float32Array(2 * elements);
    numbers.set(scores.subarray(map * elements, (map + 1) * elements));
    numbers.set(classes.subarray(map * elements, (map + 1) * elements), elements);
    const data = new Uint8Array(numbers.buffer);
    const written = pattern.slice();
    written.set(data, place);
    for (let offset = written.length; (offset = lastIndexOf(pattern, before, offset)) >= 0;) {
      written.set(checksum(data), offset);
    }
    return written;
  });
}

/** Where the record of so many bytes begins in a ZIP file, by its directory. */
function dataPlace(file: Uint8Array<ArrayBuffer>, bytes: number): number {
  const view = new DataView(file.buffer);
  for (let entry = file.length - 46; entry >= 0; entry--) {
    if (view.getUint32(entry, true) !== 0x02014b50 || view.getUint32(entry + 24, true) !== bytes) continue;
    const header = view.getUint32(entry + 42, true);
    return header + 30 + view.getUint16(header + 26, true) + view.getUint16(header + 28, true);
  }
  throw new Error(`Cannot find a record of ${bytes} bytes in the published file`);
}

function checksum(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(Uint32Array.of(crc32(bytes)).buffer);
}

function lastIndexOf(bytes: Uint8Array, wanted: Uint8Array, before: number): number {
  for (let offset = before - wanted.length; offset >= 0; offset--) {
    if (wanted.every((byte, index) => bytes[offset + index] === byte)) return offset;
  }
  return -1;
}

/** Runs a command of a checkout in the folder, which must succeed; gives its standard output. */
async function runIn(folder: string, root: string, run: Run): Promise<Uint8Array> {
  const tasks: Record<string, string> = JSON.parse(Deno.readTextFileSync(join(root, "deno.json"))).tasks;
  const [, command, ...words] = tasks[run.task].split(" ");
  const script = join(root, words.pop()!);
  const process = new Deno.Command(Deno.execPath(), {
    args: [command, "--config", join(root, "deno.json"), ...words, script, ...run.args],
    cwd: folder,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = process.output();
  if (run.isEndedOnce && !exists(join(folder, run.output!))) {
    while (!exists(join(folder, run.output!, "last.safetensors"))) await new Promise((next) => setTimeout(next, 5));
    process.kill("SIGTERM");
    await output;
    return await runIn(folder, root, run);
  }
  const { success, stdout, stderr } = await output;
  if (success) return stdout;
  throw new Error(`Cannot run ${run.task} ${run.args.join(" ")}: ${new TextDecoder().decode(stderr)}`);
}

function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Names and bytes of all files of a folder, or the bytes of a file. */
function hash(path: string, folder: string): string {
  const digest = createHash("sha256");
  if (Deno.statSync(path).isFile) return digest.update(contentOf(path, folder)).digest("hex");
  for (const name of namesIn(path)) digest.update(`${name}\t${hash(join(path, name), folder)}\n`);
  return digest.digest("hex");
}

function namesIn(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name).filter((name) => name !== "tensorboard").sort();
}

/** Bytes of a file without the temporary folder's path, times, and small pictures. */
function contentOf(path: string, folder: string): Uint8Array | string {
  if (!/\.(csv|html|jsonl?|list|yaml)$/.test(path)) return Deno.readFileSync(path);
  const text = Deno.readTextFileSync(path).replaceAll(folder, "");
  if (path.endsWith(".html")) return text.replaceAll(/data:image\/webp;base64,[\w+/=]*/g, "");
  if (!path.endsWith("summary.csv")) return text;
  const rows = text.split("\n").map((row) => row.split(","));
  const place = rows[0].indexOf("seconds");
  return rows.map((row) => row.toSpliced(place, 1).join()).join("\n");
}

/**
 * Makes the fixed set in a temporary folder and runs the commands on it.
 *
 * @param options Whose commands, and whether those with an adapter too.
 * @returns SHA-256 by name, in order.
 * @throws {Error} If a command fails.
 */
export async function sameBytes(
  { root = ROOT, all = false, onEntry = () => {} }: {
    root?: string;
    all?: boolean;
    onEntry?: (name: string, sha256: string) => void;
  } = {},
): Promise<Map<string, string>> {
  const folder = await Deno.realPath(await Deno.makeTempDir());
  const found = new Map<string, string>();
  const note = (name: string, sha256: string) => {
    found.set(name, sha256);
    onEntry(name, sha256);
  };
  try {
    makeInputs(folder);
    for (const [name, run] of Object.entries(RUNS)) {
      if (run.usesAdapter && !all) continue;
      const text = await runIn(folder, root, run);
      if (run.output === undefined) {
        note(name, createHash("sha256").update(text).digest("hex"));
        continue;
      }
      const path = join(folder, run.output);
      if (Deno.statSync(path).isFile) note(name, hash(path, folder));
      else for (const child of namesIn(path)) note(`${name}/${child}`, hash(join(path, child), folder));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
  return found;
}

if (import.meta.main) {
  const { args } = Deno;
  const root = args.includes("--root") ? await Deno.realPath(args[args.indexOf("--root") + 1]) : ROOT;
  await sameBytes({ root, all: args.includes("--all"), onEntry: (name, sha256) => console.log(`${name}\t${sha256}`) });
}
