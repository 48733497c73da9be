import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { countKnown, describeKnown, readKnownWeights } from "../../../pipeline/model/known_annotators.ts";
import { FEATURES, withCounts } from "../../count_annotators.ts";
import { runTask } from "../task.ts";

const weights = await readKnownWeights();

Deno.test("FEATURES.md says how many of timm's weights load (deno task count writes it)", async () => {
  assert((await withCounts(await Deno.readTextFile(FEATURES))).isSame);
});

Deno.test("countKnown() counts names, whatever the sizes, and the best of them", () => {
  const { all, loaded, loadedOfBest } = countKnown(weights);
  assertEquals(all, 1266);
  assert(loaded >= 650 && loadedOfBest >= 75, `${loaded} load, ${loadedOfBest} of the best`);
  const few = [["a", true], ["b", false], ["a", true]] as const;
  assertEquals(countKnown(few.map(([name, loads]) => ({ name, loads, side: 1, real: 1 }))), {
    all: 2,
    loaded: 1,
    loadedOfBest: 1,
  });
});

Deno.test("describeKnown() builds all that load, at each size, with as many parameters as timm counts", async () => {
  const file = fromFileUrl(new URL("../../../assets/annotators/imagenet_real.csv", import.meta.url));
  const [, ...lines] = (await Deno.readTextFile(file)).trimEnd().split("\n");
  const millions = new Map(lines.map((line) => [line.split(",")[0], Number(line.split(",")[3])]));
  for (const known of weights.filter(({ loads }) => loads)) {
    const { parameters } = describeKnown(known);
    assertAlmostEquals(parameters / 1e6, millions.get(known.name)!, 0.00501, known.name);
  }
});

Deno.test("describeKnown() counts products as the papers do", () => {
  const billions = (name: string, side: number) => {
    const known = weights.find((known) => known.name === name && known.side === side)!;
    return describeKnown(known).multiplyAdds / 1e9;
  };
  // ResNet-50's, of torchvision; Dosovitskiy et al., table 1 of DeiT; Liu et al., 2021 and 2022.
  assertAlmostEquals(billions("resnet50.a1_in1k", 224), 4.09, 0.01);
  assertAlmostEquals(billions("vit_base_patch16_224.augreg_in21k_ft_in1k", 224), 17.6, 0.1);
  assertAlmostEquals(billions("swin_tiny_patch4_window7_224.ms_in1k", 224), 4.5, 0.05);
  assertAlmostEquals(billions("convnext_base.fb_in1k", 224), 15.4, 0.1);
});

Deno.test("deno task doctor --list-annotators lists what fits, the best first, and counts", async () => {
  const { code, out } = await runTask("doctor", "--list-annotators", "caformer_s36.*384");
  assertEquals(code, 0);
  const lines = out.trimEnd().split("\n");
  assertEquals(lines[0].trim(), "ReaL %  GMACs  params M  pixels  name, for --annotator hf:timm/NAME");
  const names = lines.slice(1, -2).map((line) => line.trim().split(/ +/));
  assertEquals(names.map(([, , , , name]) => name), [
    "caformer_s36.sail_in22k_ft_in1k_384",
    "caformer_s36.sail_in1k_384",
  ]);
  assertEquals(names[0].slice(0, 4), ["90.31", "26.0", "39.3", "384"]);
  assert(lines.at(-1)!.startsWith("2 annotators of 2 whose names fit; of all 1,266 that timm has for ImageNet, "));
  const none = await runTask("doctor", "--list-annotators", "no such network");
  assertEquals(none.code, 1);
  assert(none.out.startsWith("0 annotators of 0 whose names fit; "));
});
