/**
 * The classes of the cell that is pointed at.
 *
 * @module
 */

import type { MissingRule } from "../../../kernels/operations/label_pooling/pooling_options.ts";
import { Probability } from "./bars.tsx";
import { Live } from "./live.tsx";
import { type NameList, percent } from "./names.ts";
import { cellClasses } from "./pooled.ts";
import type { Cell } from "./stage.tsx";
import type { LabelMapBatch } from "../../../formats/base/label_map.ts";

/**
 * A list of classes for each map.
 *
 * @param props The cell by the first map's grid, the maps and what they are called, and how cells are pooled.
 */
export function CellPanel({ cell, maps, names, missing, temperature, classes }: {
  readonly cell: Cell | null;
  readonly maps: readonly LabelMapBatch[];
  readonly names: readonly string[];
  readonly missing: MissingRule;
  readonly temperature: number;
  readonly classes: NameList;
}) {
  const [height, width] = maps[0].grid;
  const lists = cell
    ? maps.map((map) => {
      const row = Math.floor((cell.row + 0.5) * map.grid[0] / height);
      const column = Math.floor((cell.column + 0.5) * map.grid[1] / width);
      return cellClasses(map, { row, column }, { missing, temperature });
    })
    : [];
  const where = cell ? `row ${cell.row + 1} of ${height}, column ${cell.column + 1} of ${width}` : "";
  const spoken = cell
    ? `Cell ${where}: ${
      lists.map((list, index) =>
        `${names[index]} ${
          list.slice(0, 2).map((entry) => `${classes.short(entry.class)} ${percent(entry.probability)}`).join(", ")
        }`.trim()
      ).join("; ")
    }`
    : "";
  return (
    <section class="panel cell-panel">
      <h2>Cell {cell && <small>{where}</small>}</h2>
      {cell
        ? (
          <div class="cell-lists">
            {lists.map((list, index) => (
              <ol class="classes" key={names[index]} aria-label={`Classes of the cell ${names[index]}`}>
                {names[index] && (
                  <li class="badge-line">
                    <b class="badge">{names[index]}</b>
                  </li>
                )}
                {list.map(({ class: id, probability }) => (
                  <li key={id}>
                    <span class="class-name" title={classes.short(id)}>{classes.short(id)}</span>
                    <Probability value={probability} name={classes.short(id)} />
                  </li>
                ))}
              </ol>
            ))}
          </div>
        )
        : <p class="hint">Point at the image, or go over its cells with the arrow keys.</p>}
      <Live text={spoken} />
    </section>
  );
}
