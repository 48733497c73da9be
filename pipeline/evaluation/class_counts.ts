/**
 * Counts of all images and of the images of each class, which several processes can add up.
 *
 * @module
 */

/** What was counted, as JSON can hold it: of all images, and of each class that an image was of. */
export interface ClassSums<Name extends string> {
  readonly all: Readonly<Record<Name, number>>;
  readonly classes: readonly (readonly [label: number, counts: Readonly<Record<Name, number>>])[];
}

/** Counts under names of their own. */
export interface ClassCounts<Name extends string> {
  /** Counts of all images. */
  readonly all: Readonly<Record<Name, number>>;
  /** Counts of each class that an image was of, by the classes' indices, ascending. */
  classes(): readonly (readonly [label: number, counts: Readonly<Record<Name, number>>])[];
  /** Counts an image, and in its class where that is said. */
  add(image: Partial<Readonly<Record<Name, number>>>, label?: number): void;
  /** What was counted so far. */
  sums(): ClassSums<Name>;
  /** Adds what was counted elsewhere. */
  merge(sums: ClassSums<Name>): void;
}

/**
 * Makes counts.
 *
 * @param names What is counted.
 * @returns The counts, all 0.
 */
export function createClassCounts<Name extends string>(...names: readonly Name[]): ClassCounts<Name> {
  const zeros = () => Object.fromEntries(names.map((name) => [name, 0])) as Record<Name, number>;
  const all = zeros();
  const ofClasses = new Map<number, Record<Name, number>>();
  const addTo = (counts: Record<Name, number>, more: Partial<Record<Name, number>>) => {
    for (const name of names) counts[name] += more[name] ?? 0;
  };
  const addToClass = (label: number, more: Partial<Record<Name, number>>) => {
    const counts = ofClasses.get(label) ?? zeros();
    ofClasses.set(label, counts);
    addTo(counts, more);
  };
  const classes = () => [...ofClasses].sort(([a], [b]) => a - b);
  return {
    all,
    classes,
    add(image, label) {
      addTo(all, image);
      if (label !== undefined) addToClass(label, image);
    },
    sums: () => ({ all, classes: classes() }),
    merge(sums) {
      addTo(all, sums.all);
      for (const [label, counts] of sums.classes) addToClass(label, counts);
    },
  };
}
