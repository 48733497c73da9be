import { assertEquals, assertMatch } from "@std/assert";
import { join } from "@std/path";
import { openQuietDevice } from "../../../pipeline/model/quiet_device.ts";
import { closeDevice } from "../../../kernels/engine/device.ts";
import { taskCommand } from "../task.ts";

async function tune(...args: string[]) {
  const cache = Deno.makeTempDirSync();
  const decoder = new TextDecoder();
  // Those of Deno and of the driver's compiler would be there too.
  const info = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  const { denoDir } = JSON.parse(decoder.decode(info.stdout));
  const shaders = Deno.env.get("MESA_SHADER_CACHE_DIR") ?? join(Deno.env.get("HOME")!, ".cache");
  const env = { XDG_CACHE_HOME: cache, DENO_DIR: denoDir, MESA_SHADER_CACHE_DIR: shaders };
  const { code, stdout, stderr } = await taskCommand("tune", args, env).output();
  const kept = [...Deno.readDirSync(cache)];
  return { code, out: decoder.decode(stdout), error: decoder.decode(stderr), kept };
}

Deno.test("deno task tune measures a network's training step, and keeps what there is to choose", async () => {
  const device = await openQuietDevice();
  const { profile, adapter } = device.capabilities;
  closeDevice(device);
  const { code, out, error, kept } = await tune("resnet8", "--batch", "2", "--size", "16", "--seconds", "1");
  assertEquals(code, 0, error);
  assertEquals(error.includes(`A training step of resnet8, batch 2, on ${adapter}`), true, error);
  if (profile === "software") {
    assertEquals(out, "No layer has several kernels to choose from on this adapter\n");
    assertEquals(kept, []);
  } else {
    assertMatch(out, /\d+ layers? measured, \d+ with another kernel .*\nKept in ".*"?\n$/);
    assertEquals(kept.length, 1);
  }
});

Deno.test("deno task tune refuses in a sentence a model that is none", async () => {
  const { code, error } = await tune("no/such/folder");
  assertEquals(code, 1);
  assertMatch(error, /^Cannot .*no\/such\/folder.*\n$/);
});
