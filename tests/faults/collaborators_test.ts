import { assertEquals, assertRejects } from "@std/assert";
import { join } from "@std/path";
import { type ImageSource, openImages } from "../../formats/images/mod.ts";
import { lockHeldSince } from "../../formats/base/lock.ts";
import type { LoadedAnnotator } from "../../pipeline/model/load_annotator.ts";
import { writeLabelMaps } from "../../pipeline/relabel/write_label_maps.ts";
import { hashingAnnotator, IMAGES_AT_FIRST, resultOf, writeImages } from "./flows.ts";

/** Of so many calls one is tried: a run starts a worker, which takes longer than all else. */
const STRIDE = 5;

/** Throws at one of its calls. */
function failingAt(fails: number): () => void {
  let call = 0;
  return () => {
    if (call++ === fails) throw new Error("Cannot be done");
  };
}

/** An annotator that fails when a step is started, or when it is read. */
function failingAnnotator(tick: () => void): LoadedAnnotator {
  const annotator = hashingAnnotator();
  return {
    ...annotator,
    async start(images) {
      tick();
      const read = await annotator.start(images);
      return () => {
        tick();
        return read();
      };
    },
  };
}

/** A source that fails at any image that it gives or lists. */
function failingSource(source: ImageSource, tick: () => void): ImageSource {
  async function* failing<Value>(values: AsyncIterable<Value>): AsyncGenerator<Value> {
    for await (const value of values) {
      tick();
      yield value;
    }
  }
  return {
    ...source,
    count() {
      tick();
      return source.count();
    },
    read: (range) => failing(source.read(range)),
    list: (range) => failing(source.list(range)),
  };
}

Deno.test("a relabel of which a call of source or annotator fails ends with that, holds nothing and goes on", async () => {
  const images = await openImages(writeImages(IMAGES_AT_FIRST));
  const options = { rowsPerFile: 3, workers: 1 };
  const whole = join(Deno.makeTempDirSync(), "out");
  await writeLabelMaps(whole, images, hashingAnnotator(), options);
  const expected = resultOf(whole);
  const kinds = {
    annotator: (tick: () => void) => [images, failingAnnotator(tick)] as const,
    source: (tick: () => void) => [failingSource(images, tick), hashingAnnotator()] as const,
  };
  for (const [kind, make] of Object.entries(kinds)) {
    let calls = 0;
    await writeLabelMaps(join(Deno.makeTempDirSync(), "out"), ...make(() => void calls++), options);
    const out = join(Deno.makeTempDirSync(), "out");
    for (let fails = 0; fails < calls; fails += STRIDE) {
      Deno.mkdirSync(out, { recursive: true });
      const [source, annotator] = make(failingAt(fails));
      await assertRejects(() => writeLabelMaps(out, source, annotator, options), Error, "Cannot be done");
      assertEquals(lockHeldSince(join(out, ".manifest.lock")), undefined);
      const names = Object.keys(resultOf(out));
      assertEquals(names.filter((name) => name.endsWith(".partial")), [], `${kind} ${fails}`);
      await writeLabelMaps(out, images, hashingAnnotator(), options);
      assertEquals(resultOf(out), expected, `${kind} ${fails} of ${calls}`);
      Deno.removeSync(out, { recursive: true });
    }
  }
});
