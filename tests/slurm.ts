/**
 * Slurm on this machine: a controller and several nodes on one host, which touch nothing of the system's own.
 *
 * Debian's packages `slurm-wlm` and `munge`. Daemons run in the foreground with configuration, key, socket, state and logs
 * in a temporary folder, on ports that were free, without systemd, cgroups or an accounting database. Times that are
 * minutes on a cluster are seconds here: how long a node may be silent before it is given up, and how long a task that is
 * started again waits for its old credential to lapse.
 *
 * @module
 */

import { assert } from "@std/assert";
import { join } from "@std/path";
import type { TaskOutput } from "./pipeline/task.ts";

/** Nodes that take jobs. */
export interface SlurmCluster extends AsyncDisposable {
  /** `n1`, `n2`, ... */
  readonly nodes: readonly string[];
  /** Where the daemons' logs are. */
  readonly logs: string;
  /** What a client's environment needs. */
  readonly env: { readonly SLURM_CONF: string };
  /** Runs one of Slurm's commands, and gives what it prints; a failure is the test's. */
  run(command: string, ...args: string[]): Promise<string>;
  /** Ends a node as a power cut does: its daemon and all that its jobs run, by SIGKILL. */
  kill(node: string): Promise<void>;
  /** Starts a node that was killed. */
  start(node: string): void;
}

/** Where Debian puts them; a user's PATH may lack it. */
const DAEMONS = { munged: "/usr/sbin/munged", slurmctld: "/usr/sbin/slurmctld", slurmd: "/usr/sbin/slurmd" } as const;

/** Seconds that daemons may take to be ready, and processes to end. */
const READY = 60;

/** Prints the processes of a node's jobs: those whose environment names the node and the configuration, and their step. */
const JOB_PROCESSES = `
for file in $(grep -lsxz "SLURMD_NODENAME=$1" /proc/[0-9]*/environ); do
  grep -qsxz "SLURM_CONF=$2" "$file" || continue
  process=$(dirname "$file")
  parent=$(sed -n 's/^PPid:[[:space:]]*//p' "$process/status")
  basename "$process"
  if [ "$(cat "/proc/$parent/comm")" = slurmstepd ]; then echo "$parent"; fi
done 2>/dev/null | sort -u`;

/** Prints those of some processes that have not ended. */
const LIVING = `
for process in "$@"; do
  if grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$process/status"; then echo "$process"; fi
done`;

/**
 * Registers a test, which is reported as ignored, with the reason in its name, where Slurm is not installed.
 *
 * @param name The test's name.
 * @param body The test.
 */
export function slurmTest(name: string, body: () => Promise<void>): void {
  const missing = missingDaemon();
  Deno.test({
    name: missing ? `${name} (not tried: no ${missing} here; Debian's slurm-wlm and munge bring it)` : name,
    ignore: missing !== undefined,
    fn: body,
  });
}

/** The first daemon that is not installed. */
function missingDaemon(): string | undefined {
  return Object.values(DAEMONS).find((path) => {
    try {
      Deno.statSync(path);
      return false;
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return true;
      throw error;
    }
  });
}

/**
 * Starts Slurm. Ended, with all that its jobs run, when disposed of.
 *
 * @param count Nodes, of one CPU each.
 * @returns The cluster; all nodes are idle.
 * @throws {Error} If a daemon does not start.
 */
export async function startSlurm(count: number): Promise<SlurmCluster> {
  const missing = missingDaemon();
  if (missing) throw new Error(`Cannot start Slurm: no ${missing} here; Debian's slurm-wlm and munge bring it`);
  const folder = Deno.makeTempDirSync({ prefix: "slurm-" });
  const path = (name: string) => join(folder, name);
  const nodes = Array.from({ length: count }, (_, index) => `n${index + 1}`);
  for (const name of ["munge", "state", "logs", ...nodes]) Deno.mkdirSync(path(name), { mode: 0o700 });
  Deno.writeFileSync(path("munge/key"), crypto.getRandomValues(new Uint8Array(1024)), { mode: 0o400 });
  const env = { SLURM_CONF: path("slurm.conf") };
  Deno.writeTextFileSync(env.SLURM_CONF, await configuration(folder, nodes));

  const daemons = new Map<string, Deno.ChildProcess>();
  const spawn = (name: string, daemon: keyof typeof DAEMONS, args: readonly string[]) => {
    const toLog = 'log=$1; shift; exec "$@" >>"$log" 2>&1';
    const words = ["-c", toLog, "sh", path(`logs/${name}.log`), DAEMONS[daemon], ...args];
    daemons.set(
      name,
      new Deno.Command("/bin/sh", { args: words, env, stdin: "null", stdout: "null", stderr: "null" }).spawn(),
    );
  };
  const end = async (name: string, signal: Deno.Signal) => {
    const daemon = daemons.get(name);
    daemons.delete(name);
    if (!daemon) return;
    try {
      daemon.kill(signal);
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // It ended by itself.
    }
    await daemon.status;
  };

  const cluster: SlurmCluster = {
    nodes,
    env,
    logs: path("logs"),
    async run(command, ...args) {
      const { code, out, error } = await execute(command, args, env);
      assert(code === 0, `${command} ${args.join(" ")}: ${error}`);
      return out.trimEnd();
    },
    async kill(node) {
      await end(node, "SIGKILL");
      // A process may start another one while it is looked for; one that is ending has no environment, but its locks.
      const killed = new Set<number>();
      await until(`end of ${node}`, cluster.logs, async () => {
        const found = await processes(JOB_PROCESSES, node, env.SLURM_CONF);
        for (const process of found) {
          killIfThere(process);
          killed.add(process);
        }
        return found.length === 0 && (await processes(LIVING, ...[...killed].map(String))).length === 0;
      });
    },
    start(node) {
      spawn(node, "slurmd", ["-D", "-N", node]);
    },
    async [Symbol.asyncDispose]() {
      for (const node of nodes) await cluster.kill(node);
      await end("slurmctld", "SIGTERM");
      await end("munged", "SIGTERM");
      Deno.removeSync(folder, { recursive: true });
    },
  };
  try {
    const socket = path("munge/socket");
    const files = ["key", "pid", "log", "seed"].map((file) => `--${file}-file=${path(`munge/${file}`)}`);
    spawn("munged", "munged", ["--force", "--foreground", `--socket=${socket}`, ...files]);
    await until("munged", cluster.logs, async () => {
      return (await execute("munge", ["--socket", socket, "--no-input"])).code === 0;
    });
    spawn("slurmctld", "slurmctld", ["-D"]);
    nodes.forEach(cluster.start);
    await until("all nodes", cluster.logs, async () => {
      return (await execute("sinfo", ["--noheader", "--Node", "--format=%T"], env)).out === "idle\n".repeat(count);
    });
    return cluster;
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}

/** A configuration that leads nowhere but into a folder. */
async function configuration(folder: string, nodes: readonly string[]): Promise<string> {
  const [host, user] = await Promise.all([["hostname", "-s"], ["id", "-un"]].map(async ([command, option]) => {
    return (await execute(command, [option])).out.trim();
  }));
  const [port, ...ports] = freePorts(nodes.length + 1);
  return `
ClusterName=test
SlurmctldHost=${host}(127.0.0.1)
SlurmctldPort=${port}
SlurmUser=${user}
SlurmdUser=${user}
AuthType=auth/munge
AuthInfo=socket=${folder}/munge/socket,cred_expire=5
CredType=cred/munge
StateSaveLocation=${folder}/state
SlurmdSpoolDir=${folder}/%n
SlurmctldPidFile=${folder}/slurmctld.pid
SlurmdPidFile=${folder}/%n.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
MailProg=/bin/true
JobCompType=jobcomp/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=bf_interval=1,sched_interval=5
SlurmdParameters=config_overrides
SlurmdTimeout=5
KillWait=5
ReturnToService=2
${
    nodes.map((node, index) => `NodeName=${node} NodeHostname=${host} NodeAddr=127.0.0.1 Port=${ports[index]} CPUs=1`)
      .join("\n")
  }
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE
`;
}

function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const ports = listeners.map(({ addr }) => (addr as Deno.NetAddr).port);
  listeners.forEach((listener) => listener.close());
  return ports;
}

async function processes(script: string, ...args: string[]): Promise<number[]> {
  const { out } = await execute("/bin/sh", ["-c", script, "sh", ...args]);
  return out.split("\n").filter((line) => line !== "").map(Number);
}

function killIfThere(process: number): void {
  try {
    Deno.kill(process, "SIGKILL");
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function execute(
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<TaskOutput> {
  const { code, stdout, stderr } = await new Deno.Command(command, { args: [...args], env, stdin: "null" }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
}

/** Waits until something is so; what the daemons said is in the error if it never is. */
async function until(what: string, logs: string, isSo: () => Promise<boolean>): Promise<void> {
  const start = performance.now();
  while (!await isSo()) {
    if (performance.now() - start > READY * 1000) {
      const texts = [...Deno.readDirSync(logs)].map(({ name }) =>
        `${name}\n${Deno.readTextFileSync(join(logs, name))}`
      );
      throw new Error(`Slurm does not work: waited ${READY} s for ${what}\n${texts.join("\n")}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
