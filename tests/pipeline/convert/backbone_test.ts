import { assertAlmostEquals, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { openWeights, type Parameter, writeSafetensors } from "../../../formats/weights/mod.ts";
import { buildNetwork } from "../../../kernels/networks/mod.ts";
import { parameterShapes } from "../../../kernels/operations/network.ts";
import { backboneParameters } from "../../../pipeline/convert/backbone.ts";
import { pythonTest } from "../../python.ts";
import { runTask } from "../task.ts";

const MEAN = [0.485, 0.456, 0.406];
const STD = [0.229, 0.224, 0.225];

/** Writes the folder of a run, whose network has weights that are told apart. */
function writeRun(architecture: string): { path: string; shapes: ReadonlyMap<string, readonly number[]> } {
  const path = Deno.makeTempDirSync();
  const shapes = parameterShapes(buildNetwork(architecture, { classes: 3 }));
  const tensors = new Map([...shapes].map(([name, shape], index) => {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(1 + index / 64);
    return [name, { shape, data }];
  }));
  writeSafetensors(join(path, "model.safetensors"), tensors);
  const config = {
    architecture,
    num_classes: 3,
    input_size: [3, 64, 64],
    mean: MEAN,
    std: STD,
    interpolation: "bicubic",
  };
  Deno.writeTextFileSync(join(path, "config.json"), JSON.stringify(config));
  return { path, shapes };
}

Deno.test("a backbone has every tensor of its network but the classifier's, by the names of the detector", () => {
  const shapes = parameterShapes(buildNetwork("resnet50", { classes: 3 }));
  const parameters = new Map<string, Parameter>(
    [...shapes].map(([name, shape]) => [name, { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) }]),
  );
  const own = [...shapes.keys()].filter((name) => !name.startsWith("fc."));
  assertEquals(own.length, shapes.size - 2);
  assertEquals([...backboneParameters(parameters, "torchvision", { std: STD }).keys()], own);
  const names = [...backboneParameters(parameters, "detectron2", { std: STD }).keys()];
  assertEquals(new Set(names).size, own.length);
  const named = Object.fromEntries(own.map((name, index) => [name, names[index]]));
  assertEquals(named["conv1.weight"], "stem.conv1.weight");
  assertEquals(named["bn1.running_var"], "stem.conv1.norm.running_var");
  assertEquals(named["layer1.0.downsample.0.weight"], "res2.0.shortcut.weight");
  assertEquals(named["layer4.0.downsample.1.running_mean"], "res5.0.shortcut.norm.running_mean");
  assertEquals(named["layer3.5.conv2.weight"], "res4.5.conv2.weight");
  assertEquals(named["layer2.1.bn3.bias"], "res3.1.conv3.norm.bias");
  const known =
    /^(stem\.conv1|res[2-5]\.\d+\.(conv[123]|shortcut))\.(weight|norm\.(weight|bias|running_mean|running_var))$/;
  assertEquals(names.filter((name) => !known.test(name)), []);
});

Deno.test("the first convolution of detectron2's gives for BGR up to 255 what the network's gives for normalised RGB", () => {
  const data = Float32Array.from({ length: 2 * 3 * 4 }, (_, at) => Math.sin(at + 1));
  const parameters = new Map([["conv1.weight", { shape: [2, 3, 2, 2], data }]]);
  const turned = backboneParameters(parameters, "detectron2", { std: STD }).get("stem.conv1.weight")!;
  const [rgb, at] = [[0.2, 0.5, 0.9], 3];
  for (const output of [0, 1]) {
    const before = rgb.reduce(
      (sum, value, channel) => sum + (value - MEAN[channel]) / STD[channel] * data[(output * 3 + channel) * 4 + at],
      0,
    );
    const after = rgb.toReversed().reduce(
      (sum, value, channel) => sum + 255 * (value - MEAN[2 - channel]) * turned.data[(output * 3 + channel) * 4 + at],
      0,
    );
    assertAlmostEquals(after, before, 1e-6);
  }
});

Deno.test("deno task convert writes a run's backbone as a file of PyTorch, and says what a detector must be told", async () => {
  const { path, shapes } = writeRun("resnet18");
  const output = join(path, "backbone.pth");
  const { code, out, error } = await runTask("convert", path, output, "--to", "torchvision");
  assertEquals(code, 0, error);
  assertStringIncludes(out, "resnet18 for torchvision, 100 tensors, without its classifier of 3 classes");
  assertStringIncludes(out, "image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225]");
  const written = await openWeights(output);
  assertEquals(new Set(written.names), new Set([...shapes.keys()].filter((name) => !name.startsWith("fc."))));
  const names = [...shapes.keys()];
  for (const name of written.names) {
    assertEquals(written.shape(name), shapes.get(name));
    const values = await written.read(name);
    assertEquals([values[0], values.at(-1)], Array(2).fill(1 + names.indexOf(name) / 64));
  }
  written.close();
  const other = writeRun("mobilenetv3_small_050").path;
  const refused = await runTask("convert", other, output, "--to", "detectron2");
  assertEquals(refused.code, 1);
  assertStringIncludes(
    refused.error,
    `Cannot make a backbone of "${other}": it is mobilenetv3_small_050, expected one of`,
  );
  const folder = await runTask("convert", path, join(path, "out"), "--to", "detectron2");
  assertEquals(folder.code, 2);
  assertStringIncludes(folder.error, "name a file that ends in .pth");
});

pythonTest(
  "torchvision's Faster and Mask R-CNN take the backbone, which gives the features of timm's network",
  ["torchvision", "timm", "safetensors"],
  async (run) => {
    const path = Deno.makeTempDirSync();
    const make = `
import json, sys, timm, torch
from safetensors.torch import save_file
torch.manual_seed(0)
torch.set_num_threads(1)
network = timm.create_model("resnet50", num_classes=7)
for module in network.modules():
    if isinstance(module, torch.nn.BatchNorm2d):
        for tensor in (module.weight.data, module.running_var):
            tensor.uniform_(0.5, 1.5)
        for tensor in (module.bias.data, module.running_mean):
            tensor.uniform_(-0.2, 0.2)
state = {name: value for name, value in network.state_dict().items() if "num_batches" not in name}
save_file(state, sys.argv[1] + "/model.safetensors")
json.dump({"architecture": "resnet50", "num_classes": 7, "input_size": [3, 64, 64], "mean": [0.485, 0.456, 0.406],
           "std": [0.229, 0.224, 0.225], "interpolation": "bicubic"}, open(sys.argv[1] + "/config.json", "w"))
`;
    await run(make, path);
    for (const layout of ["torchvision", "detectron2"]) {
      const { code, error } = await runTask("convert", path, join(path, `${layout}.pth`), "--to", layout);
      assertEquals(code, 0, error);
    }
    const compare = `
import re, sys, timm, torch
from safetensors.torch import load_file
from torchvision.models.detection import FasterRCNN, MaskRCNN
from torchvision.models.detection.backbone_utils import resnet_fpn_backbone
from torchvision.ops.misc import FrozenBatchNorm2d
torch.set_num_threads(1)
network = timm.create_model("resnet50", num_classes=7)
network.load_state_dict(load_file(sys.argv[1] + "/model.safetensors"), strict=False)
network.eval()
state = torch.load(sys.argv[1] + "/torchvision.pth", weights_only=True)
picture = torch.rand(3, 64, 96)
mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
normal = (picture - torch.tensor(mean)[:, None, None]) / torch.tensor(std)[:, None, None]
with torch.no_grad():
    expected = network.forward_features(normal[None])
    for Detector in (FasterRCNN, MaskRCNN):
        for norm in (FrozenBatchNorm2d, torch.nn.BatchNorm2d):
            backbone = resnet_fpn_backbone(backbone_name="resnet50", weights=None, norm_layer=norm)
            backbone.body.load_state_dict(state)
            detector = Detector(backbone, num_classes=91, min_size=64, max_size=96).eval()
            images, _ = detector.transform([picture])
            found = detector.backbone.body(images.tensors)["3"][:, :, :expected.shape[2], :expected.shape[3]]
            print(float((found - expected).abs().max() / expected.abs().max()))
            assert set(detector([picture])[0]) >= {"boxes", "labels", "scores"}
    file = torch.load(sys.argv[1] + "/detectron2.pth", weights_only=True)
    assert file["matching_heuristics"] is True and file["__author__"]
    back = {}
    for name, value in file["model"].items():
        name = re.sub(r"^stem\\.", "", name)
        name = re.sub(r"^res(\\d)", lambda match: f"layer{int(match[1]) - 1}", name)
        name = re.sub(r"conv(\\d)\\.norm", r"bn\\1", name).replace("shortcut.norm", "downsample.1")
        back[name.replace("shortcut", "downsample.0")] = value
    turned = 255 * (picture.flip(0) - torch.tensor(mean[::-1])[:, None, None])
    missing, unexpected = network.load_state_dict(back, strict=False)
    assert not unexpected and all("fc." in name or "num_batches" in name for name in missing), (missing, unexpected)
    found = network.forward_features(turned[None])
    print(float((found - expected).abs().max() / expected.abs().max()))
`;
    const differences = (await run(compare, path)).split("\n").map(Number);
    assertEquals(differences.length, 5);
    for (const difference of differences) assertAlmostEquals(difference, 0, 2e-5);
    Deno.removeSync(path, { recursive: true });
  },
);
