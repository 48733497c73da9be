/**
 * Faults of a device: the n-th call of its interface throws, or rejects where it is one that is waited for. What is created
 * on it and not destroyed is counted.
 *
 * @module
 */

/** What is thrown in place of a call. */
export class Fault extends Error {
  override readonly name = "Fault";
}

/** Calls that may fail, by the class that has them. */
const CALLS: readonly (readonly [owner: { prototype: object }, names: readonly string[]])[] = [
  [GPUDevice, [
    "createBuffer",
    "createTexture",
    "createShaderModule",
    "createComputePipeline",
    "createBindGroup",
    "createCommandEncoder",
    "createQuerySet",
    "pushErrorScope",
    "popErrorScope",
  ]],
  [GPUQueue, ["submit", "writeBuffer", "onSubmittedWorkDone"]],
  [GPUCommandEncoder, [
    "beginComputePass",
    "copyBufferToBuffer",
    "copyBufferToTexture",
    "clearBuffer",
    "resolveQuerySet",
    "finish",
  ]],
  [GPUComputePassEncoder, ["setPipeline", "setBindGroup", "dispatchWorkgroups", "end"]],
  [GPUBuffer, ["mapAsync", "getMappedRange"]],
  [GPUTexture, ["createView"]],
  [GPUComputePipeline, ["getBindGroupLayout"]],
];
const AWAITED = ["popErrorScope", "mapAsync", "onSubmittedWorkDone"];
const CREATING = ["createBuffer", "createTexture", "createQuerySet"];
const OWNERS = [GPUBuffer, GPUTexture, GPUQuerySet];

/** Watches the calls of all devices of the process, until it is disposed. */
export interface DeviceFaults extends Disposable {
  /** Names of the calls since the last {@linkcode failAt}, in order. */
  readonly calls: readonly string[];
  /** The call that was failed, if there was one. */
  readonly failed?: string;
  /** Buffers, textures and sets of queries that were created since this began, and are not destroyed. */
  readonly alive: number;
  /** Error scopes that are pushed and not popped. */
  readonly scopes: number;
  /** Fails one of the next calls, counted from 0; no other unless asked again. */
  failAt(call: number): void;
}

type Call = (this: object, ...parameters: unknown[]) => unknown;

/** Begins to watch; one at a time. */
export function watchDevices(): DeviceFaults {
  const restore = new DisposableStack();
  const alive = new Set<unknown>();
  let calls: string[] = [];
  let [failAt, scopes] = [Infinity, 0];
  let failed: string | undefined;
  const replace = (prototype: object, name: string, make: (original: Call) => Call) => {
    const original: Call = Reflect.get(prototype, name);
    Reflect.set(prototype, name, make(original));
    restore.defer(() => Reflect.set(prototype, name, original));
  };
  for (const [{ prototype }, names] of CALLS) {
    for (const name of names) {
      replace(prototype, name, (original) =>
        function (...parameters) {
          const isFault = calls.length === failAt;
          calls.push(name);
          if (isFault) failed = name;
          if (isFault && !AWAITED.includes(name)) throw new Fault(name);
          if (name === "pushErrorScope") scopes++;
          if (name === "popErrorScope") scopes--;
          // A scope that is not popped would stay: what fails is that its error is not heard.
          if (isFault && name !== "popErrorScope") return Promise.reject(new Fault(name));
          const result = original.apply(this, parameters);
          if (isFault) return Promise.resolve(result).then(() => Promise.reject(new Fault(name)));
          if (CREATING.includes(name)) alive.add(result);
          return result;
        });
    }
  }
  for (const { prototype } of OWNERS) {
    replace(prototype, "destroy", (original) =>
      function () {
        alive.delete(this);
        return original.apply(this);
      });
  }
  return {
    get calls() {
      return calls;
    },
    get failed() {
      return failed;
    },
    get alive() {
      return alive.size;
    },
    get scopes() {
      return scopes;
    },
    failAt(call) {
      [calls, failAt, failed] = [[], call, undefined];
    },
    [Symbol.dispose]: () => restore.dispose(),
  };
}
