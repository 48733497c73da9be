/**
 * Long work that only awaits what is there already never lets an event in: no signal is heard, no timer fires.
 *
 * @module
 */

/** Milliseconds of work between two turns. */
const TURN = 50;

let lastTurn = 0;

/** Lets waiting events in, if that was not done lately: to be awaited in every loop that may be long. */
export async function letEventsIn(): Promise<void> {
  if (performance.now() - lastTurn < TURN) return;
  await new Promise((resolve) => setTimeout(resolve));
  lastTurn = performance.now();
}
