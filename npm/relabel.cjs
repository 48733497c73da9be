#!/usr/bin/env node
// Starts relabel by the Deno that npm installed beside it.
const { spawn } = require("node:child_process");
const { existsSync } = require("node:fs");
const { dirname, join } = require("node:path");
const process = require("node:process");

const program = join(__dirname, "relabel");
const folder = dirname(require.resolve("deno/package.json"));
const binary = join(folder, process.platform === "win32" ? "deno.exe" : "deno");
// Where npm runs no scripts of packages, the binary has not been put there. Deno's own bin.cjs would not pass on signals.
const deno = existsSync(binary) ? binary : require(join(folder, "install_api.cjs")).runInstall();
const args = ["run", "-q", "--no-prompt", "-P", "--config", join(program, "deno.json"), join(program, "relabel.ts")];
const env = {
  ...process.env,
  // What the user typed, for hints.
  RELABEL_COMMAND: process.env.npm_command === "exec" ? "npx relabel" : "relabel",
  DENO_NO_PACKAGE_JSON: "1",
};
const child = spawn(deno, [...args, ...process.argv.slice(2)], { stdio: "inherit", env });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(code ?? 128 + require("node:os").constants.signals[signal]));
