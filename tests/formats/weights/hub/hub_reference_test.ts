import { assertEquals, assertThrows } from "@std/assert";
import { isHubReference, parseDataSetReference } from "../../../../formats/weights/mod.ts";
import { parseHubReference } from "../../../../formats/weights/hub/hub_reference.ts";

Deno.test("parseHubReference() splits owner, name and revision", () => {
  assertEquals(parseHubReference("hf:timm/tf_efficientnet_l2.ns_jft_in1k_475"), {
    text: "hf:timm/tf_efficientnet_l2.ns_jft_in1k_475",
    kind: "model",
    repository: "timm/tf_efficientnet_l2.ns_jft_in1k_475",
    revision: "main",
  });
  assertEquals(parseHubReference("hf:a/b@refs/pr/1").revision, "refs/pr/1");
});

Deno.test("parseHubReference() refuses what is no name or would leave the cache", () => {
  const wrong = [
    "hf:",
    "hf:a",
    "hf:a/b/c",
    "hf:a/..",
    "hf:../b",
    "hf:a/b@",
    "hf:a/b@../../x",
    "hf:a/b@x/../y",
    "a/b",
    "hf:a/b c",
  ];
  for (const text of wrong) {
    assertThrows(
      () => parseHubReference(text),
      TypeError,
      `Cannot read annotator "${text}": expected hf:owner/name or hf:owner/name@revision`,
    );
  }
});

Deno.test("isHubReference() tells a model on the hub from a folder", () => {
  assertEquals(["hf:a/b", "a/b", "./hf:a"].map(isHubReference), [true, false, false]);
});

Deno.test("parseDataSetReference() reads the name of a data set with and without the word", () => {
  const text = "hf:datasets/owner/name@v1";
  assertEquals(parseDataSetReference(text), { text, kind: "dataset", repository: "owner/name", revision: "v1" });
  const short = parseDataSetReference("hf:owner/name");
  assertEquals(short, { text: "hf:owner/name", kind: "dataset", repository: "owner/name", revision: "main" });
  for (
    const wrong of ["owner/name", "hf:datasets/name", "hf:spaces/owner/name", "hf:datasets/../name", "hf:a/b@../c"]
  ) {
    assertThrows(() => parseDataSetReference(wrong), TypeError, `Cannot read data set "${wrong}"`);
  }
});
