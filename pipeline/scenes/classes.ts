/**
 * What scenes show: eight shapes, each plain or striped.
 *
 * @module
 */

/** The shapes, in alphabetical order. */
export const shapes = ["bar", "crescent", "disk", "plus", "ring", "square", "star", "triangle"] as const;

/** What an object's outline is. */
export type Shape = typeof shapes[number];

/** A class of objects. */
export interface SceneClass {
  /** `disk_striped`. */
  readonly name: string;
  readonly shape: Shape;
  readonly isStriped: boolean;
}

/** The classes by index: in the order of class folders, so that a folder's labels are these indices. */
export const sceneClasses: readonly SceneClass[] = shapes.flatMap((shape) => [
  { name: `${shape}_plain`, shape, isStriped: false },
  { name: `${shape}_striped`, shape, isStriped: true },
]);
