/**
 * Outlines as implicit functions: the distance to the outline, negative inside. Coordinates and distances are in radii of
 * the object, x to the right and y downwards, so that all shapes reach about as far as the unit circle.
 *
 * @module
 */

import type { Shape } from "./classes.ts";

/** Corners of a polygon in order, x and y in turn. */
type Polygon = readonly number[];

const OUTER = 0.92;
const RING_INNER = 0.46;
const CRESCENT = { inner: 0.64, offset: 0.42 } as const;

const POLYGONS = {
  bar: rectangle(1, 0.4),
  // deno-fmt-ignore
  plus: [
    0.98, 0.36, 0.36, 0.36, 0.36, 0.98, -0.36, 0.98, -0.36, 0.36, -0.98, 0.36,
    -0.98, -0.36, -0.36, -0.36, -0.36, -0.98, 0.36, -0.98, 0.36, -0.36, 0.98, -0.36,
  ],
  square: rectangle(0.76, 0.76),
  star: pointed(5, 1.1, 0.52),
  triangle: pointed(3, 1.15, 0.575),
} as const satisfies Partial<Record<Shape, Polygon>>;

/**
 * The distance of a point to a shape's outline.
 *
 * @param shape The shape.
 * @param x The point's distance to the right of the object's centre, in radii.
 * @param y The point's distance below the object's centre, in radii.
 * @returns The distance in radii, negative inside; for a crescent, outside near its tips, a lower bound.
 */
export function signedDistance(shape: Shape, x: number, y: number): number {
  switch (shape) {
    case "disk":
      return length(x, y) - OUTER;
    case "ring":
      return Math.abs(length(x, y) - (OUTER + RING_INNER) / 2) - (OUTER - RING_INNER) / 2;
    case "crescent":
      return Math.max(length(x, y) - OUTER, CRESCENT.inner - length(x - CRESCENT.offset, y));
    default:
      return polygonDistance(POLYGONS[shape], x, y);
  }
}

/** `Math.hypot` is many times slower. */
function length(x: number, y: number): number {
  return Math.sqrt(x * x + y * y);
}

function rectangle(halfWidth: number, halfHeight: number): Polygon {
  return [halfWidth, halfHeight, -halfWidth, halfHeight, -halfWidth, -halfHeight, halfWidth, -halfHeight];
}

/** A star; where the inner radius is that of the inscribed circle, a regular polygon. */
function pointed(points: number, outer: number, inner: number): Polygon {
  return Array.from({ length: 2 * points }, (_, corner) => {
    const angle = Math.PI * (corner / points - 0.5);
    const radius = corner % 2 === 0 ? outer : inner;
    return [radius * Math.cos(angle), radius * Math.sin(angle)];
  }).flat();
}

/** The distance to the nearest edge; inside is where a ray to the right crosses an odd number of edges. */
function polygonDistance(polygon: Polygon, x: number, y: number): number {
  let nearest = Infinity;
  let isInside = false;
  let [fromX, fromY] = [polygon[polygon.length - 2], polygon[polygon.length - 1]];
  for (let corner = 0; corner < polygon.length; corner += 2) {
    const toX = polygon[corner];
    const toY = polygon[corner + 1];
    const edgeX = toX - fromX;
    const edgeY = toY - fromY;
    const along = ((x - fromX) * edgeX + (y - fromY) * edgeY) / (edgeX * edgeX + edgeY * edgeY);
    const part = Math.min(Math.max(along, 0), 1);
    const awayX = x - fromX - part * edgeX;
    const awayY = y - fromY - part * edgeY;
    nearest = Math.min(nearest, awayX * awayX + awayY * awayY);
    if (fromY > y !== toY > y && x < fromX + (y - fromY) / edgeY * edgeX) isInside = !isInside;
    fromX = toX;
    fromY = toY;
  }
  return isInside ? -Math.sqrt(nearest) : Math.sqrt(nearest);
}
