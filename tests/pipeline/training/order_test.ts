import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { epochsOf, trainingOrder } from "../../../pipeline/training/order.ts";

const take = (order: ReturnType<typeof trainingOrder>, epoch: number, count: number) =>
  Array.from({ length: count }, (_, position) => order.at(epoch, position));

Deno.test("trainingOrder() takes each image once an epoch, in an order of the seed and the epoch", () => {
  const order = trainingOrder({ images: 10, batch: 3, accumulate: 1, seed: 4 });
  assertEquals(order.steps, 3);
  const epochs = [0, 1, 2].map((epoch) => take(order, epoch, 10));
  for (const epoch of epochs) assertEquals(epoch.toSorted((a, b) => a - b), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assertNotEquals(epochs[0], epochs[1]);
  // In any order of asking.
  assertEquals([2, 0, 1].map((epoch) => take(order, epoch, 10)), [epochs[2], epochs[0], epochs[1]]);
  const again = trainingOrder({ images: 10, batch: 5, accumulate: 2, seed: 4 });
  assertEquals(take(again, 1, 10), epochs[1]);
  assertNotEquals(take(trainingOrder({ images: 10, batch: 3, accumulate: 1, seed: 5 }), 0, 10), epochs[0]);
});

Deno.test("trainingOrder() begins anew past the end of an epoch", () => {
  const order = trainingOrder({ images: 4, batch: 4, accumulate: 1, seed: 0 });
  assertEquals(order.at(3, 5), order.at(3, 1));
});

Deno.test("trainingOrder() makes whole updates of whole batches", () => {
  assertEquals(trainingOrder({ images: 50, batch: 4, accumulate: 5, seed: 0 }).steps, 10);
  const cases: [number, number, string][] = [
    [4, 1, "Cannot train: 3 images are fewer than a batch of 4"],
    [1, 5, "Cannot train: 3 images are fewer than 5 batches of 1"],
  ];
  for (const [batch, accumulate, message] of cases) {
    assertThrows(() => trainingOrder({ images: 3, batch, accumulate, seed: 0 }), RangeError, message);
  }
});

Deno.test("trainingOrder() and epochsOf() end in the middle of an epoch where updates are counted", () => {
  const order = trainingOrder({ images: 50, batch: 4, accumulate: 3, seed: 0, updates: 10 });
  assertEquals([order.steps, ...[0, 1, 2].map(order.stepsIn)], [12, 12, 12, 6]);
  const settings = { batch: 4, accumulate: 3, epochs: 9 };
  assertEquals([8, 9, 10, undefined].map((steps) => epochsOf({ ...settings, steps }, 50)), [2, 3, 3, 9]);
  // What is fewer than an update is refused where the order is made.
  assertEquals(epochsOf({ ...settings, steps: 2 }, 3), 2);
});
