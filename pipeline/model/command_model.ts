/**
 * The model that a command works with.
 *
 * @module
 */

import type { ClassNames } from "../../formats/labels/mod.ts";
import { readClassNames } from "./class_names.ts";
import type { DownloadWatch } from "./model.ts";
import type { Progress } from "../command/progress.ts";
import { SAMPLE_ANNOTATOR } from "../command/sample_images.ts";

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
  const loaded = await load(model ?? SAMPLE_ANNOTATOR, {
    classNames: classes === undefined ? undefined : await readClassNames(classes),
    onDownload: quiet ? undefined : progress.download,
    onWarning: progress.print,
  });
  progress.end();
  return loaded;
}
