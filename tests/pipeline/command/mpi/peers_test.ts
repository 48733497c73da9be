import { assertEquals, assertFalse, assertNotEquals } from "@std/assert";
import { isInheritedSocket } from "../../../../pipeline/command/mpi/libc.ts";
import { watchPeers } from "../../../../pipeline/command/mpi/peers.ts";

const linux = Deno.build.os === "linux";

Deno.test({
  name: "watchPeers() tells which processes have ended, and leaves out those it never saw",
  ignore: !linux,
  fn: async () => {
    const spawn = () => new Deno.Command("sleep", { args: ["60"] }).spawn();
    const [first, second, gone] = [spawn(), spawn(), spawn()];
    gone.kill();
    await gone.status;
    const peers = [first, second, gone].map(({ pid }, index) => ({ rank: index + 1, process: pid }));
    const ended = watchPeers(peers);
    assertEquals(ended(), []);
    first.kill("SIGKILL");
    await first.status;
    assertEquals(ended(), [peers[0]]);
    second.kill();
    await second.status;
    assertEquals(ended(), peers.slice(0, 2));
  },
});

Deno.test({
  name: "isInheritedSocket() knows a socket that was handed down from files and from sockets of Deno's own",
  ignore: !linux,
  fn: async () => {
    const module = new URL("../../../../pipeline/command/mpi/libc.ts", import.meta.url).href;
    const program = `import { isInheritedSocket } from "${module}"; console.log(isInheritedSocket(0))`;
    const path = await Deno.makeTempFile({ suffix: ".ts" });
    await Deno.writeTextFile(path, program);
    // Bash opens sockets, and hands them down.
    using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = listener.addr as Deno.NetAddr;
    const run = (redirection: string) =>
      new Deno.Command("bash", { args: ["-c", `exec '${Deno.execPath()}' run --allow-ffi ${path} ${redirection}`] })
        .output().then(({ stdout }) => new TextDecoder().decode(stdout).trim());
    assertEquals(await run(`<>/dev/tcp/127.0.0.1/${port}`), "true");
    assertEquals(await run("</dev/null"), "false");
    await Deno.remove(path);
    assertFalse(isInheritedSocket(1_000_000));
    const before = inheritedSockets();
    using client = await Deno.connect({ hostname: "127.0.0.1", port });
    using server = await listener.accept();
    assertNotEquals(client.localAddr, server.localAddr);
    assertEquals(inheritedSockets(), before);
  },
});

/** What whoever started this process left open. */
function inheritedSockets(): number[] {
  return Array.from({ length: 253 }, (_, index) => index + 3).filter(isInheritedSocket);
}
