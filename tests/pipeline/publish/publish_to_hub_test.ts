import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { startFakeRepositories, TOKEN } from "../../formats/weights/hub/fake_repositories.ts";
import { taskCommand, type TaskOutput } from "../task.ts";
import { partsFolder } from "./published.ts";

/** Runs the task beside a hub, which this process is. */
async function publish(endpoint: string, env: Record<string, string>, ...args: string[]): Promise<TaskOutput> {
  const home = Deno.makeTempDirSync();
  const variables = { HF_ENDPOINT: endpoint, HF_HOME: home, HF_TOKEN: "", HF_HUB_OFFLINE: "", ...env };
  const { code, stdout, stderr } = await taskCommand("publish", args, variables).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), error: decoder.decode(stderr) };
}

Deno.test("label maps are published to the hub, once, and nothing is printed of the token", async () => {
  await using hub = startFakeRepositories();
  const labels = partsFolder();
  const env = { HF_TOKEN: TOKEN };
  const first = await publish(hub.endpoint, env, labels, "--to", "hf:owner/name", "--private");
  assertEquals(first.code, 0, first.error);
  const [page, sent] = first.out.split("\n");
  assertEquals(page, `${hub.endpoint}/datasets/owner/name: 7 images, 7 files`);
  assertMatch(sent, /^ {2}commit c+2: 7 files sent, /);
  const { private: isPrivate, branches } = hub.repositories.get("datasets/owner/name")!;
  assertEquals(isPrivate, true);
  const card = new TextDecoder().decode(branches.get("main")!.at(-1)!.files.get("README.md"));
  assertStringIncludes(card, 'load_dataset("owner/name", split="train")');
  const second = await publish(hub.endpoint, env, labels, "--to", "hf:owner/name", "--private");
  assertMatch(second.out, /\n {2}commit c+2 has all of it already\n$/);
  assertEquals((first.out + first.error + second.out + second.error).includes(TOKEN), false);
});

Deno.test("publish says what is missing before it reads anything, and which options do not go together", async () => {
  const cases: [args: string[], code: number, message: string][] = [
    [["none", "--to", "hf:owner/name"], 1, 'Cannot publish to "hf:owner/name": there is no token'],
    [["none", "--to", "owner/name"], 2, "Cannot use --to owner/name with revision main: expected hf:OWNER/NAME"],
    [["none", "--to", "hf:owner/name@v1"], 2, "name the branch with --revision"],
    [["none", "--files-only", "x", "--private"], 2, "Cannot use --private without --to"],
    [["none"], 2, "Expected --to hf:OWNER/NAME or --files-only DIR"],
  ];
  await Promise.all(cases.map(async ([args, code, message]) => {
    const found = await publish("http://127.0.0.1:9", {}, ...args);
    assertStringIncludes(found.error, message);
    assertEquals(found.code, code);
  }));
});
