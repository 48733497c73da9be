import { assertEquals } from "@std/assert";
import { ROOT } from "../task.ts";

/** Waits two seconds for its action after a signal, and says what came of it. */
const PROGRAM = `
  import { withSignals } from "${new URL("../../../pipeline/command/signals.ts", import.meta.url)}";
  const { result, code } = await withSignals((signal) => new Promise((resolve) => {
    signal.addEventListener("abort", () => setTimeout(() => resolve("ended"), 2000));
    setTimeout(() => resolve("too late"), 20_000);
    console.log("ready");
  }));
  console.log(result);
  Deno.exit(code);
`;

/** Sends SIGINT some times, with milliseconds between. */
async function interrupt(...pauses: number[]): Promise<{ code: number; out: string }> {
  const file = Deno.makeTempFileSync({ suffix: ".ts" });
  Deno.writeTextFileSync(file, PROGRAM);
  const args = ["run", "--no-prompt", "--allow-read", file];
  const process = new Deno.Command(Deno.execPath(), { args, cwd: ROOT, stdout: "piped" }).spawn();
  const reader = process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let out = (await reader.read()).value ?? "";
  for (const pause of [0, ...pauses]) {
    await new Promise((resolve) => setTimeout(resolve, pause));
    process.kill("SIGINT");
  }
  for (let part = await reader.read(); !part.done; part = await reader.read()) out += part.value;
  return { code: (await process.status).code, out };
}

Deno.test("withSignals() takes a signal that comes again at once for the same one", async () => {
  assertEquals(await interrupt(2, 20), { code: 130, out: "ready\nended\n" });
});

Deno.test("withSignals() lets a second signal end the process", async () => {
  assertEquals(await interrupt(900), { code: 130, out: "ready\n" });
});
