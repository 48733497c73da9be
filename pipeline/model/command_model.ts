/**
 * The model that a command works with.
 *
 * @module
 */

import { fromFileUrl } from "@std/path";
import type { ClassNames } from "../../formats/labels/mod.ts";
import { readClassNames } from "./class_names.ts";
import type { DownloadWatch } from "./model.ts";
import type { Progress } from "../command/progress.ts";

/** What works when no model is named, wherever the command is called from. */
const SAMPLE_MODEL = fromFileUrl(new URL("../../assets/efficientnet_lite0", import.meta.url));

/**
 * Loads the model of a command, showing a download while it lasts.
 *
 * @param command `model`: its name, or those of several, the sample's by default; `classes`: a file of names of its classes; `quiet`: shows
 * only warnings.
 * @param progress Where downloads and warnings are shown.
 * @param load Loads it, with the names of its classes and whom to tell of a download.
 * @returns What was loaded.
 * @throws {Error} If it cannot be loaded.
 */
export async function loadCommandModel<Model, Reference extends string | readonly string[] = string>(
  { model, classes, quiet }: { model?: Reference; classes?: string; quiet: boolean },
  progress: Progress,
  load: (
    reference: Reference | string,
    settings: DownloadWatch & { readonly classNames?: ClassNames },
  ) => Promise<Model>,
): Promise<Model> {
  const loaded = await load(model ?? SAMPLE_MODEL, {
    classNames: classes === undefined ? undefined : await readClassNames(classes),
    onDownload: quiet ? undefined : progress.download,
    onWarning: progress.print,
  });
  progress.end();
  return loaded;
}
