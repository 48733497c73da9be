import { assertEquals } from "@std/assert";
import { targetSource } from "../../../pipeline/training/start_trainer.ts";
import { imageFolder, mapFolder, openData, smallOptions } from "./data.ts";

const IMAGES = imageFolder(3);
const KEYS = ["cat/0.png", "dog/1.png", "eel/2.png"];

Deno.test("targetSource() pools maps as what they say that their scores are, with the training's threshold", async () => {
  const cases = [
    [undefined, 0, [undefined, undefined, undefined]],
    ["sigmoid", 0.4, ["sigmoid", -100, 0.4]],
    ["presence", 0, ["presence", undefined, undefined]],
  ] as const;
  for (const [scores, presenceThreshold, expected] of cases) {
    const maps = mapFolder(KEYS, { scores });
    const options = smallOptions({ images: IMAGES, maps, loss: "bce", presenceThreshold });
    const data = await openData(options);
    const source = targetSource(options, data);
    data.close();
    if (source.type !== "pooled") throw new TypeError(`the source is ${source.type}`);
    assertEquals([source.maps.scores, source.maps.floor, source.pooling.presenceThreshold], [...expected]);
  }
});
