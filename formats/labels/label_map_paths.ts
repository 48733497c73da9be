/**
 * Which files a path of label maps means.
 *
 * @module
 */

import { globToRegExp, isGlob, join } from "@std/path";
import { expandBraces } from "../base/brace_pattern.ts";
import { compareNatural } from "../base/natural_sort.ts";
import { ifThere, namesIn, withSubject } from "../base/files.ts";
import { type ClassNames, differences, type Manifest, MANIFEST_NAME, readManifests } from "./manifest.ts";

/** Files of label maps, in order. */
export interface LabelMapPaths {
  readonly files: readonly { readonly path: string; readonly rows?: number }[];
  /** What a manifest says that all files hold. */
  readonly metadata?: Manifest["configuration"]["metadata"];
  /** The annotator's classes, where a manifest names them. */
  readonly classes?: ClassNames;
  /** The data set's own classes, where a manifest names them. */
  readonly dataSetClasses?: ClassNames;
}

/**
 * Finds the files of a path.
 *
 * @param path A file; a folder: the finished parts of its manifests, or all its Parquet and Arrow files where it has none;
 * or a pattern with `*`, `?`, `[...]` or `{...}`, where no file or folder has that very name. Without a manifest files are
 * in natural order.
 * @param subject How messages start: `Cannot read label maps from "labels"`.
 * @returns The files, at least one.
 * @throws {Deno.errors.NotFound} If there is none.
 * @throws {TypeError | RangeError} If a manifest is not valid, or two name different classes.
 */
export function findLabelMaps(path: string, subject: string): LabelMapPaths {
  const kind = kindOf(path, subject);
  if (kind === "folder") return readFolder(path, subject);
  if (kind === "file" || !isGlob(path)) return { files: [{ path }] };
  const { folder, pattern } = splitPattern(path, subject);
  const names = expandBraces(pattern).flatMap((pattern) =>
    isGlob(pattern) ? matchingFiles(folder, pattern, subject) : [join(folder, pattern)]
  );
  if (names.length === 0) throw new Deno.errors.NotFound(`${subject}: no file matches`);
  return { files: [...new Set(names)].sort(compareNatural).map((path) => ({ path })) };
}

/** The folders that a pattern begins with, which are there by these very names, and the pattern of what is in them. */
function splitPattern(path: string, subject: string): { readonly folder: string; readonly pattern: string } {
  const parts = path.split("/");
  const folderOf = (length: number) => parts.slice(0, length).join("/") || (path.startsWith("/") ? "/" : ".");
  let length = 0;
  while (kindOf(folderOf(length + 1), subject) === "folder") length++;
  return { folder: folderOf(length), pattern: parts.slice(length).join("/") };
}

/** The files that a pattern names: folder by folder, each part of it matched with the names there. */
function matchingFiles(folder: string, pattern: string, subject: string): string[] {
  let paths = [folder];
  const parts = pattern.split("/").filter((part) => part !== "");
  parts.forEach((part, depth) => {
    const isLast = depth === parts.length - 1;
    const matches = isGlob(part) ? globToRegExp(part, { globstar: false }) : undefined;
    paths = paths.flatMap((path) => {
      const names = matches ? namesIn(path, subject).filter((name) => matches.test(name)) : [part];
      return names.map((name) => join(path, name)).filter((path) =>
        kindOf(path, subject) === (isLast ? "file" : "folder")
      );
    });
  });
  return paths;
}

function kindOf(path: string, subject: string): "folder" | "file" | undefined {
  const info = withSubject(subject, () => ifThere(() => Deno.statSync(path)));
  return info && (info.isDirectory ? "folder" : "file");
}

function readFolder(path: string, subject: string): LabelMapPaths {
  const names = namesIn(path, subject);
  if (names.some((name) => MANIFEST_NAME.test(name))) return readParts(path, subject);
  const files = names.filter((name) => /\.(parquet|arrow)$/.test(name)).sort(compareNatural);
  if (files.length === 0) {
    throw new Deno.errors.NotFound(`${subject}: it holds no manifest.json and no Parquet or Arrow files`);
  }
  return { files: files.map((name) => ({ path: join(path, name) })) };
}

function readParts(path: string, subject: string): LabelMapPaths {
  const manifests = readManifests(path);
  const [{ classes, dataSetClasses, configuration }] = manifests;
  for (const other of manifests) {
    const found = differences(
      { metadata: configuration.metadata, classes, dataSetClasses },
      { metadata: other.configuration.metadata, classes: other.classes, dataSetClasses: other.dataSetClasses },
    );
    if (found.length > 0) throw new TypeError(`${subject}: its manifests are not of one data set: ${found.join("; ")}`);
  }
  const parts = manifests.flatMap(({ parts }) => parts).sort((a, b) => a.part - b.part);
  if (parts.length === 0) throw new Deno.errors.NotFound(`${subject}: no part is finished yet`);
  const files = parts.map(({ file, rows }) => ({ path: join(path, file), rows }));
  return { files, metadata: configuration.metadata, classes, dataSetClasses };
}
