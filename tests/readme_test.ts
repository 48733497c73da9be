import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { createLabelMapFile, dequantise, labelMapTypes } from "../formats/labels/mod.ts";
import { fixtureMetadata, fixtureRows } from "./formats/labels/fixture.ts";
import { ROOT } from "./pipeline/task.ts";
import { pythonTest } from "./python.ts";

const [, DATASET] = Deno.readTextFileSync(join(ROOT, "README.md")).match(/^```python\n([\s\S]*?)^```$/m)!;

const PROGRAM = `${DATASET}
import sys
data = LabelMaps(sys.argv[1])
key, classes, scores = data[5]
loader = torch.utils.data.DataLoader(data, batch_size=7)
print(json.dumps([len(data), key, list(classes.shape), classes.flatten().tolist(), scores.flatten().tolist(),
  sum(len(keys) for keys, _, _ in loader)]))
`;

for (const dtype of labelMapTypes) {
  pythonTest(`the README's PyTorch dataset gives every value of ${dtype} maps`, ["pyarrow", "torch"], async (run) => {
    const folder = Deno.makeTempDirSync();
    const rows = fixtureRows(dtype).slice(0, 20);
    for (const part of [0, 1]) {
      const writer = createLabelMapFile(join(folder, `part-0000${part}.parquet`), fixtureMetadata(dtype));
      for (const row of rows.slice(part * 10, part * 10 + 10)) writer.append(row);
      writer.finish();
    }
    Deno.writeTextFileSync(join(folder, "manifest.json"), "{}");
    const { key, class: classes, score } = rows[5];
    const expected = [20, key, [5, 15, 15], [...classes], [...dequantise(score, dtype)], 20];
    assertEquals(JSON.parse(await run(PROGRAM, folder)), expected);
  });
}
