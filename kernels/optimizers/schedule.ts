/**
 * Learning rates over time, as plain functions of it. Time is counted in epochs or in updates, whichever unit the options
 * are in: for a rate that changes every update, give all durations in updates.
 *
 * While t < warmup the rate rises on a line from `warmupStart` at t = 0 towards `base`, which it would reach at
 * t = warmup. Unless `warmupFirst`, the schedule counts from t = 0 too, so that the warm-up replaces its beginning, and
 * the rate steps at t = warmup from the line onto the curve; with it the schedule begins after the warm-up.
 *
 * (timm, `scheduler/cosine_lr.py` and `step_lr.py`, whose `warmup_prefix` is `warmupFirst`.)
 *
 * @module
 */

/** Linear warm-up. */
export interface Warmup {
  /** How long, 0 for none. */
  readonly warmup: number;
  /** The rate at t = 0. */
  readonly warmupStart: number;
  /** Whether the schedule proper begins after the warm-up, rather than with it. */
  readonly warmupFirst: boolean;
}

/** Options of {@linkcode cosineRate}. */
export interface CosineSchedule extends Warmup {
  /** The rate the curve starts from. */
  readonly base: number;
  /** The rate it ends with, and which stays. */
  readonly least: number;
  /** How long the curve is; the warm-up not counted if that comes first. */
  readonly duration: number;
}

/** Options of {@linkcode stepRate}. */
export interface StepSchedule extends Warmup {
  readonly base: number;
  /** Time between two falls. */
  readonly every: number;
  /** What the rate is multiplied by at each. */
  readonly factor: number;
}

/**
 * The cosine schedule: least + (base - least) (1 + cos(pi t / duration)) / 2.
 *
 * (Loshchilov and Hutter, "SGDR", 2017, equation 5, one cycle.)
 *
 * @param time t, in the unit of the options.
 * @param schedule The options.
 * @returns The learning rate.
 */
export function cosineRate(time: number, schedule: CosineSchedule): number {
  const { base, least, duration } = schedule;
  if (time < schedule.warmup) return warmupRate(time, base, schedule);
  const elapsed = scheduleTime(time, schedule);
  if (elapsed >= duration) return least;
  return least + 0.5 * (base - least) * (1 + Math.cos(Math.PI * elapsed / duration));
}

/**
 * Step decay: base * factor^floor(t / every).
 *
 * @param time t, in the unit of the options.
 * @param schedule The options.
 * @returns The learning rate.
 */
export function stepRate(time: number, schedule: StepSchedule): number {
  const { base, every, factor } = schedule;
  if (time < schedule.warmup) return warmupRate(time, base, schedule);
  return base * factor ** Math.floor(scheduleTime(time, schedule) / every);
}

function warmupRate(time: number, base: number, { warmup, warmupStart }: Warmup): number {
  return warmupStart + time * (base - warmupStart) / warmup;
}

function scheduleTime(time: number, { warmup, warmupFirst }: Warmup): number {
  return warmupFirst ? time - warmup : time;
}
