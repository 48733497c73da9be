/**
 * What the data set says of an image, and whether the annotator agrees.
 *
 * @module
 */

/** A label of the data set. */
export interface Label {
  /** Its name, null if the image has none. */
  readonly name: string | null;
  /** The annotator's class that it is, null if it has none. */
  readonly class: number | null;
}

/** Of a label's number, null for an image without one. */
export type LabelOf = (label: number | null) => Label;

/**
 * A label, and how much the annotator believes it.
 *
 * @param props The label, the annotator's best class, and the score of the label's, null if unknown.
 */
export function GivenLabel({ name, class: index, best, confidence }: Label & {
  readonly best: number | null;
  readonly confidence: number | null;
}) {
  if (name === null) return <p class="given given-unknown">no label</p>;
  const agreement = index === null ? "unknown" : index === best ? "best" : "other";
  const said = {
    unknown: "a class that the annotator does not know",
    best: "the annotator's best class",
    other: "not the annotator's best class",
  }[agreement];
  return (
    <p class={`given given-${agreement}`} title={`Labelled ${name}: ${said}`}>
      <span class="sign" aria-hidden="true">{{ unknown: "?", best: "✓", other: "✗" }[agreement]}</span>
      <span class="given-name">{name}</span>
      <span class="hidden">({said})</span>
      {confidence !== null && <span class="number">{confidence.toFixed(2)}</span>}
    </p>
  );
}
