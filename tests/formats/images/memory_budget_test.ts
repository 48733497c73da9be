import { assert, assertEquals } from "@std/assert";
import { createMemoryBudget, shareMemory } from "../../../formats/images/memory_budget.ts";

const MIB = 2 ** 20;

Deno.test("shareMemory() takes what fits, gives back what is not left, and leaves the rest to the other side", () => {
  const budget = createMemoryBudget(2);
  const [first, second] = [0, 1].map((share) => shareMemory(budget.words, share, 10 * MIB));
  first.take(4 * MIB, 0);
  first.take(2 * MIB, 0);
  second.take(4 * MIB, 1);
  assertEquals(budget.taken, 10 * MIB);
  first.leave(MIB);
  assertEquals(budget.taken, 5 * MIB);
  second.leave(0);
  assertEquals(budget.taken, MIB);
  budget.giveBack(MIB);
  assertEquals(budget.taken, 0);
});

Deno.test("shareMemory() gives the first work that is not done what it needs, however much is taken", () => {
  const budget = createMemoryBudget(2);
  const [first, second] = [0, 1].map((share) => shareMemory(budget.words, share, 10 * MIB));
  budget.setFirst(3);
  second.take(9 * MIB, 4);
  first.take(100 * MIB, 3);
  assertEquals(budget.taken, 109 * MIB);
});

Deno.test("giveBackShare() gives back what a thread that stopped had taken, and nothing else", () => {
  const budget = createMemoryBudget(2);
  const [first, second] = [0, 1].map((share) => shareMemory(budget.words, share, 10 * MIB));
  first.take(3 * MIB, 0);
  second.take(4 * MIB, 1);
  budget.giveBackShare(0);
  assertEquals(budget.taken, 4 * MIB);
  budget.giveBackShare(0);
  assertEquals(budget.taken, 4 * MIB);
});

/** A thread that says when it has taken what it was told to, and does not leave it. */
const TAKER = `
  import { shareMemory } from ${JSON.stringify(import.meta.resolve("../../../formats/images/memory_budget.ts"))};
  self.onmessage = ({ data: { words, share, bytes, work } }) => {
    self.postMessage("asked");
    shareMemory(words, share, ${10 * MIB}).take(bytes, work);
    self.postMessage("taken");
  };
`;

function startTaker(request: { words: SharedArrayBuffer; share: number; bytes: number; work: number }) {
  const worker = new Worker(`data:application/javascript,${encodeURIComponent(TAKER)}`, { type: "module" });
  const said: Record<string, () => void> = {};
  const told = (what: string) => new Promise<void>((resolve) => said[what] = resolve);
  const asked = told("asked");
  const taken = told("taken");
  worker.onmessage = ({ data }) => said[data]();
  worker.postMessage(request);
  return { worker, asked, taken };
}

Deno.test("shareMemory() waits in another thread until there is room, or its work is the first", async () => {
  for (
    const make of [
      (budget: ReturnType<typeof createMemoryBudget>) => budget.giveBack(8 * MIB),
      (budget: ReturnType<typeof createMemoryBudget>) => budget.setFirst(7),
    ]
  ) {
    const budget = createMemoryBudget(2);
    const mine = shareMemory(budget.words, 0, 10 * MIB);
    mine.take(8 * MIB, 0);
    mine.leave(8 * MIB);
    const { worker, asked, taken } = startTaker({ words: budget.words, share: 1, bytes: 8 * MIB, work: 7 });
    await asked;
    const early = await Promise.race([
      taken.then(() => true),
      new Promise<boolean>((done) => setTimeout(done, 200, false)),
    ]);
    assert(!early);
    make(budget);
    await taken;
    worker.terminate();
  }
});

Deno.test("a thread that waits for memory can be ended", async () => {
  const budget = createMemoryBudget(1);
  budget.giveBack(-20 * MIB);
  const { worker, asked } = startTaker({ words: budget.words, share: 0, bytes: MIB, work: 7 });
  await asked;
  // A thread that did not end would keep this process from ending.
  worker.terminate();
});
