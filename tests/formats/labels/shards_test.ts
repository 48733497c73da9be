import { assertEquals, assertThrows } from "@std/assert";
import { join } from "@std/path";
import { type FinishedPart, formatManifest, type Manifest } from "../../../formats/labels/mod.ts";
import { readManifestHead, shardCount, splitManifest } from "../../../formats/labels/shards.ts";
import { smallConfiguration } from "./fixture.ts";

function manifestOf(parts: number, classes?: readonly string[]): Manifest {
  const part = (part: number): FinishedPart => ({
    part,
    file: `part-${String(part).padStart(5, "0")}.parquet`,
    rows: 4,
    rejected: 0,
    bytes: 1000,
    sha256: "ab".repeat(32),
  });
  return {
    version: 1,
    configuration: smallConfiguration({ images: parts * 4, note: '"parts": []' }),
    shard: { index: 0, count: 1 },
    parts: Array.from({ length: parts }, (_, index) => part(index)),
    classes: classes && { name: classes },
  };
}

Deno.test("readManifestHead() gives all but the names of classes", () => {
  const path = join(Deno.makeTempDirSync(), "manifest.json");
  assertEquals(readManifestHead(path), undefined);
  const names = Array.from({ length: 12 }, (_, index) => `Ü${index}`.repeat(10_000));
  for (const parts of [0, 1, 3, 2000]) {
    for (const classes of [undefined, names]) {
      const { classes: _, ...head } = manifestOf(parts, classes);
      Deno.writeTextFileSync(path, formatManifest(manifestOf(parts, classes)));
      assertEquals(readManifestHead(path), head);
    }
  }
  Deno.writeTextFileSync(path, JSON.stringify(manifestOf(3, names)));
  assertEquals(readManifestHead(path), manifestOf(3, names), "written in another way");
  Deno.writeTextFileSync(path, formatManifest(manifestOf(3)).slice(0, 700));
  assertThrows(() => readManifestHead(path), TypeError, `Cannot read manifest "${path}": it is not JSON`);
});

Deno.test("splitManifest() loses nothing", () => {
  for (const parts of [0, 1, 5]) {
    const text = formatManifest(manifestOf(parts, Array.from({ length: 12 }, () => "class")));
    const { head, rest } = splitManifest(text)!;
    assertEquals(head.slice(0, -3) + rest, text);
  }
});

Deno.test("shardCount() goes by the names of manifests and locks", () => {
  assertEquals(shardCount(["part-00000.parquet", "manifest.json", ".manifest.lock"], "Cannot test"), undefined);
  assertEquals(shardCount([".manifest-00002-of-00016.lock", "manifest-00003-of-00016.json"], "Cannot test"), 16);
  assertThrows(
    () => shardCount(["manifest-00002-of-00016.json", "manifest-00003-of-00004.json"], "Cannot test"),
    TypeError,
    "Cannot test: it holds manifests of 4 and of 16 shards",
  );
});
