/**
 * A tensor cut into windows, each an entry of the batch, and put together again: the windows of Swin, which may be shifted,
 * and the blocks and grids of MaxViT (timm's window_partition, grid_partition, and their reverses).
 *
 * Cutting rolls rows and columns up and left by the shift, pads height and width with zeros at the bottom and on the right
 * to multiples of the window, and cuts. With `ny` x `nx` windows of `h` x `w`, position (i, j) of window (a, b) has
 *
 * | spacing | row | column |
 * | --- | --- | --- |
 * | block | a h + i | b w + j |
 * | grid | i ny + a | j nx + b |
 *
 * of what was rolled and padded. Putting together is the inverse, and crops. Each is the other's gradient.
 *
 * @module
 */

import { type MovedShapes, type Movement, movementRule, type Place } from "../shared/movement.ts";
import type { AnyOperation } from "../shared/rule.ts";
import type { Pair } from "../shared/window.ts";

/** `[N, H, W, C]` to `[N * ny * nx, h, w, C]`, the windows of an image row-major; or back. */
export interface Windows extends AnyOperation {
  readonly type: "windows";
  readonly window: Pair;
  /** Rows and columns by which the image is rolled up and left before it is padded; none if left out. */
  readonly shift?: Pair;
  readonly spacing: "block" | "grid";
  readonly direction: "split" | "join";
  /** The tensor `[N, H, W, ...]` whose batch, height and width the output of a join has; it is not read. */
  readonly like?: string;
}

type Cut = Pick<Windows, "window" | "shift" | "spacing" | "direction">;

/** How many windows there are along both axes. */
function windowCounts([height, width]: Pair, window: Pair): Pair {
  return [Math.ceil(height / window[0]), Math.ceil(width / window[1])];
}

/** Height and width of the whole image. */
function imageOf({ direction }: Cut, { input, output }: MovedShapes): Pair {
  const [, height, width] = direction === "split" ? input : output;
  return [height, width];
}

function movementOf(cut: Cut, shapes: MovedShapes): Movement {
  const { window, shift = [0, 0], spacing, direction } = cut;
  const counts = windowCounts(imageOf(cut, shapes), window);
  const parameter = (name: string, [y, x]: Pair) => [{ name: `${name}Y`, value: y }, { name: `${name}X`, value: x }];
  const vectors = `  let window = vec2<u32>(parameters.windowY, parameters.windowX);
  let counts = vec2<u32>(parameters.countY, parameters.countX);
  let shift = vec2<u32>(parameters.shiftY, parameters.shiftX);`;
  const splitting = `${vectors}
  let size = vec2<u32>(parameters.inputHeight, parameters.inputWidth);
  let number = vec2<u32>(to.x / counts.y % counts.x, to.x % counts.y);
  let rolled = ${spacing === "block" ? "number * window + to.yz" : "to.yz * counts + number"};
  let place = select(rolled, (rolled + shift) % size, rolled < size);
  return vec4<u32>(to.x / (counts.x * counts.y), place, to.w);`;
  const joining = `${vectors}
  let size = vec2<u32>(parameters.height, parameters.width);
  let rolled = (to.yz + size - shift) % size;
  let number = rolled ${spacing === "block" ? "/ window" : "% counts"};
  let inside = rolled ${spacing === "block" ? "% window" : "/ counts"};
  return vec4<u32>((to.x * counts.x + number.x) * counts.y + number.y, inside, to.w);`;
  return {
    name: `${direction} windows ${spacing}`,
    ...shapes,
    wholeVectors: true,
    parameters: [...parameter("window", window), ...parameter("count", counts), ...parameter("shift", shift)],
    source: direction === "split" ? splitting : joining,
  };
}

/** {@linkcode movementOf} in TypeScript. */
function sourceOf(cut: Cut, shapes: MovedShapes): (to: Place) => Place {
  const { window, shift = [0, 0], spacing, direction } = cut;
  const image = imageOf(cut, shapes);
  const [countY, countX] = windowCounts(image, window);
  /** Row or column of the image, of position `inside` of window `number`. */
  const whole = (axis: 0 | 1, count: number, number: number, inside: number) => {
    const rolled = spacing === "block" ? number * window[axis] + inside : inside * count + number;
    return rolled < image[axis] ? (rolled + shift[axis]) % image[axis] : rolled;
  };
  if (direction === "split") {
    return ([batch, y, x, channel]) => {
      const [a, b] = [Math.floor(batch / countX) % countY, batch % countX];
      return [Math.floor(batch / (countY * countX)), whole(0, countY, a, y), whole(1, countX, b, x), channel];
    };
  }
  const part = (axis: 0 | 1, count: number, place: number) => {
    const size = window[axis];
    const rolled = (place + image[axis] - shift[axis]) % image[axis];
    return spacing === "block"
      ? [Math.floor(rolled / size), rolled % size]
      : [rolled % count, Math.floor(rolled / count)];
  };
  return ([entry, y, x, channel]) => {
    const [a, inRow] = part(0, countY, y);
    const [b, inColumn] = part(1, countX, x);
    return [(entry * countY + a) * countX + b, inRow, inColumn, channel];
  };
}

/** A tensor cut into windows, or put together. */
export const windows = movementRule<Windows>({
  type: "windows",
  outputShape({ input, window, direction, like }, shapeOf) {
    const [batch, height, width, channels] = shapeOf(input);
    if (direction === "split") {
      const [countY, countX] = windowCounts([height, width], window);
      return [batch * countY * countX, ...window, channels];
    }
    if (like === undefined) throw new TypeError(`Cannot join the windows of "${input}": the size is not stated`);
    const [images, ...size] = shapeOf(like);
    const [countY, countX] = windowCounts([size[0], size[1]], window);
    if (batch !== images * countY * countX || height !== window[0] || width !== window[1]) {
      throw new TypeError(
        `Cannot join ${batch} windows of ${height} x ${width} to [${
          [images, size[0], size[1], channels].join(", ")
        }]: ` +
          `that has ${images * countY * countX} of ${window.join(" x ")}`,
      );
    }
    return [images, size[0], size[1], channels];
  },
  forward: movementOf,
  backward: (cut, { input, output }) =>
    movementOf(
      { ...cut, direction: cut.direction === "split" ? "join" : "split" },
      { input: output, output: input },
    ),
  source: sourceOf,
});
