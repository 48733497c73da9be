/**
 * Saving which images were picked.
 *
 * @module
 */

import { useState } from "preact/hooks";
import { formatCount, formatNumberOf } from "../../command/numbers.ts";
import { shellWord } from "../../command/shell_word.ts";
import type { Filter } from "./address.ts";
import { type Chosen, isInTheWay, messageOf, saveSelection, type Selection } from "./api.ts";
import type { Folders } from "../answers.ts";

/**
 * What is ticked, and the buttons that save it or all of the filter.
 *
 * @param props The ticked keys, the filter and how many it lets through, whether that is being found out,
 * and the folders.
 */
export function SelectionBar({ ticked, filter, total, busy, folders, onClear }: {
  readonly ticked: ReadonlySet<string>;
  readonly filter: Filter;
  readonly total: number;
  readonly busy: boolean;
  readonly folders: Folders;
  onClear(): void;
}) {
  const [saved, setSaved] = useState<Selection | null>(null);
  const [failure, setFailure] = useState("");
  /** What was to be written where there is a file. */
  const [inTheWay, setInTheWay] = useState<Chosen | null>(null);
  const [saving, setSaving] = useState(false);

  async function save(chosen: Chosen, overwrite = false) {
    setSaving(true);
    setFailure("");
    setSaved(null);
    setInTheWay(null);
    try {
      setSaved(await saveSelection(chosen, overwrite));
    } catch (error) {
      if (isInTheWay(error)) setInTheWay(chosen);
      setFailure(messageOf(error));
    } finally {
      setSaving(false);
    }
  }

  return (
    <div class="selection">
      <div class="buttons">
        {ticked.size > 0 && (
          <>
            <button type="button" class="main" disabled={saving} onClick={() => save({ keys: [...ticked] })}>
              Save {formatCount(ticked.size)} selected
            </button>
            <button type="button" class="quiet" onClick={onClear}>Deselect</button>
          </>
        )}
        <button type="button" disabled={saving || busy || total === 0} onClick={() => save({ filter })}>
          Save all {formatCount(total)}
        </button>
      </div>
      {failure && (
        <div class="failure" role="alert">
          <p>{failure}</p>
          {inTheWay && (
            <button type="button" disabled={saving} onClick={() => save(inTheWay, true)}>Replace the file</button>
          )}
        </div>
      )}
      {saved && <Saved saved={saved} folders={folders} onClose={() => setSaved(null)} />}
    </div>
  );
}

function Saved({ saved: { path, images }, folders, onClose }: {
  readonly saved: Selection;
  readonly folders: Folders;
  onClose(): void;
}) {
  const command = `deno task train ${shellWord(folders.images)} --maps ${shellWord(folders.folders[0].path)} --subset ${
    shellWord(path)
  }`;
  return (
    <div class="saved" role="status">
      <p>
        Wrote {formatNumberOf(images, "key")} to{" "}
        <span class="code" data-saved="path">{path}</span>. Train on these alone:
      </p>
      <p class="command">
        <code>{command}</code>
        <button type="button" onClick={() => navigator.clipboard.writeText(command)}>Copy</button>
      </p>
      <button type="button" class="quiet close" aria-label="Close" onClick={onClose}>×</button>
    </div>
  );
}
