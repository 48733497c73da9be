import { assertEquals, assertThrows } from "@std/assert";
import { readHubSettings } from "../../../../formats/weights/mod.ts";

function settings(variables: Record<string, string>) {
  return readHubSettings((name) => variables[name]);
}

Deno.test("readHubSettings() defaults to the hub of Hugging Face and the cache of its tools", () => {
  assertEquals(settings({ HOME: "/home/a" }), {
    endpoint: "https://huggingface.co",
    token: undefined,
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
    cache: "/data/hf/hub",
    offline: true,
  });
  assertEquals(settings({ ...variables, HF_HUB_CACHE: "/cache" }).cache, "/cache");
  assertEquals(settings({ ...variables, HF_HUB_OFFLINE: "0" }).offline, false);
});

Deno.test("readHubSettings() refuses an endpoint that is no address, and no home", () => {
  assertThrows(
    () => settings({ HOME: "/home/a", HF_ENDPOINT: "mirror" }),
    TypeError,
    'Cannot use HF_ENDPOINT: "mirror" is not a web address',
  );
  assertThrows(() => settings({}), TypeError, "none of HF_HUB_CACHE, HF_HOME and HOME is set");
});
