import { assertEquals } from "@std/assert";
import { declarations, listBindings } from "../../../kernels/engine/kernel.ts";
import { runKernel } from "../../../kernels/engine/run.ts";
import { ENABLE_SUBGROUPS, findSubgroups } from "../../../kernels/engine/subgroups.ts";
import { testDevice } from "../tensors.ts";

const device = await testDevice();
const { subgroupLanes } = device.capabilities;
const ignore = subgroupLanes === undefined;
const without = ignore ? ": the adapter has no subgroups" : "";

/** A device that compiles other texts than it is given. */
function rewriting(gpu: GPUDevice, rewrite: (code: string) => string): GPUDevice {
  const createShaderModule = gpu.createShaderModule.bind(gpu);
  return new Proxy(gpu, {
    get(_, property) {
      if (property === "createShaderModule") {
        return ({ code }: GPUShaderModuleDescriptor) => createShaderModule({ code: rewrite(code) });
      }
      const value = Reflect.get(gpu, property);
      return typeof value === "function" ? value.bind(gpu) : value;
    },
  });
}

function sizes(least: number, most = least) {
  return { subgroupMinSize: least, subgroupMaxSize: most };
}

Deno.test({
  name: `openDevice() states lanes of subgroups whose shuffles give what other lanes hold${without}`,
  ignore,
  async fn() {
    const lanes = subgroupLanes!;
    const bindings = { output: "u32" };
    const { output } = await runKernel(device, {
      name: "shuffle",
      code: `${declarations(bindings, [])}
@compute @workgroup_size(${lanes})
fn main(@builtin(local_invocation_index) local: u32, @builtin(workgroup_id) workgroup: vec3<u32>) {
  output[workgroup.x * ${lanes}u + local] = subgroupShuffle(100u * workgroup.x + local, ${lanes - 1}u);
}
`,
      bindings: listBindings(bindings),
      parameters: [],
      workgroups: [2, 1, 1],
    }, { output: { bytes: 8 * lanes } });
    const last = (group: number) => Array<number>(lanes).fill(100 * group + lanes - 1);
    assertEquals([...new Uint32Array(output)], [...last(0), ...last(1)]);
  },
});

Deno.test({
  name:
    `findSubgroups() finds none of a size that varies, of another size, and where shuffles give wrong numbers${without}`,
  ignore,
  async fn() {
    const { gpu } = device;
    const lanes = subgroupLanes!;
    assertEquals((await findSubgroups(gpu, sizes(lanes)))?.lanes, lanes);
    for (const info of [sizes(lanes, 2 * lanes), sizes(lanes / 2, lanes), sizes(2), sizes(32)]) {
      assertEquals(await findSubgroups(gpu, info), undefined);
    }
    const shifted = rewriting(gpu, (code) => code.replace("(own, 1u)", "(own, 2u)"));
    assertEquals(await findSubgroups(shifted, sizes(lanes)), undefined);
  },
});

Deno.test({
  name: `findSubgroups() finds the directive that a compiler wants${without}`,
  ignore,
  async fn() {
    const { gpu } = device;
    const strict = rewriting(
      gpu,
      (code) => code.startsWith(ENABLE_SUBGROUPS) ? code.slice(ENABLE_SUBGROUPS.length) : "?",
    );
    const loose = rewriting(gpu, (code) => code.startsWith(ENABLE_SUBGROUPS) ? "?" : code);
    const info = sizes(subgroupLanes!);
    assertEquals(await findSubgroups(strict, info), { lanes: subgroupLanes!, directive: ENABLE_SUBGROUPS });
    assertEquals(await findSubgroups(loose, info), { lanes: subgroupLanes!, directive: "" });
  },
});
