import { assertEquals } from "@std/assert";
import { targetSource } from "../../../pipeline/training/start_trainer.ts";
import { imageFolder, mapFolder, openData, smallOptions } from "./data.ts";

const IMAGES = imageFolder(3);
const KEYS = ["cat/0.png", "dog/1.png", "eel/2.png"];

Deno.test("targetSource() pools maps as what they say that their scores are", async () => {
  for (const scores of [undefined, "sigmoid"] as const) {
    const options = smallOptions({ images: IMAGES, maps: mapFolder(KEYS, { scores }), loss: "bce" });
    const data = await openData(options);
    const source = targetSource(options, data);
    data.close();
    const { maps } = source.type === "pooled" ? source : { maps: undefined };
    assertEquals([maps?.scores, maps?.floor], scores === undefined ? [undefined, undefined] : ["sigmoid", -100]);
  }
});
