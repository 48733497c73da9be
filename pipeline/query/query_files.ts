/**
 * Which files a path stands for, where it is to be asked in SQL.
 *
 * @module
 */

import { calledAs } from "../command/called_as.ts";
import { basename, dirname } from "@std/path";
import { containerOf } from "../../formats/columns/container.ts";
import { withSubject } from "../../formats/base/files.ts";
import { findLabelMaps } from "../../formats/labels/label_map_paths.ts";
import { type FolderClasses, type Manifest, MANIFEST_NAME, manifestsIn } from "../../formats/labels/mod.ts";

/** Parquet files, and what their manifest calls the classes. */
export interface QueryFiles extends FolderClasses {
  /** Absolute paths, at least one. */
  readonly files: readonly string[];
  /** Whether a manifest says that the data set's classes have no names, so that its labels are numbers of classes. */
  readonly labelsAreClasses: boolean;
}

/**
 * Finds the files.
 *
 * @param path A folder, a file or a pattern, as `findLabelMaps` takes them.
 * @returns The files; the names are also those of the manifests beside them, if each is listed in one.
 * @throws {Deno.errors.NotFound} If there are none.
 * @throws {TypeError | RangeError} If a file is Arrow's, which DuckDB does not read by itself, a manifest is not valid, or
 * two name other classes.
 */
export function findQueryFiles(path: string): QueryFiles {
  const subject = `Cannot read label maps from "${path}"`;
  const found = findLabelMaps(path, subject);
  const arrow = found.files.find((file) => containerOf(file.path) === "arrow");
  if (arrow) {
    throw new TypeError(
      `Cannot ask "${path}" in SQL: DuckDB does not read Arrow files such as ${basename(arrow.path)}, ` +
        `convert them first: ${calledAs("convert")} "${path}" OUTPUT --to parquet`,
    );
  }
  const files = found.files.map(({ path }) => withSubject(subject, () => Deno.realPathSync(path)));
  const manifest = found.metadata ? found : commonManifest(files, subject);
  const { classes, dataSetClasses } = manifest ?? {};
  return { files, classes, dataSetClasses, labelsAreClasses: manifest !== undefined && !dataSetClasses };
}

/**
 * Refuses to write over what is read.
 *
 * @param path What is to be written.
 * @param files The label maps.
 * @throws {TypeError} If it is one of them, or a manifest beside them.
 */
export function checkOutput(path: string, files: readonly string[]): void {
  let real: string;
  try {
    real = Deno.realPathSync(path);
  } catch {
    // It is not there yet, or writing it will say why it cannot be.
    return;
  }
  const isManifest = MANIFEST_NAME.test(basename(real)) && files.some((file) => dirname(file) === dirname(real));
  if (files.includes(real) || isManifest) throw new TypeError(`Cannot write "${path}": it belongs to the label maps`);
}

/** What the manifests of some part files say, if each file belongs to one; files of a folder are taken to be alike. */
function commonManifest(files: readonly string[], subject: string): Manifest | undefined {
  const firsts = [...Map.groupBy(files, dirname).values()].map(([file]) => file);
  const manifests = firsts.map(manifestOf);
  const names = manifests.map((manifest) => manifest && JSON.stringify([manifest.classes, manifest.dataSetClasses]));
  const other = names.findIndex((found) => found !== undefined && names[0] !== undefined && found !== names[0]);
  if (other >= 0) {
    throw new TypeError(
      `${subject}: the manifests of "${dirname(firsts[0])}" and "${dirname(firsts[other])}" name other classes`,
    );
  }
  return manifests.includes(undefined) ? undefined : manifests[0];
}

/** The manifest that a part file belongs to. */
function manifestOf(file: string): Manifest | undefined {
  const folder = dirname(file);
  const manifests = manifestsIn(folder, `Cannot read label maps from "${folder}"`);
  return manifests.find(({ parts }) => parts.some((part) => part.file === basename(file)));
}
