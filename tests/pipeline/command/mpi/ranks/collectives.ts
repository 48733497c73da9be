/** A rank that calls every function of a communicator and prints what it got, a line of JSON. */

import { openCommunicator } from "../../../../../pipeline/command/mpi/communicator.ts";

const communicator = await openCommunicator();
if (!communicator) {
  console.log(JSON.stringify("alone"));
  Deno.exit(0);
}
const { rank, size, localRank, localSize, library } = communicator;
const floats = Float32Array.from({ length: 1009 }, (_, i) => i + rank);
const doubles = Float64Array.of(0.5 + rank, 2 ** 40 + rank);
const integers = Int32Array.of(rank, -rank, 2 ** 31 - 1 - rank);
const bytes = new Uint8Array(5).fill(rank + 7);
const middle = Float32Array.of(100, 1, 2, 100).subarray(1, 3);
const [, , , , , gathered, gatheredEmpty] = await Promise.all([
  communicator.sum(floats),
  communicator.sum(doubles),
  communicator.largest(integers),
  communicator.broadcast(bytes),
  communicator.sum(middle),
  communicator.gather(Uint8Array.of(rank, 9, 8)),
  communicator.gather(new Uint8Array(0)),
  communicator.sum(new Float32Array(0)),
  communicator.barrier(),
]);
await communicator.close();
console.log(JSON.stringify({
  rank,
  size,
  localRank,
  localSize,
  library,
  floats: [floats[0], floats[1], floats[1008]],
  doubles: [...doubles],
  integers: [...integers],
  bytes: [...bytes],
  middle: [...new Float32Array(middle.buffer)],
  gathered: gathered?.map((part) => [...part]) ?? null,
  gatheredEmpty: gatheredEmpty?.map((part) => [...part]) ?? null,
}));
