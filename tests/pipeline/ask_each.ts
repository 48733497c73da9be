/**
 * Asks a folder many questions, in a process that may not survive them: `deno run ask_each.ts SANDBOX FOLDER`, questions as
 * JSON on standard input. After each a line says how it ended, and what is in the sandbox.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { join } from "@std/path";
import { runQuery } from "./query/query_folder.ts";

/** What a question left. */
export interface Answer {
  readonly question: string;
  readonly code: number;
  readonly out: string;
  readonly error: string;
  readonly files: Readonly<Record<string, string>>;
}

/** Every file below a folder, with its SHA-256. */
function filesBelow(path: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const { name, isDirectory } of Deno.readDirSync(path)) {
    const entry = join(path, name);
    if (isDirectory) Object.assign(files, filesBelow(entry));
    else files[entry] = createHash("sha256").update(Deno.readFileSync(entry)).digest("hex");
  }
  return files;
}

if (import.meta.main) {
  const [sandbox, folder] = Deno.args;
  for (const question of JSON.parse(await new Response(Deno.stdin.readable).text())) {
    const { code, out, error } = await runQuery(folder, question);
    const answer: Answer = { question, code, out, error, files: filesBelow(sandbox) };
    console.log(JSON.stringify(answer));
  }
}
