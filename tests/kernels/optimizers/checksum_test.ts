import { assert, assertEquals } from "@std/assert";
import { checksumKernel, checksumPartialsKernel, checksumReference } from "../../../kernels/optimizers/checksum.ts";
import { runKernels } from "../../../kernels/engine/run.ts";
import { randomValues, testDevice } from "../tensors.ts";

Deno.test("checksumKernel() gives the reference's number in both profiles, of any bits", async () => {
  const device = await testDevice();
  for (const length of [64, 128, 4_160, 300_032]) {
    const parameter = Float32Array.from(randomValues(length, length));
    // As many kinds of bits as there are: -0, denormal, infinite and NaN.
    parameter.set([-0, 1e-40, Infinity, NaN]);
    for (const profile of ["software", "gpu"] as const) {
      const { checksum } = await runKernels(device, [
        checksumPartialsKernel({ length, profile }),
        checksumKernel({ length, profile }),
      ], { parameter, checksum: { bytes: 4 } });
      assertEquals(new Uint32Array(checksum)[0], checksumReference(parameter), `${length} floats, ${profile}`);
    }
  }
});

Deno.test("checksumReference() notices one bit, a sign, numbers that changed places, and a shift", () => {
  const length = 1024;
  const values = Float32Array.from(randomValues(length, 1), (value) => value + 2);
  const checksum = checksumReference(values);
  const changed = (change: (bits: Uint32Array) => void) => {
    const copy = values.slice();
    change(new Uint32Array(copy.buffer));
    return checksumReference(copy);
  };
  for (let bit = 0; bit < 32; bit++) {
    assert(changed((bits) => bits[bit * 7] ^= 1 << bit) !== checksum, `bit ${bit}`);
    // Two changes of one bit, which a plain sum would not see.
    assert(changed((bits) => (bits[3] += 1 << bit, bits[900] -= 1 << bit)) !== checksum, `bit ${bit} moved`);
  }
  for (let place = 0; place + 1 < length; place++) {
    const swapped = changed((bits) => [bits[place], bits[place + 1]] = [bits[place + 1], bits[place]]);
    assertEquals(swapped !== checksum, values[place] !== values[place + 1], `places ${place} and ${place + 1}`);
  }
  const signs = new Float32Array(length).fill(1);
  const negative = (place: number) => signs.with(place, -1);
  assert(checksumReference(negative(5)) !== checksumReference(negative(6)));
  assert(changed((bits) => bits.set([...bits.slice(1), bits[0]])) !== checksum);
});
