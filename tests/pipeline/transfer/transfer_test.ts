import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { UsageError } from "../../../pipeline/command/command_line.ts";
import { runTransfer, type TransferPlan, type TransferWatch } from "../../../pipeline/transfer/grid_search.ts";
import { runTraining } from "../../../pipeline/training/run_training.ts";
import { type GivenSettings, resolveSettings } from "../../../pipeline/training/settings.ts";
import { TRANSFER } from "../../../pipeline/transfer/options.ts";
import { bestOfGrid, type FinishedRun, readRuns, writeRuns } from "../../../pipeline/transfer/run_table.ts";
import { transferFiles } from "../../../pipeline/transfer/transfer_results.ts";
import { openTransferData } from "../../../pipeline/transfer/transfer_data.ts";
import { dtdFiles, folderOf, foodFiles } from "../../formats/images/published_sets.ts";
import { runTask } from "../task.ts";

const SILENT: TransferWatch = { signal: new AbortController().signal, tell() {}, show() {} };

/** Settings of a small training. */
const SETTINGS: GivenSettings = { steps: 4, batch: 4, size: [16, 16], warmupEpochs: 0, workers: 1 };

/** A network that was trained on nothing much, as a folder. */
let network: Promise<string> | undefined;

function trained(): Promise<string> {
  return network ??= (async () => {
    const output = join(Deno.makeTempDirSync(), "run");
    const own: GivenSettings = { images: `${folderOf(foodFiles())}:train`, network: "resnet8", mean: [0.5, 0.5, 0.5] };
    await runTraining(resolveSettings({ ...SETTINGS, ...own, output }), SILENT);
    return output;
  })();
}

const DATASET = folderOf(dtdFiles(2));

async function planOf(output: string): Promise<TransferPlan> {
  return {
    ...{
      images: DATASET,
      heldOut: 0.2,
      inits: [await trained()],
      rates: [0.01, 0.05],
      decays: [1e-4],
      seeds: 2,
      output,
    },
    settings: SETTINGS,
  };
}

/** A whole transfer to a data set with a validation split. */
let whole: Promise<{ output: string; told: string[] }> | undefined;

function wholeTransfer() {
  return whole ??= (async () => {
    const output = join(Deno.makeTempDirSync(), "transfer");
    const told: string[] = [];
    await runTransfer(await planOf(output), { ...SILENT, tell: (line) => told.push(line) });
    return { output, told };
  })();
}

Deno.test("runTransfer() tries a grid on the validation split, and tests the best on the test split", async () => {
  const { output, told } = await wholeTransfer();
  assertEquals(told[0], "Settings are chosen on the validation split of DTD");
  assertEquals(told.filter((line) => line.startsWith("Training ")).length, 4);
  const runs = readRuns(join(output, "runs.csv"));
  assertEquals(runs.map(({ stage, seed }) => [stage, seed]), [["grid", 0], ["grid", 0], ["test", 0], ["test", 1]]);
  const { lr } = bestOfGrid(runs, 0, runs.slice(0, 2));
  assertEquals(runs.slice(2).map((run) => run.lr), [lr, lr]);
  const config = (run: string) => Deno.readTextFileSync(join(output, "init-0", run, "config.yaml"));
  const grid = config("grid-lr-0.05-wd-0.0001");
  assertMatch(grid, /^images: .*:train'?$/m);
  assertMatch(grid, /^validation: .*:val'?$/m);
  // The network's own.
  assertMatch(grid, /^network: resnet8$[^]*^mean: \[0\.5, 0\.5, 0\.5\]$/m);
  const tested = config(`test-lr-${lr}-wd-0.0001-seed-1`);
  assertMatch(tested, /^images: .*:trainval'?$/m);
  assertMatch(tested, /^validation: .*:test'?$/m);
  assertMatch(tested, /^seed: 1$/m);
  const weights = (run: string) =>
    [...Deno.readDirSync(join(output, "init-0", run))].map(({ name }) => name).filter((name) =>
      /safetensors/.test(name)
    );
  assertEquals(weights("grid-lr-0.05-wd-0.0001"), []);
  assertEquals(weights(`test-lr-${lr}-wd-0.0001-seed-1`), ["model.safetensors"]);
});

Deno.test("runTransfer() goes on after a stop in a training, and finds what an uninterrupted one does", async () => {
  const { output: expected } = await wholeTransfer();
  const output = join(Deno.makeTempDirSync(), "transfer");
  const done = readRuns(join(expected, "runs.csv"));
  const { lr } = done[2];
  const plan = { ...await planOf(output), rates: [lr], seeds: 1 };
  const controller = new AbortController();
  const watch: TransferWatch = {
    ...SILENT,
    signal: controller.signal,
    tell: (line) => {
      if (/decay 0\.0001, seed 0$/.test(line)) controller.abort();
    },
  };
  const error = await assertRejects(() => runTransfer(plan, watch));
  assertEquals([error, readRuns(join(output, "runs.csv")).length], [controller.signal.reason, 1]);
  await runTransfer(plan, SILENT);
  const isSame = (run: FinishedRun) => run.lr === lr && run.seed === 0;
  assertEquals(readRuns(join(output, "runs.csv")), done.filter(isSame));
});

Deno.test("deno task transfer prints and writes a table, and does nothing again that was done", async () => {
  const { output } = await wholeTransfer();
  const config = join(Deno.makeTempDirSync(), "recipe.yaml");
  Deno.writeTextFileSync(config, "steps: 300\nbatch: 4\nsize: 16\nwarmup-epochs: 0\n");
  const args = [DATASET, "--init", await trained(), "--config", config, "--steps", "4", "--output", output];
  const grid = ["--grid-lr", "0.01,0.05", "--grid-weight-decay", "0.0001", "--seeds", "2"];
  const { code, out, error } = await runTask("transfer", ...args, ...grid);
  assertEquals([code, error], [0, "Settings are chosen on the validation split of DTD\n"]);
  assertMatch(out, /^network .* test +difference$/m);
  const [head, line] = Deno.readTextFileSync(join(output, "results.csv")).split("\n");
  assertMatch(head, /^init,lr,weight_decay,validation_top1,seeds,test_top1,test_top1_standard_error,difference,/);
  const [, , first, second] = readRuns(join(output, "runs.csv"));
  assertEquals(Number(line.split(",")[5]), (first.top1! + second.top1!) / 2);
  assertMatch(Deno.readTextFileSync(join(output, "results.md")), /^## Validation of .*, %$/m);
  const other = await runTask("transfer", ...args, ...grid, "--steps", "5");
  assertEquals([other.code, other.error], [1, `Cannot transfer in "${output}": it was begun with steps 4, not 5\n`]);
});

Deno.test("transferFiles() compares networks with the first, paired by seed, and says what is at the edge of the grid", () => {
  const runs: FinishedRun[] = [0, 1].flatMap((init) =>
    [0.1, 0.2].map((lr) =>
      ({ init, stage: "grid", lr, weightDecay: 0, seed: 0, top1: lr + init / 2, loss: 1 }) as const
    )
  );
  const outcomes = [
    { init: "a", best: { ...runs[1], top1: 0.2 }, test: [0.5, 0.6] },
    { init: "b", best: { ...runs[3], top1: 0.7 }, test: [0.6, 0.9] },
  ];
  const plan: TransferPlan = {
    ...{
      images: "food",
      heldOut: 0.2,
      inits: ["a", "b"],
      rates: [0.1, 0.2, 0.3],
      decays: [0],
      seeds: 2,
      output: "out",
    },
    settings: {},
  };
  const files = transferFiles(plan, { outcomes, runs, remark: "Held out" });
  assertMatch(files["results.md"], /^\| b +\| +0\.2 \| +0 \| +70\.0 % \| 75\.0 \+- 15\.0 % \| \+20\.0 \+- 10\.0 \|$/m);
  assertMatch(files["results.md"], /^\| 0\.3 +\| broke down \|$/m);
  assertEquals(/edge/.test(files["results.md"]), false);
  assertMatch(
    transferFiles({ ...plan, rates: [0.1, 0.2] }, { outcomes, runs, remark: "" })["results.md"],
    /"a" is at the edge/,
  );
});

Deno.test("openTransferData() holds out a share of each class where there is no validation split", async () => {
  const [images, folder] = [folderOf(foodFiles(5)), Deno.makeTempDirSync()];
  const data = await openTransferData(images, { heldOut: 0.4, folder });
  assertEquals([data.both, data.test], [{ images: `${images}:train` }, { images: `${images}:test` }]);
  assertEquals(data.remark, "Settings are chosen on 6 images of 15 that are held out, a share of each class");
  const keys = (path: string) => Deno.readTextFileSync(path).trimEnd().split("\n");
  const [fit, held] = [keys(data.fit.subset!), keys(data.validation.subset!)];
  assertEquals(new Set([...fit, ...held]).size, 15);
  const classes = held.map((key) => key.split("/")[1]);
  assertEquals(["apple_pie", "beef_tartare", "waffles"].map((name) => classes.filter((of) => of === name).length), [
    ...[2, 2, 2],
  ]);
  // Not the first ones of each.
  assert(held.some((key, index) => index % 2 === 0 && !/[05]0?0\.jpg$/.test(key)));
  const again = await openTransferData(images, { heldOut: 0.4, folder: Deno.makeTempDirSync() });
  assertEquals(keys(again.validation.subset!), held);
  // What was trained in a folder is not gone on with when the images are others.
  assertEquals(await openTransferData(images, { heldOut: 0.4, folder }), data);
  await assertRejects(
    () => openTransferData(folderOf(foodFiles(6)), { heldOut: 0.4, folder }),
    Deno.errors.AlreadyExists,
    'fit.txt" is of other images than those that are there now; name another folder with --output',
  );
});

Deno.test("openTransferData() asks for test images where there is no such split, and only there", async () => {
  const [plain, food, folder] = [folderOf({ "cat/1.jpg": "" }), folderOf(foodFiles()), Deno.makeTempDirSync()];
  const options = { heldOut: 0.2, folder };
  await assertRejects(
    () => openTransferData(plain, options),
    UsageError,
    `Cannot transfer to "${plain}": it is no data set whose splits are known, name --test`,
  );
  await assertRejects(
    () => openTransferData(food, { ...options, test: plain }),
    UsageError,
    `Cannot use --test with "${food}": it is Food-101, which has a test split`,
  );
  const flat = folderOf({ "1.jpg": "" });
  const unlabelled = () => openTransferData(flat, { ...options, test: plain });
  await assertRejects(unlabelled, RangeError, `Cannot transfer to "${flat}": no image has a label`);
  const single = () => openTransferData(plain, { ...options, test: plain });
  await assertRejects(single, RangeError, "of 1 image none can be held out to try settings on");
});

Deno.test("bestOfGrid() takes the most accurate training, then that of the least loss, and none that broke down", () => {
  const run = (lr: number, top1?: number, loss?: number): FinishedRun => ({
    ...{ init: 0, stage: "grid", lr, weightDecay: 0, seed: 0, top1, loss },
  });
  const runs = [run(0.1), run(0.01, 0.5, 2), run(0.02, 0.5, 1), run(0.03, 0.4, 0.5), { ...run(0.2, 0.9, 0), init: 1 }];
  const grid = [0.1, 0.01, 0.02, 0.03, 0.2].map((lr) => ({ lr, weightDecay: 0 }));
  assertEquals(bestOfGrid(runs, 0, grid).lr, 0.02);
  const path = join(Deno.makeTempDirSync(), "runs.csv");
  writeRuns(path, runs);
  assertEquals(JSON.stringify(readRuns(path)), JSON.stringify(runs));
  Deno.writeTextFileSync(path, "init,stage,lr,weight_decay,seed,top1,loss\n0,gird,1,1,1,1,1\n");
  let message = "";
  try {
    readRuns(path);
  } catch (error) {
    message = (error as Error).message;
  }
  assertEquals(message, `Cannot read "${path}": line "0,gird,1,1,1,1,1" is no training`);
});

Deno.test("deno task transfer's options ask for a network, and for numbers", () => {
  const refused = (...args: string[]) => {
    try {
      TRANSFER.read(args);
    } catch (error) {
      if (error instanceof UsageError) return error.message;
    }
    return "";
  };
  assertEquals(refused("food"), "Cannot transfer without --init: see deno task transfer --help");
  const message = "Cannot use --grid-lr 0.1,x: expected numbers with commas between, each once";
  assertEquals(refused("food", "--init", "run", "--grid-lr", "0.1,x"), message);
});
