import { assertEquals, assertRejects } from "@std/assert";
import { openDecodePool, type StoredImage } from "../../../formats/images/mod.ts";
import { STEPS_IN_FLIGHT } from "../../../kernels/programs/image_program.ts";
import { type ImageStepper, imageSteps } from "../../../pipeline/model/image_steps.ts";

const WORKER = new URL("../../formats/images/unsteady_worker.ts", import.meta.url);

async function* images(count: number): AsyncGenerator<StoredImage> {
  for (let index = 0; index < count; index++) {
    yield { index, key: `${index}`, label: null, bytes: { path: `${index}` } };
  }
}

/** A stepper with room for the steps that a program takes, one of which fails to start or to be read where asked. */
function stepper(fails: { start?: number; read?: number } = {}): ImageStepper<number> & { readonly unread: number } {
  let [unread, starts, reads] = [0, 0, 0];
  return {
    batch: 2,
    get unread() {
      return unread;
    },
    start(given) {
      if (starts++ === fails.start) throw new Error("the device is lost");
      if (++unread > STEPS_IN_FLIGHT) throw new Error("a step too many");
      const results = given.map(({ pixels }) => pixels[0]);
      return Promise.resolve(() => {
        unread--;
        return reads++ === fails.read ? Promise.reject(new Error("the device is lost")) : Promise.resolve(results);
      });
    },
  };
}

Deno.test("imageSteps() reads the steps it has begun whether it ends, is broken off or fails", async () => {
  const pool = openDecodePool(1, { script: WORKER });
  const options = { pool, workers: 1 };
  const whole = stepper();
  const results = await Array.fromAsync(imageSteps(images(13), whole, options), (one) => "result" in one && one.result);
  assertEquals([results, whole.unread], [Array.from({ length: 13 }, (_, index) => index), 0]);
  const brokenOff = stepper();
  for await (const _ of imageSteps(images(9), brokenOff, options)) break;
  assertEquals(brokenOff.unread, 0);
  for (const fails of [{ start: 0 }, { start: 1 }, { start: 2 }, { read: 0 }, { read: 1 }, { read: 3 }]) {
    const failing = stepper(fails);
    await assertRejects(() => Array.fromAsync(imageSteps(images(9), failing, options)), Error, "the device is lost");
    assertEquals(failing.unread, 0);
    // It works on.
    assertEquals((await Array.fromAsync(imageSteps(images(3), failing, options))).length, 3);
  }
  pool.close();
});
