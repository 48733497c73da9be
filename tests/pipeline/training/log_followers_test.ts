import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { openTrainingLog } from "../../../pipeline/training/training_log.ts";
import { pythonTest } from "../../python.ts";
import { ROOT } from "../task.ts";

/** What stands in for both trackers: it prints what it is told. */
const TRACKERS = `import json, sys, types
def tell(*what, **how):
    print(json.dumps([what, how]))
class Run:
    log = staticmethod(tell)
    def finish(self): tell("finish")
    def __enter__(self): return self
    def __exit__(self, *_): tell("finish")
def start(**how):
    tell(**how)
    return Run()
sys.modules["wandb"] = types.SimpleNamespace(init=start)
sys.modules["mlflow"] = types.SimpleNamespace(start_run=start, log_metrics=tell)
`;

function writeLog(): string {
  const path = join(Deno.makeTempDirSync(), "run.jsonl");
  const start = { epoch: 0, globalStep: 0 };
  const log = openTrainingLog({ path, run: "run", settings: { lr: 0.1 }, every: 2, start });
  for (const step of [0, 1]) log.step({ epoch: 0, step, globalStep: step, loss: 2, meanLoss: 3, learningRate: 0.1 });
  log.epoch({ epoch: 0, trainLoss: 3, learningRate: 0.1, evaluation: { loss: 1, top1: 50, top5: 75 } }, 1);
  log.end();
  log.close();
  return path;
}

const [WANDB, MLFLOW] = Deno.readTextFileSync(join(ROOT, "docs/logging.md")).matchAll(/^```python\n([\s\S]*?)^```$/gm);

pythonTest("the page's program for Weights & Biases tells it settings, steps and epochs of a log", [], async (run) => {
  const told = (await run(TRACKERS + WANDB[1], writeLog())).trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(told, [
    [[], { project: "relabel", config: { lr: 0.1 } }],
    [[{ "step/epoch": 0, "step/step": 1, "step/loss": 2, "step/mean_loss": 3, "step/learning_rate": 0.1 }], {
      step: 1,
    }],
    [
      [{
        "epoch/epoch": 0,
        "epoch/train_loss": 3,
        "epoch/learning_rate": 0.1,
        "epoch/eval_loss": 1,
        "epoch/eval_top1": 50,
        "epoch/eval_top5": 75,
      }],
      { step: 1 },
    ],
    [["finish"], {}],
  ]);
});

pythonTest("the page's program for MLflow tells it steps and epochs of a log", [], async (run) => {
  const told = (await run(TRACKERS + MLFLOW[1], writeLog())).trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(told.map(([[what], how]) => [what === "finish" ? what : what && Object.keys(what), how]), [
    [undefined, { run_name: "run" }],
    [["step_epoch", "step_step", "step_loss", "step_mean_loss", "step_learning_rate"], { step: 1 }],
    [
      [
        "epoch_epoch",
        "epoch_train_loss",
        "epoch_learning_rate",
        "epoch_eval_loss",
        "epoch_eval_top1",
        "epoch_eval_top5",
      ],
      { step: 1 },
    ],
    ["finish", {}],
  ]);
});
