import { assert, assertEquals, assertThrows } from "@std/assert";
import { readHubSettings } from "../../../../formats/weights/mod.ts";
import project from "../../../../deno.json" with { type: "json" };
import { permissionsOf } from "../../../pipeline/task.ts";
import { pythonTest } from "../../../python.ts";

function settings(variables: Record<string, string>, files: Record<string, string> = {}) {
  return readHubSettings({ variable: (name) => variables[name], file: (path) => files[path] });
}

Deno.test("readHubSettings() defaults to the hub of Hugging Face and the cache of its tools", () => {
  assertEquals(settings({ HOME: "/home/a" }), {
    endpoint: "https://huggingface.co",
    cache: "/home/a/.cache/huggingface/hub",
    offline: false,
  });
});

Deno.test("readHubSettings() honours the variables of huggingface_hub", () => {
  const variables = {
    HOME: "/home/a",
    HF_ENDPOINT: "http://127.0.0.1:8000/",
    HF_TOKEN: " hf_x\n",
    HF_HOME: "/data/hf",
  };
  assertEquals(settings({ ...variables, HF_HUB_OFFLINE: "1" }), {
    endpoint: "http://127.0.0.1:8000",
    token: "hf_x",
    tokenSource: "HF_TOKEN",
    cache: "/data/hf/hub",
    offline: true,
  });
  assertEquals(settings({ ...variables, HF_HUB_CACHE: "/cache" }).cache, "/cache");
});

/** Variables, and where huggingface_hub has its cache with them where HOME is /home/a. */
const caches: [variables: Record<string, string>, cache: string][] = [
  [{ HF_HOME: "~/hf" }, "/home/a/hf/hub"],
  [{ HF_HOME: "~" }, "/home/a/hub"],
  [{ HF_HOME: "$HOME/hf" }, "/home/a/hf/hub"],
  [{ HF_HUB_CACHE: "$HOME/c" }, "/home/a/c"],
  [{ HF_HUB_CACHE: "${HOME}/c" }, "/home/a/c"],
  [{ HF_HUB_CACHE: "~/c" }, "/home/a/c"],
  [{ HF_HUB_CACHE: "/scratch/$USER/c", USER: "bob" }, "/scratch/bob/c"],
  [{ HF_HUB_CACHE: "/a~b/c" }, "/a~b/c"],
  [{ HF_HUB_CACHE: "/a/50$/c" }, "/a/50$/c"],
  [{ XDG_CACHE_HOME: "/x" }, "/x/huggingface/hub"],
  [{ XDG_CACHE_HOME: "~/x" }, "/home/a/x/huggingface/hub"],
  [{ XDG_CACHE_HOME: "/x", HF_HOME: "/hf" }, "/hf/hub"],
  [{ HUGGINGFACE_HUB_CACHE: "/old" }, "/old"],
  [{ HUGGINGFACE_HUB_CACHE: "~/old", HF_HOME: "/hf" }, "/home/a/old"],
  [{ HUGGINGFACE_HUB_CACHE: "/old", HF_HUB_CACHE: "/new" }, "/new"],
  [{ HF_HOME: "relative" }, "relative/hub"],
];

for (const [variables, cache] of caches) {
  const shown = Object.entries(variables).map(([name, value]) => `${name}='${value}'`).join(" ");
  Deno.test(`readHubSettings() has its cache where huggingface_hub has it: ${shown}`, () => {
    assertEquals(settings({ HOME: "/home/a", ...variables }).cache, cache);
  });
}

pythonTest("huggingface_hub has its cache where the tests say", ["huggingface_hub"], async (run) => {
  const program = "import json, os, subprocess, sys\n" +
    "code = 'from huggingface_hub import constants; print(constants.HF_HUB_CACHE)'\n" +
    "print(json.dumps([subprocess.run([sys.executable, '-c', code], text=True, capture_output=True,\n" +
    "    env={'HOME': '/home/a', **variables}).stdout.strip() for variables in json.loads(sys.argv[1])]))";
  const found = JSON.parse(await run(program, JSON.stringify(caches.map(([variables]) => variables))));
  assertEquals(found, caches.map(([, cache]) => cache));
});

const offline: [variables: Record<string, string>, isOffline: boolean][] = [
  ...["1", "ON", "on", "Yes", "TRUE"].map((value) =>
    [{ HF_HUB_OFFLINE: value }, true] as [Record<string, string>, true]
  ),
  ...["0", "off", "", "2"].map((value) => [{ HF_HUB_OFFLINE: value }, false] as [Record<string, string>, false]),
  [{ TRANSFORMERS_OFFLINE: "1" }, true],
  [{ HF_HUB_OFFLINE: "0", TRANSFORMERS_OFFLINE: "1" }, false],
];

Deno.test("readHubSettings() is offline where huggingface_hub is", () => {
  for (const [variables, isOffline] of offline) {
    assertEquals(settings({ HOME: "/home/a", ...variables }).offline, isOffline, JSON.stringify(variables));
  }
});

Deno.test("readHubSettings() finds the token that a login left, as huggingface_hub does", () => {
  const files = { "/home/a/.cache/huggingface/token": "hf_file\r\n", "/hf/token": "hf_home", "/home/a/t": "hf_path" };
  const cases: [variables: Record<string, string>, token: string | undefined, source: string | undefined][] = [
    [{}, "hf_file", '"/home/a/.cache/huggingface/token"'],
    [{ HF_HOME: "/hf" }, "hf_home", '"/hf/token"'],
    [{ HF_HOME: "/hf", HF_TOKEN_PATH: "~/t" }, "hf_path", '"/home/a/t"'],
    [{ HF_TOKEN_PATH: "/none" }, undefined, undefined],
    [{ HF_TOKEN: "hf_own", HF_HOME: "/hf" }, "hf_own", "HF_TOKEN"],
    [{ HUGGING_FACE_HUB_TOKEN: "hf_old" }, "hf_old", "HUGGING_FACE_HUB_TOKEN"],
    [{ HF_TOKEN: "hf_own", HF_HUB_DISABLE_IMPLICIT_TOKEN: "1" }, undefined, undefined],
  ];
  for (const [variables, token, source] of cases) {
    const found = settings({ HOME: "/home/a", ...variables }, files);
    assertEquals([found.token, found.tokenSource], [token, source], JSON.stringify(variables));
  }
});

Deno.test("readHubSettings() refuses what it cannot use", () => {
  const cases: [variables: Record<string, string>, message: string][] = [
    [{ HF_ENDPOINT: "mirror" }, 'Cannot use HF_ENDPOINT: "mirror" is not a web address'],
    [{ HF_HOME: "~bob/hf" }, 'Cannot use HF_HOME: whose home "~bob" is cannot be looked up, write the path'],
    [
      { HF_HOME: "$SCRATCH/hf" },
      'Cannot use HF_HOME: "$SCRATCH/hf" names $SCRATCH, which is not set or may not be read',
    ],
    [
      { HF_HUB_CACHE: "/a/${NOWHERE}/c" },
      'Cannot use HF_HUB_CACHE: "/a/${NOWHERE}/c" names $NOWHERE, which is not set or may not be read',
    ],
    [{ HF_TOKEN: "hf_\u00e4" }, "Cannot use the token in HF_TOKEN: it has characters that no token has"],
  ];
  for (const [variables, message] of cases) {
    assertThrows(() => settings({ HOME: "/home/a", ...variables }), TypeError, message);
  }
  assertThrows(() => settings({}), TypeError, "none of HF_HUB_CACHE, HF_HOME and HOME is set");
  assertThrows(
    () => settings({ HF_HOME: "~/hf" }),
    TypeError,
    'Cannot use HF_HOME: "~/hf" names ~, and neither HOME nor USERPROFILE is set',
  );
});

Deno.test({
  name: "readHubSettings() refuses a path with a variable that may not be read",
  permissions: {
    read: true,
    env: [
      ...["HF_ENDPOINT", "HF_HOME", "HF_HUB_CACHE", "HF_HUB_DISABLE_IMPLICIT_TOKEN", "HF_HUB_OFFLINE", "HF_TOKEN"],
      ...[
        "HF_TOKEN_PATH",
        "HOME",
        "HUGGINGFACE_HUB_CACHE",
        "HUGGING_FACE_HUB_TOKEN",
        "TRANSFORMERS_OFFLINE",
        "XDG_CACHE_HOME",
      ],
    ],
  },
  fn() {
    const before = Deno.env.get("HF_HUB_CACHE");
    Deno.env.set("HF_HUB_CACHE", "$SHELL/c");
    try {
      assertThrows(
        () => readHubSettings(),
        TypeError,
        'Cannot use HF_HUB_CACHE: "$SHELL/c" names $SHELL, which is not set or may not be read',
      );
    } finally {
      if (before === undefined) Deno.env.delete("HF_HUB_CACHE");
      else Deno.env.set("HF_HUB_CACHE", before);
    }
  },
});

Deno.test("the tasks that download may read every variable that readHubSettings() asks for", () => {
  const asked = new Set<string>();
  readHubSettings({
    variable(name) {
      asked.add(name);
      return name === "USERPROFILE" ? "/home/a" : undefined;
    },
    file: () => undefined,
  });
  const tasks = Object.keys(project.tasks) as (keyof typeof project.tasks)[];
  const downloading = tasks.filter((task) => permissionsOf(task)?.env?.includes("HF_ENDPOINT"));
  assertEquals(downloading, [
    "relabel",
    "cluster",
    "evaluate",
    "train",
    "transfer",
    "query",
    "report",
    "publish",
    "explore",
    "verify",
    "tune",
  ]);
  for (const task of downloading) {
    const { env = [], sys } = permissionsOf(task)!;
    for (const name of asked) assert(env.includes(name), `${task} may not read ${name}`);
    assert(sys?.includes("statfs"), `${task} may not ask for free space`);
  }
});
