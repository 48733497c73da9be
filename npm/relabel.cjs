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
// What the user typed, for hints. Without --package, npx takes the name of the package, and that alone.
const { npm_command: npm, npm_config_package: named } = process.env;
const npx = named
  ? `npx --package ${/^[\w@./-]+$/.test(named) ? named : `'${named}'`} relabel`
  : "npx @relabel/relabel";
const env = { ...process.env, RELABEL_COMMAND: npm === "exec" ? npx : "relabel", DENO_NO_PACKAGE_JSON: "1" };
const child = spawn(deno, [...args, ...process.argv.slice(2)], { stdio: "inherit", env });
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(code ?? 128 + require("node:os").constants.signals[signal]));
