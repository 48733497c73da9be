/**
 * Tensors in memory, as weights are read and written and as a training's state is.
 *
 * @module
 */

/** A tensor of float32. */
export interface TensorData {
  readonly shape: readonly number[];
  /** Row-major. */
  readonly data: Float32Array<ArrayBuffer>;
}
