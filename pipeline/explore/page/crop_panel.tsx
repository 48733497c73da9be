/**
 * The label of the crop, beside what the data set says and the label of the whole image.
 *
 * @module
 */

import { MISSING_RULES, MODES, TEMPERATURES, type View } from "./address.ts";
import { Probability } from "./bars.tsx";
import { type Box, randomBox } from "./crop_box.ts";
import type { Label } from "./given_label.tsx";
import { Live } from "./live.tsx";
import { type NameList, percent, points } from "./names.ts";
import { NumberField } from "./number_field.tsx";
import type { PooledLabels } from "./pooled.ts";

const WHOLE: Box = { top: 0, left: 0, height: 1, width: 1 };

/** Differences below this are 0.0 points as they are written. */
const LEAST = 0.0005;

/** A difference of at least a percentage point is worth a look. */
const NOTABLE = 0.01;

/**
 * The pooled label of the crop.
 *
 * @param props The view, the image's width over its height, the pooled labels, the class of the heat map, the image's
 * label, and what classes and maps are called.
 */
export function CropPanel({ view, aspect, pooled, heat, label, classes, names, onChange }: {
  readonly view: View;
  readonly aspect: number;
  readonly pooled: PooledLabels;
  readonly heat: number;
  readonly label: Label;
  readonly classes: NameList;
  readonly names: readonly string[];
  onChange(change: Partial<View>): void;
}) {
  const { box, mode, missing, temperature } = view;
  const { rows, difference } = pooled;
  const comparing = names.length > 1;
  const spoken = `Crop: ${
    names.map((name, index) =>
      `${name} ${
        [...rows].sort((a, b) => b.crop[index] - a.crop[index]).slice(0, 2)
          .map((row) =>
            `${classes.short(row.class)} ${percent(row.crop[index])}`
          ).join(", ")
      }`.trim()
    ).join("; ")
  }`;
  return (
    <section class="panel crop-panel" aria-labelledby="crop-title">
      <h2 id="crop-title">
        Label of the crop
        <small class="given-says">
          {label.name === null ? "the data set has no label for the image" : (
            <>
              the data set says <b>{label.name}</b>
              {label.class === null && ", which the annotator does not know"}
            </>
          )}
        </small>
      </h2>
      <div class="scroll">
        <table class={`pooled ${comparing ? "pooled-two" : ""}`}>
          <thead>
            {comparing && (
              <tr>
                <th rowSpan={2} scope="col">Class</th>
                <th colSpan={3} scope="colgroup">This crop</th>
                <th colSpan={2} scope="colgroup">Whole image</th>
              </tr>
            )}
            <tr>
              {!comparing && <th scope="col">Class</th>}
              {comparing
                ? (
                  <>
                    <th scope="col">
                      <b class="badge">A</b>
                    </th>
                    <th scope="col">
                      <b class="badge">B</b>
                    </th>
                    <th scope="col" class="points">B − A</th>
                    <th scope="col">
                      <b class="badge">A</b>
                    </th>
                    <th scope="col">
                      <b class="badge">B</b>
                    </th>
                  </>
                )
                : (
                  <>
                    <th scope="col">This crop</th>
                    <th scope="col" title="LabelPooling of the whole image as one crop">Whole image</th>
                  </>
                )}
            </tr>
          </thead>
          <tbody>
            {rows.map((row) => {
              const name = classes.short(row.class);
              const given = row.class === label.class;
              const gap = comparing ? row.crop[1] - row.crop[0] : 0;
              return (
                <tr key={row.class} class={given ? "is-given" : ""} data-class={row.class}>
                  <th scope="row">
                    <span class="given-class">
                      <button
                        type="button"
                        class="class-name"
                        aria-pressed={heat === row.class}
                        title={`Heat map of ${name}`}
                        onClick={() => onChange({ heat: row.class })}
                      >
                        {name}
                      </button>
                      {given && <span class="tag" title="The data set's label">given</span>}
                    </span>
                  </th>
                  {row.crop.map((value, index) => (
                    <td key={index} data-of="crop">
                      <Probability value={value} name={`${name} in the crop`} />
                    </td>
                  ))}
                  {comparing && <td class={`points ${Math.abs(gap) >= NOTABLE ? "notable" : ""}`}>{points(gap)}</td>}
                  {row.whole.map((value, index) => (
                    <td key={index} data-of="whole">
                      <Probability value={value} name={`${name} in the whole image`} />
                    </td>
                  ))}
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
      {difference && (
        <p class="hint">
          {Math.abs(difference.probability) < LEAST
            ? "The two labels of the crop differ by less than 0.1 points."
            : `The two labels of the crop differ most in ${classes.short(difference.class)}, by ${
              points(difference.probability)
            } points.`}
        </p>
      )}
      <Live text={spoken} />
      <div class="crop-controls">
        <output class="crop-numbers" aria-label="The crop in fractions of the image">
          top <b data-edge="top">{box.top.toFixed(3)}</b> left <b data-edge="left">{box.left.toFixed(3)}</b> height{" "}
          <b data-edge="height">{box.height.toFixed(3)}</b> width <b data-edge="width">{box.width.toFixed(3)}</b>
        </output>
        <span class="buttons">
          <button
            type="button"
            onClick={() => onChange({ box: randomBox(aspect, Math.random) })}
            title="A crop as training draws them: 8 to 100 % of the image"
          >
            Random
          </button>
          <button type="button" onClick={() => onChange({ box: WHOLE })}>Whole</button>
        </span>
      </div>
      <div class="pooling">
        <Choice id="mode" label="Pooling" value={mode} values={MODES} onChange={(mode) => onChange({ mode })} />
        <Choice
          id="missing"
          label="Missing classes"
          value={missing}
          values={MISSING_RULES}
          onChange={(missing) => onChange({ missing })}
        />
        <NumberField
          id="temperature"
          label="Temperature"
          value={temperature}
          range={TEMPERATURES}
          live
          onChange={(temperature) => onChange({ temperature })}
        />
      </div>
    </section>
  );
}

/** One of several values. */
function Choice<Value extends string>({ id, label, value, values, onChange }: {
  readonly id: string;
  readonly label: string;
  readonly value: Value;
  readonly values: readonly Value[];
  onChange(value: Value): void;
}) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value as Value)}>
        {values.map((choice) => <option key={choice} value={choice}>{choice}</option>)}
      </select>
    </div>
  );
}
