import { assert } from "@std/assert";
import { layOutProgram } from "../../../../kernels/engine/plan.ts";
import { addForward } from "../../../../kernels/lowering/differentiate.ts";
import type { Operation } from "../../../../kernels/operations/mod.ts";
import { addTensor, type Builder, emptyProgram } from "../../../../kernels/operations/shared/builder.ts";
import type { Shape } from "../../../../kernels/operations/shared/tensor.ts";

const HEADS = 6;
const HEAD_CHANNELS = 64;
const CHANNELS = HEADS * HEAD_CHANNELS;

/** Bytes of the arena of attention and its gradient on some tokens, queries, keys and values among them. */
function arenaBytes(tokens: number, profile: "software" | "gpu"): number {
  const shapes: Readonly<Record<string, Shape>> = {
    qkv: [1, 1, tokens, 3 * CHANNELS],
    y: [1, 1, tokens, CHANNELS],
    gradient: [1, 1, tokens, CHANNELS],
  };
  const part = (index: number) => ({ tensor: "qkv", offset: index * CHANNELS });
  const attention: Operation = {
    type: "attention",
    input: "qkv",
    output: "y",
    query: part(0),
    key: part(1),
    value: part(2),
    heads: HEADS,
    headChannels: HEAD_CHANNELS,
    scale: 0.125,
  };
  const program = emptyProgram();
  const builder: Builder = {
    program,
    target: { profile, storage: "f32" },
    shapeOf: (tensor) => shapes[tensor],
    parameters: { trained: false, read: () => new Float32Array() },
  };
  for (const name of ["qkv", "gradient"]) addTensor(builder, name, shapes[name]);
  const gradients = addForward(builder, [attention], { outputs: ["y"], wanted: () => true }).backward([[
    "y",
    "gradient",
  ]]);
  const outputs = ["y", ...gradients.values()];
  return layOutProgram(program, { inputs: ["qkv", "gradient"], outputs }).bytes;
}

for (const profile of ["software", "gpu"] as const) {
  Deno.test(`memory of attention and its gradient grows as the tokens do, ${profile}`, () => {
    const sizes = [256, 1024, 4096].map((tokens) => ({ tokens, bytes: arenaBytes(tokens, profile) }));
    for (const { tokens, bytes } of sizes) console.log(`${tokens} tokens: ${bytes} bytes`);
    const each = sizes.map(({ tokens, bytes }) => bytes / tokens);
    assert(Math.max(...each) < 1.01 * Math.min(...each), `Bytes per token are ${each.join(", ")}`);
  });
}
