import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { readSummary, scoreOf, writeSummary } from "../../../pipeline/training/summary_file.ts";

const path = join(Deno.makeTempDirSync(), "summary.csv");

Deno.test("writeSummary() writes mAP and F1 scores where images may show several classes, and readSummary() reads them", () => {
  const evaluation = { loss: 2.5, meanPrecision: 61.25, classF1: 50, overallF1: 55.5 };
  const epochs = [
    { epoch: 0, trainLoss: 3, learningRate: 0.1 },
    { epoch: 1, trainLoss: 2.75, evaluation, learningRate: 0.05 },
  ];
  writeSummary(path, epochs);
  assertEquals(
    Deno.readTextFileSync(path),
    "epoch,train_loss,eval_loss,eval_map,eval_cf1,eval_of1,lr\n0,3,,,,,0.1\n1,2.75,2.5,61.25,50,55.5,0.05\n",
  );
  assertEquals(readSummary(path), epochs);
  assertEquals(epochs.map(scoreOf), [-1, 61.25]);
});

Deno.test("readSummary() refuses another table", () => {
  Deno.writeTextFileSync(path, "epoch,train_loss,eval_loss,eval_map,lr\n0,3,,,0.1\n");
  assertThrows(() => readSummary(path), TypeError, "its columns are epoch,train_loss,eval_loss,eval_map,lr, expected");
});
