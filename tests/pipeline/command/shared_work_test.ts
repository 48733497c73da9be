import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { UsageError } from "../../../pipeline/command/command_line.ts";
import {
  broadcastValue,
  gatherValues,
  inTurns,
  joinNumbers,
  onAnyRank,
  SharedFailure,
  SharedStop,
  shareOf,
  together,
  togetherAtLength,
} from "../../../pipeline/command/shared_work.ts";
import { runSimulated } from "./simulated_ranks.ts";

/** What functions that all ranks succeeded in came to. */
async function valuesOf<Result>(results: Promise<PromiseSettledResult<Result>[]>): Promise<Result[]> {
  return (await results).map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

Deno.test("together() fails on all ranks if one fails, and the lowest of them has the error to tell", async () => {
  const results = await runSimulated(4, (ranks) =>
    together(ranks, () => {
      if (ranks.rank === 3) throw new UsageError("of rank 3");
      if (ranks.rank === 1) throw new Error("of rank 1");
    }));
  const failures = results.map((result) => (result as PromiseRejectedResult).reason);
  for (const failure of failures) {
    assertInstanceOf(failure, SharedFailure);
    assertEquals(failure.code, 2);
  }
  assertEquals(failures.map(({ cause }) => cause?.message), [undefined, "of rank 1", undefined, undefined]);
});

Deno.test("together() does not agree again on what all ranks know", async () => {
  const results = await runSimulated(2, (ranks) =>
    together(ranks, () =>
      together(ranks, () => {
        if (ranks.rank === 1) throw new Error("no room");
      })));
  assertEquals(results.map((result) => (result as PromiseRejectedResult).reason.cause?.message), [
    undefined,
    "no room",
  ]);
});

Deno.test("together() stops all ranks if a signal reached one, and gives results if nothing happened", async () => {
  const controller = new AbortController();
  controller.abort();
  const stopped = await runSimulated(3, (ranks) => {
    const signal = ranks.rank === 2 ? controller.signal : new AbortController().signal;
    return together(ranks, () => signal.throwIfAborted(), signal);
  });
  for (const result of stopped) assertInstanceOf((result as PromiseRejectedResult).reason, SharedStop);
  const [none, one] = [undefined, runSimulated(2, (ranks) => together(ranks, () => 10 + ranks.rank))];
  assertEquals(await valuesOf(one), [10, 11]);
  assertEquals(await together(none, () => 7), 7);
});

Deno.test("inTurns() lets rank 0 begin, then one rank of each machine, then the others", async () => {
  const order: number[] = [];
  const results = await valuesOf(runSimulated(6, (ranks) =>
    inTurns(ranks, () => {
      order.push(ranks.rank);
      return Promise.resolve(ranks.rank);
    }), 3));
  assertEquals(results, [0, 1, 2, 3, 4, 5]);
  assertEquals(order, [0, 3, 1, 2, 4, 5]);
});

Deno.test("onAnyRank(), joinNumbers(), broadcastValue() and gatherValues() bring together what ranks have", async () => {
  const found = await valuesOf(runSimulated(3, async (ranks) => ({
    conditions: await onAnyRank(ranks, [ranks.rank === 1, false]),
    numbers: [...await joinNumbers(ranks, 4, [[ranks.rank, 2 ** 32 - 1 - ranks.rank]])],
    value: await broadcastValue(ranks, ranks.rank === 0 ? { epoch: 3, loss: 0.1 + 0.2 } : undefined),
    nothing: await broadcastValue(ranks, undefined),
    all: await gatherValues(ranks, "x".repeat(ranks.rank)),
  })));
  found.forEach((of, rank) => {
    assertEquals(of.conditions, [true, false]);
    assertEquals(of.numbers, [2 ** 32 - 1, 2 ** 32 - 2, 2 ** 32 - 3, 0]);
    assertEquals([of.value, of.nothing], [{ epoch: 3, loss: 0.1 + 0.2 }, undefined]);
    assertEquals(of.all, rank === 0 ? ["", "x", "xx"] : undefined);
  });
});

Deno.test("shareOf() cuts a sequence into stretches of nearly one length", () => {
  const shares = (size: number, length: number) =>
    Array.from({ length: size }, (_, rank) => Object.values(shareOf({ rank, size }, length)));
  assertEquals(shares(3, 8), [[0, 2], [2, 5], [5, 8]]);
  assertEquals(shares(4, 2), [[0, 0], [0, 1], [1, 1], [1, 2]]);
  assertEquals(shareOf(undefined, 8), { start: 0, end: 8 });
});

Deno.test("togetherAtLength() lets ranks that have ended wait for one that takes longer than a call may", async () => {
  const { setTimeout: wait } = globalThis;
  // A thousand times as fast.
  globalThis.setTimeout = ((action: () => void, delay: number) => wait(action, delay / 1000)) as typeof setTimeout;
  let calls = 0;
  const results = runSimulated(2, (ranks) => {
    const { largest } = ranks;
    const counted = { ...ranks, largest: (data: Int32Array<ArrayBuffer>) => (calls++, largest(data)) };
    return togetherAtLength(counted, async () => {
      if (ranks.rank === 1) await new Promise((resolve) => setTimeout(resolve, 150_000));
      return ranks.rank;
    });
  });
  const values = await valuesOf(results).finally(() => globalThis.setTimeout = wait);
  assertEquals(values, [0, 1]);
  // Two are the result's, and two the last one's before it.
  assert(calls > 4, `${calls}`);
});
