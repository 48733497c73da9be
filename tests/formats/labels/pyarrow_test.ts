import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import {
  containers,
  createLabelMapFile,
  dequantise,
  type LabelMapMetadata,
  type LabelMapRow,
  labelMapTypes,
} from "../../../formats/labels/mod.ts";
import { pythonTest, type RunPython } from "../../python.ts";
import { fixtureMetadata, fixtureRows, smallMetadata, smallRow } from "./fixture.ts";

/** Prints what pyarrow finds in a file: types, metadata and rows. */
const PROGRAM = `
import json, sys
import pyarrow as pa, pyarrow.parquet as pq
path = sys.argv[1]
table = pa.ipc.open_file(path).read_all() if path.endswith(".arrow") else pq.read_table(path)
table.validate(full=True)
types = {field.name: str(field.type) + ("" if field.nullable else " not null") for field in table.schema}
for column in table.column_names:
    if "halffloat" in types[column]:
        rows = [[float(value) for value in row] for row in table[column].to_pylist()]
        table = table.set_column(table.column_names.index(column), column, pa.array(rows))
metadata = json.loads(table.schema.metadata[b"relabel"])
print(json.dumps({"types": types, "metadata": metadata, "rows": table.to_pylist()}))
`;

/** Writes rows, and gives what pyarrow reads. */
async function readWithPython(
  run: RunPython,
  container: string,
  rows: readonly LabelMapRow[],
  metadata: LabelMapMetadata,
) {
  const path = join(Deno.makeTempDirSync(), `part-00000.${container}`);
  const writer = createLabelMapFile(path, metadata);
  for (const row of rows) writer.append(row);
  writer.finish();
  return JSON.parse(await run(PROGRAM, path));
}

function plainRow(row: LabelMapRow, { dtype }: LabelMapMetadata) {
  return {
    key: row.key,
    label: row.label,
    width: row.width,
    height: row.height,
    class: [...row.class],
    score: [...(dtype.startsWith("fp8") ? row.score : dequantise(row.score, dtype))],
    top_class: [...row.topClass],
    top_probability: [...row.topProbability],
  };
}

const SCORE_TYPES = { fp32: "float", fp16: "halffloat", fp8_e4m3: "uint8", fp8_e5m2: "uint8" } as const;

for (const container of containers) {
  for (const dtype of labelMapTypes) {
    const name = `pyarrow reads types, metadata and every value of ${dtype} maps in ${container} files`;
    pythonTest(name, ["pyarrow"], async (run) => {
      const metadata = fixtureMetadata(dtype);
      const rows = fixtureRows(dtype).slice(0, 12);
      assertEquals(await readWithPython(run, container, rows, metadata), {
        types: {
          key: "string not null",
          label: "int32",
          width: "int32 not null",
          height: "int32 not null",
          class: "fixed_size_list<element: uint16 not null>[1125] not null",
          score: `fixed_size_list<element: ${SCORE_TYPES[dtype]} not null>[1125] not null`,
          top_class: "list<element: uint16 not null> not null",
          top_probability: "list<element: float not null> not null",
        },
        metadata,
        rows: rows.map((row) => plainRow(row, metadata)),
      });
    });
  }

  const name = `pyarrow reads null labels, 32-bit classes and several groups of rows in ${container} files`;
  pythonTest(name, ["pyarrow"], async (run) => {
    const metadata = smallMetadata({ classes: 100_000, grid: [64, 64] });
    const rows = Array.from({ length: 50 }, (_, index) => smallRow(index, metadata));
    const { types, rows: found } = await readWithPython(run, container, rows, metadata);
    assertEquals(types.class, "fixed_size_list<element: uint32 not null>[12288] not null");
    assertEquals(found, rows.map((row) => plainRow(row, metadata)));
  });
}
