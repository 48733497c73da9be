/**
 * Manifests: the parts that they list are whole, and stay what they are, so that a row of the folder is one that was
 * written, and there but once.
 *
 * @module
 */

import { equal } from "@std/assert";
import { basename, dirname, join } from "@std/path";
import { type ClassNames, createSourceHash, openLabelMapFolder, readManifests } from "../../../formats/labels/mod.ts";
import { smallConfiguration, smallMetadata, smallRow } from "../../formats/labels/fixture.ts";
import { mutateJson } from "../json_mutations.ts";
import { promise, type Sample, type Target } from "../sample.ts";
import { readLabelMaps } from "./label_maps.ts";

const METADATA = smallMetadata();
const IMAGES = 18;
const CLASSES: ClassNames = {
  wnid: Array.from({ length: METADATA.classes }, (_, index) => `n0000000${index}`),
  name: Array.from({ length: METADATA.classes }, (_, index) => `class ${index}, or "${index}"`),
};

const FOLDER = writeFolder();

/** Manifests of label-map folders. */
export const manifest: Target = {
  samples() {
    const text = new TextDecoder().decode(FOLDER["manifest.json"]);
    const lines = [...text.matchAll(/[^\n]+/g)].map(({ index, 0: line }) => ({
      name: line.slice(0, 12),
      start: index,
      end: index + line.length,
    }));
    return [
      {
        name: "manifest.json",
        bytes: FOLDER["manifest.json"],
        regions: lines,
        rewrites: [(random) => {
          const { text: changed, what } = mutateJson(text, random);
          return { bytes: new TextEncoder().encode(changed), what };
        }],
      } satisfies Sample,
    ];
  },
  beside: FOLDER,
  async read(path) {
    const folder = dirname(path);
    const content = await readLabelMaps(folder);
    const [{ classes, dataSetClasses }] = readManifests(folder);
    const written = new Map(Array.from({ length: IMAGES }, (_, index) => {
      const row = smallRow(index, METADATA);
      return [row.key, row];
    }));
    for (const row of content.rows) {
      promise(equal(row, written.get(row.key)), `row "${row.key}" is not as it was written, or there twice`);
      written.delete(row.key);
    }
    promise(equal(content.metadata, METADATA), "the metadata is not that of the parts");
    checkNames(classes, METADATA.classes);
    checkNames(dataSetClasses);
    return { ...content, classes, dataSetClasses };
  },
};

function checkNames(names: ClassNames | undefined, length?: number): void {
  if (names === undefined) return;
  const isList = (list: unknown) =>
    Array.isArray(list) && list.length === (length ?? names.name.length) &&
    list.every((name) => typeof name === "string");
  promise(isList(names.name), "the names of the classes are not a text each");
  promise(names.wnid === undefined || isList(names.wnid), "the identifiers of the classes are not a text each");
}

/** The files of a folder by name. */
function writeFolder(): Record<string, Uint8Array<ArrayBuffer>> {
  const path = Deno.makeTempDirSync();
  try {
    const folder = openLabelMapFolder(path, smallConfiguration({ metadata: METADATA, images: IMAGES }), {
      classes: CLASSES,
      dataSetClasses: { name: ["cat", "dog"] },
    });
    for (let part = 0; part * 4 < IMAGES; part++) {
      const writer = folder.startPart(part);
      const hash = createSourceHash();
      for (let index = part * 4; index < Math.min(part * 4 + 4, IMAGES); index++) {
        const row = smallRow(index, METADATA);
        writer.append(row);
        hash.add({ ...row, bytes: index });
      }
      writer.finish(hash.digest());
    }
    folder.close();
    const names = [...Deno.readDirSync(path)].map(({ name }) => basename(name));
    return Object.fromEntries(names.map((name) => [name, Deno.readFileSync(join(path, name))]));
  } finally {
    Deno.removeSync(path, { recursive: true });
  }
}
