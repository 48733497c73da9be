import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { parse } from "@std/yaml";
import { bytesOfPieces } from "../../../formats/base/pieced_file.ts";
import { downloadFromHub, parseHubReference, uploadToHub } from "../../../formats/weights/mod.ts";
import { publishRun } from "../../../pipeline/publish/publish_run.ts";
import { writeSummary } from "../../../pipeline/training/summary_file.ts";
import { startFakeRepositories, TOKEN } from "../../formats/weights/hub/fake_repositories.ts";
import { runTask } from "../task.ts";

const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const CONFIG = { architecture: "resnet18", num_classes: 3, pretrained_cfg: { input_size: [3, 32, 48] } };
const SETTINGS = `images: /home/someone/photos
maps: /home/someone/.cache/huggingface/hub/datasets--me--labels/snapshots/${COMMIT}
validation: held-out
output: /home/someone/run
lr: 0.1
size: [32, 48]
teacher: null
`;

/** The folder of a training of three epochs, of which the second was the best; its weights are no weights. */
function runFolder(): string {
  const path = Deno.makeTempDirSync();
  Deno.writeTextFileSync(join(path, "config.json"), JSON.stringify(CONFIG));
  Deno.writeTextFileSync(join(path, "config.yaml"), SETTINGS);
  Deno.writeTextFileSync(join(path, "model.safetensors"), "the last");
  Deno.writeTextFileSync(join(path, "best.safetensors"), "the best");
  const epochs = [40, 61.25, 61.25].map((top1, epoch) => ({
    epoch,
    trainLoss: 2 - epoch / 2,
    evaluation: { loss: 1.5, top1, top5: 90 },
    learningRate: 0.1,
  }));
  writeSummary(join(path, "summary.csv"), epochs);
  return path;
}

/** The card of some files. */
async function cardOf(files: Awaited<ReturnType<typeof publishRun>>): Promise<string> {
  return new TextDecoder().decode(await bytesOfPieces(files.find(({ name }) => name === "README.md")!));
}

Deno.test("a training is published as a model that is loaded by its name, with the weights of the best epoch", async () => {
  await using hub = startFakeRepositories();
  const settings = { endpoint: hub.endpoint, cache: Deno.makeTempDirSync(), offline: false, token: TOKEN };
  const files = await publishRun({ run: runFolder(), repository: "me/model" });
  const target = { reference: parseHubReference("hf:me/model"), settings };
  await uploadToHub(target, files, { summary: "Publish a model" });
  assertEquals([...hub.repositories.keys()], ["me/model"]);
  const { path } = await downloadFromHub("hf:me/model", { settings });
  assertEquals(Deno.readTextFileSync(join(path, "model.safetensors")), "the best");
  assertEquals(JSON.parse(Deno.readTextFileSync(join(path, "config.json"))), CONFIG);
});

Deno.test("a model's card has measures and settings, and no path of this machine", async () => {
  const card = await cardOf(await publishRun({ run: runFolder(), title: "A *model*", license: "mit" }));
  assertEquals(card.includes("/home"), false);
  // deno-lint-ignore no-explicit-any
  const yaml = parse(/^---\n([\s\S]*?)\n---\n/.exec(card)![1]) as any;
  assertEquals([yaml.license, yaml.library_name, yaml.datasets], ["mit", "timm", ["me/labels"]]);
  const [{ name, results: [{ dataset, metrics }] }] = yaml["model-index"];
  assertEquals([name, dataset.name], ["A *model*", "held-out"]);
  assertEquals(metrics[0], { type: "accuracy", name: "top-1", value: 61.25 });
  assertStringIncludes(
    card,
    "resnet18 for images of 32 x 48 pixels, 3 classes, the weights after epoch 1, the best one.",
  );
  assertStringIncludes(card, "| images | photos |");
  assertStringIncludes(card, `| maps | hf:datasets/me/labels@${COMMIT} |`);
  assertEquals(/\| (output|teacher) \|/.test(card), false);
});

Deno.test("publishRun() takes the last weights where there was no validation, and says what is missing", async () => {
  const run = runFolder();
  Deno.removeSync(join(run, "best.safetensors"));
  const files = await publishRun({ run });
  assertEquals(new TextDecoder().decode(await bytesOfPieces(files[0])), "the last");
  assertStringIncludes(await cardOf(files), "the weights after epoch 2.");
  Deno.removeSync(join(run, "model.safetensors"));
  await assertRejects(
    () => publishRun({ run }),
    Deno.errors.NotFound,
    "it has no model.safetensors, no epoch has ended",
  );
  Deno.writeTextFileSync(join(run, "model.safetensors"), "");
  Deno.writeTextFileSync(join(run, "config.json"), "{}");
  await assertRejects(() => publishRun({ run }), TypeError, "it lacks architecture, num_classes");
  const { code, error } = await runTask("publish", run, "photos", "--files-only", Deno.makeTempDirSync());
  assertEquals([code, error], [2, `Cannot use "photos" with "${run}": it is a training, not label maps\n`]);
});
