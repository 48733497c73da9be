import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { createLabelMapFile, dequantise, labelMapTypes } from "../formats/labels/mod.ts";
import { fixtureMetadata, fixtureRows } from "./formats/labels/fixture.ts";
import { PACKAGE, pythonTest } from "./python.ts";

for (const dtype of labelMapTypes) {
  pythonTest(`the Python package gives every value of ${dtype} maps`, ["pyarrow", "torchvision"], async (run) => {
    const folder = Deno.makeTempDirSync();
    const rows = fixtureRows(dtype).slice(0, 20);
    for (const part of [0, 1]) {
      const writer = createLabelMapFile(join(folder, `part-0000${part}.parquet`), fixtureMetadata(dtype));
      for (const row of rows.slice(part * 10, part * 10 + 10)) writer.append(row);
      writer.finish();
    }
    const { key, class: classes, score } = rows[15];
    const program = `${PACKAGE}import json
from relabel_maps import LabelMaps
maps = LabelMaps(".")
row = maps[15]
print(json.dumps([len(maps), row.key, list(row.classes.shape), row.classes.flatten().tolist(), row.score.float().flatten().tolist()]))`;
    const expected = [20, key, [5, 15, 15], [...classes], [...dequantise(score, dtype)]];
    assertEquals(JSON.parse(await run(program, folder)), expected);
  });
}
