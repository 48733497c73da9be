/**
 * Which type and k to choose: `deno task bench:choose`, or `deno bench -P`.
 *
 * Maps of collages, annotated here with all classes kept, are stored in each type with 1, 3, 5 and 10 classes a cell, and
 * weighed: bytes on disk, maps a second to encode, decode and read at random, pooled targets a second on the CPU and on the
 * device, and how near the pooled targets of random crops are to those of float32 with all classes. Beside them the same maps in
 * files of parquet-wasm and apache-arrow, the published code's files and TinyViT's records. What is timed takes turns.
 *
 * Fails if the best class of the target is not that of fp32 with the same k for 99.9 % (fp16) and 99 % (fp8_e4m3) of the
 * crops, on these maps and on the 256 of `tests/fixtures/lite0`.
 *
 * @module
 */

import { type LabelMapType, labelMapTypes } from "../formats/labels/mod.ts";
import { closeDevice } from "../kernels/engine/device.ts";
import { poolLabels } from "../kernels/operations/label_pooling/mod.ts";
import { count } from "../pipeline/command/option_kinds.ts";
import { fixtureMaps } from "../tests/kernels/operations/label_pooling/fixture_maps.ts";
import { annotateCollages } from "./choose/collages.ts";
import { compareTargets } from "./choose/fidelity.ts";
import { bestClasses, firstRanks, quantisedMaps, rowHeads } from "./choose/sparse.ts";
import { labelMapStore, publishedStore, recordStore, type Rows, type Store } from "./choose/stores.ts";
import { openBenchDevice } from "./device.ts";
import { describeDevice, describeMachine } from "./machine.ts";
import { readBenchOptions } from "./options.ts";
import { randomCrops } from "./pooling/random_crops.ts";
import { createPoolingStep } from "./pooling/sparse.ts";
import { formatTable } from "./table.ts";
import { median, type Runner, timeInTurns } from "./timing.ts";

const RANKS = [1, 3, 5, 10];
/** Of crops whose best class is that of fp32 with the same k. */
const PROMISED: Partial<Record<LabelMapType, number>> = { fp16: 0.999, fp8_e4m3: 0.99 };
/** TinyViT's, for ImageNet-1k. */
const RECORD_CLASSES = 10;
/** Crops of a pooling step. */
const STEP = 256;

const OPTIONS = {
  maps: count({ default: 128, help: "collages to annotate" }),
  rows: count({ default: 1024, help: "rows of the files that are timed" }),
  crops: count({ default: 16, help: "random crops of each map for fidelity" }),
  rounds: count({ default: 3, help: "timings of each" }),
};
const options = readBenchOptions("bench:choose", OPTIONS);
const device = await openBenchDevice();
console.log(`${describeMachine()}\n${describeDevice(device)}`);
const maps = await annotateCollages(device, options.maps);
const { count: collages, classes, grid } = maps;
const crops = Array.from({ length: options.crops }, (_, seed) => randomCrops(collages, seed)).flat()
  .map((crop, index) => ({ ...crop, map: index % collages }));
console.log(
  `${collages} collages, ${grid.join(" x ")} cells, ${classes} classes, ${crops.length} random crops; ` +
    `medians of ${options.rounds} rounds of ${options.rows} rows`,
);
const all = poolLabels(quantisedMaps(bestClasses(maps, classes), maps, "fp32"), crops);
const strengths = crops.map((_, index) => Math.max(...all.subarray(index * classes, (index + 1) * classes)));
console.log(`With all classes kept, the best class of half of the crops has less than ${median(strengths).toFixed(3)}`);
const most = bestClasses(maps, Math.max(...RANKS));
const heads = rowHeads(most, maps);

/** Stores of other libraries, where the import map has those. */
const libraries: { libraryStores(folder: string, rows: Rows, dtype: LabelMapType): Promise<Store[]> } | undefined =
  isMapped("apache-arrow") ? await import(new URL("./libraries/stores.ts", import.meta.url).href) : undefined;

interface Choice {
  readonly name: string;
  readonly k: number | string;
  readonly store: Store;
  /** Against float32 with all classes. */
  readonly divergence?: number;
  readonly sameBest?: number;
  /** Against float32 with the same k. */
  readonly sameAsFloat32?: number;
  /** Runs pooling on the CPU and on the device. */
  readonly pooling?: { readonly cpu: Runner; readonly device: Runner; close(): void };
}

const folder = Deno.makeTempDirSync({ prefix: "choose-" });
const failures: string[] = [];
try {
  const choices: Choice[] = [];
  for (const k of RANKS) {
    const best = firstRanks(most, maps, k);
    const rows: Rows = { maps, best, heads, count: options.rows };
    const float32 = poolLabels(quantisedMaps(best, maps, "fp32"), crops);
    for (const dtype of labelMapTypes) {
      const batch = quantisedMaps(best, maps, dtype);
      const targets = poolLabels(batch, crops);
      const step = crops.slice(0, STEP);
      const onDevice = await createPoolingStep(device, batch, step);
      const { sameBest: sameAsFloat32 } = compareTargets(float32, targets, classes);
      check(`these maps, k = ${k}`, dtype, sameAsFloat32);
      choices.push({
        name: dtype,
        k,
        store: await labelMapStore(folder, rows, { dtype, container: "parquet" }),
        ...compareTargets(all, targets, classes),
        sameAsFloat32,
        pooling: {
          cpu: { name: dtype, run: (repetitions) => repeat(repetitions, () => void poolLabels(batch, step)) },
          device: onDevice,
          close: onDevice.close,
        },
      });
    }
    if (k !== 5) continue;
    for (const dtype of ["fp16", "fp8_e4m3"] as const) {
      const store = await labelMapStore(folder, rows, { dtype, container: "arrow" });
      choices.push({ name: store.name, k, store });
    }
    for (const dtype of ["fp16", "fp8_e4m3"] as const) {
      for (const store of await libraries?.libraryStores(folder, rows, dtype) ?? []) {
        choices.push({ name: store.name, k, store });
      }
    }
    const published = publishedStore(folder, rows);
    choices.push({ name: published.name, k, store: published });
  }
  const records = recordStore(folder, { maps, best: most, heads, count: options.rows }, RECORD_CLASSES);
  choices.push({ name: records.name, k: RECORD_CLASSES, store: records });

  if (!libraries) console.log("parquet-wasm and apache-arrow are left out: deno task bench:choose has them");
  const rates = new Map<string, number[]>();
  for (const name of ["encode", "decode", "readAtRandom"] as const) {
    const runners = choices.map(({ store }) => ({
      name: store.name,
      run: (repetitions: number) => repeat(repetitions, () => store[name]()),
    }));
    const timings = await timeInTurns(runners, options.rounds);
    const rowsOf = ({ randomRows = options.rows }: Store) => name === "readAtRandom" ? randomRows : options.rows;
    rates.set(
      name,
      timings.map(({ milliseconds }, place) => rowsOf(choices[place].store) / median(milliseconds) * 1000),
    );
  }
  const pooled = choices.filter(({ pooling }) => pooling);
  for (const name of ["cpu", "device"] as const) {
    const timings = await timeInTurns(pooled.map(({ pooling }) => pooling![name]), options.rounds);
    const perChoice = new Map(timings.map(({ milliseconds }, index) => [pooled[index], median(milliseconds)]));
    const step = Math.min(STEP, crops.length);
    rates.set(name, choices.map((choice) => step / (perChoice.get(choice) ?? NaN) * 1000));
  }
  const rate = (name: string, index: number) => {
    const value = rates.get(name)![index];
    return Number.isNaN(value) ? "" : String(Number(value.toPrecision(3)));
  };
  console.log(formatTable([
    ["", "k", "bytes", "encode/s", "decode/s", "random/s", "CPU pool/s", "device/s", "KL", "same best", "as fp32"],
    ...choices.map(({ name, k, store, divergence, sameBest, sameAsFloat32 }, index) => [
      name,
      k,
      store.bytes.toFixed(0),
      ...["encode", "decode", "readAtRandom", "cpu", "device"].map((metric) => rate(metric, index)),
      divergence?.toExponential(1) ?? "",
      sameBest === undefined ? "" : percent(sameBest),
      sameAsFloat32 === undefined ? "" : percent(sameAsFloat32),
    ]),
  ]));
  for (const { store, pooling } of choices) {
    store.close();
    pooling?.close();
  }

  console.log("\n256 maps of tests/fixtures/lite0, k = 5, 20 random crops of each, against fp32");
  const fixture = fixtureMaps("fp32");
  const many = Array.from({ length: 20 }, (_, seed) => randomCrops(fixture.count, 100 + seed)).flat()
    .map((crop, index) => ({ ...crop, map: index % fixture.count }));
  const expected = poolLabels(fixture, many);
  console.log(formatTable([
    ["", "KL", "same best"],
    ...(["fp16", "fp8_e4m3", "fp8_e5m2"] as const).map((dtype) => {
      const { divergence, sameBest } = compareTargets(expected, poolLabels(fixtureMaps(dtype), many), fixture.classes);
      check("the fixture's maps", dtype, sameBest);
      return [dtype, divergence.toExponential(1), percent(sameBest)];
    }),
  ]));
} finally {
  Deno.removeSync(folder, { recursive: true });
  closeDevice(device);
}
for (const failure of failures) console.log(`  ${failure}`);
if (failures.length > 0) Deno.exit(1);

function isMapped(name: string): boolean {
  try {
    import.meta.resolve(name);
    return true;
  } catch {
    return false;
  }
}

function check(what: string, dtype: LabelMapType, share: number): void {
  const promised = PROMISED[dtype];
  if (promised !== undefined && !(share >= promised)) {
    failures.push(
      `${dtype} keeps the best class for ${percent(share)} of the crops of ${what}, promised are ${percent(promised)}`,
    );
  }
}

function percent(share: number): string {
  return `${(share * 100).toFixed(2)} %`;
}

async function repeat(repetitions: number, action: () => Promise<void> | void): Promise<void> {
  for (let repetition = 0; repetition < repetitions; repetition++) await action();
}
