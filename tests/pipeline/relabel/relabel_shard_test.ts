import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../../pipeline/command/command_line.ts";
import { chooseShard, readShard, type ShardRequest } from "../../../pipeline/relabel/shard.ts";

/** The variables of a task of a Slurm array as sbatch(1) has them. */
function slurm(id: number, { min = 0, step = 1, count = 4 } = {}): Record<string, string> {
  return {
    SLURM_ARRAY_TASK_ID: `${id}`,
    SLURM_ARRAY_TASK_MIN: `${min}`,
    SLURM_ARRAY_TASK_MAX: `${min + (count - 1) * step}`,
    SLURM_ARRAY_TASK_STEP: `${step}`,
    SLURM_ARRAY_TASK_COUNT: `${count}`,
  };
}

const choose = (request: ShardRequest | undefined, variables: Record<string, string>) =>
  chooseShard(request, (name) => variables[name]);

Deno.test("readShard() reads a shard, auto with and without a number, and none", () => {
  assertEquals(readShard("3/16"), { index: 3, count: 16 });
  assertEquals(readShard("auto"), "auto");
  assertEquals(readShard("auto/16"), { autoOf: 16 });
  assertEquals(readShard("none"), "none");
  for (const text of ["16/16", "0/0", "auto/0", "auto/x", "-1/4", "1.5/4", "all", "auto/", "1/4/2"]) {
    assertThrows(
      () => readShard(text),
      UsageError,
      `Cannot use --shard ${text}: expected i/n with i from 0 to n - 1, auto, auto/N or none`,
    );
  }
});

Deno.test("chooseShard() takes the place of a task in its Slurm array, whatever it counts from and by", () => {
  for (const request of [undefined, "auto"] as const) {
    assertEquals([0, 1, 2, 3].map((id) => choose(request, slurm(id)).shard), [
      { index: 0, count: 4 },
      { index: 1, count: 4 },
      { index: 2, count: 4 },
      { index: 3, count: 4 },
    ]);
    const odd = { min: 5, step: 10, count: 3 };
    assertEquals([5, 15, 25].map((id) => choose(request, slurm(id, odd)).shard?.index), [0, 1, 2]);
    assertEquals(choose(request, slurm(15, odd)), {
      shard: { index: 1, count: 3 },
      from: "SLURM_ARRAY_TASK_ID is 15",
    });
  }
});

Deno.test("chooseShard() takes the number of a task as it is where it is told of how many", () => {
  const again = slurm(7, { min: 3, step: 4, count: 2 });
  assertEquals(choose({ autoOf: 16 }, again), { shard: { index: 7, count: 16 }, from: "SLURM_ARRAY_TASK_ID is 7" });
  assertEquals(choose({ autoOf: 16 }, { JOB_COMPLETION_INDEX: "15" }), {
    shard: { index: 15, count: 16 },
    from: "JOB_COMPLETION_INDEX is 15",
  });
});

Deno.test("chooseShard() leaves the environment alone where an option or nothing says the shard", () => {
  const shard = { index: 1, count: 3 };
  assertEquals(choose(shard, slurm(2)), { shard });
  assertEquals(choose("none", slurm(2)), {});
  assertEquals(choose("none", { JOB_COMPLETION_INDEX: "2" }), {});
  assertEquals(choose(undefined, {}), {});
  // A job of Slurm that is no array.
  assertEquals(choose(undefined, { SLURM_JOB_ID: "12", SLURM_ARRAY_TASK_ID: "" }), {});
});

Deno.test("chooseShard() says in one sentence what the environment lacks", () => {
  const cases: [ShardRequest | undefined, Record<string, string>, string][] = [
    [
      "auto",
      {},
      "Cannot tell the shard: neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX is set, so give --shard i/n",
    ],
    [
      { autoOf: 4 },
      {},
      "Cannot tell the shard: neither SLURM_ARRAY_TASK_ID nor JOB_COMPLETION_INDEX is set, so give --shard i/n",
    ],
    [
      undefined,
      { JOB_COMPLETION_INDEX: "2" },
      "Cannot tell the shard: JOB_COMPLETION_INDEX is 2, but Kubernetes does not say of how many: give --shard auto/N, " +
      "or --shard none for all parts",
    ],
    [
      undefined,
      { SLURM_ARRAY_TASK_ID: "2" },
      "Cannot tell the shard: SLURM_ARRAY_TASK_MIN is not set, so give --shard i/n or --shard none",
    ],
    [
      undefined,
      { ...slurm(2), SLURM_ARRAY_TASK_COUNT: "0" },
      'Cannot tell the shard: SLURM_ARRAY_TASK_COUNT is "0", so give --shard i/n or --shard none',
    ],
    [
      "auto",
      { ...slurm(2), SLURM_ARRAY_TASK_ID: "two" },
      'Cannot tell the shard: SLURM_ARRAY_TASK_ID is "two", so give --shard i/n or --shard none',
    ],
    // An array of the tasks 3, 7 and 8, which Slurm counts by ones.
    [
      "auto",
      slurm(7, { min: 3, count: 3 }),
      "Cannot tell the shard: the place of 7 in an array of 3 from 3 in steps of 1 is 4, which is none of 0 to 2",
    ],
    [
      { autoOf: 16 },
      slurm(16, { min: 1, count: 16 }),
      "Cannot tell the shard: SLURM_ARRAY_TASK_ID is 16, which is none of 0 to 15",
    ],
  ];
  for (const [request, variables, message] of cases) {
    assertEquals(assertThrows(() => choose(request, variables), UsageError).message, message);
  }
});
