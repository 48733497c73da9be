import { assertEquals, assertThrows } from "@std/assert";
import { groupSynsets, readWordNet, synsetsOf } from "../../../pipeline/model/word_net.ts";

const wordNet = await readWordNet();

Deno.test("readWordNet() has ImageNet's lists whole and in their order", () => {
  const { lists, hypernyms } = wordNet;
  assertEquals([...lists.keys()].map((length) => lists.get(length)!.length), [1000, 11221, 11821, 21841, 21842, 21843]);
  for (const synsets of lists.values()) {
    assertEquals(new Set(synsets).size, synsets.length);
    assertEquals(synsets.filter((wnid) => !hypernyms.has(wnid)), []);
  }
  const [imageNet, , , fall, known] = [...lists.values()];
  assertEquals(known.slice(0, 1000), imageNet);
  assertEquals(fall, fall.toSorted());
  assertEquals([fall[0], fall[1], lists.get(11821)![0]], ["n00004475", "n00005787", "n00005787"]);
  assertEquals(hypernyms.get("n02123045"), ["n02121808"]);
});

Deno.test("groupSynsets() gives a synset to the nearest that it is or is a kind of, and others to none", () => {
  const tree = {
    hypernyms: new Map([
      ["animal", []],
      ["dog", ["animal"]],
      ["puppy", ["dog"]],
      ["toy", []],
      ["robot dog", ["toy", "dog"]],
      ["cup", []],
    ]),
    lists: new Map(),
  };
  const synsets = ["puppy", "cup", "animal", "dog", "robot dog", "toy"];
  assertEquals(groupSynsets(tree, synsets, ["animal", "dog", "toy"]), [[2], [0, 3, 4], [5]]);
  assertEquals(groupSynsets(tree, synsets, ["toy", "animal", "cup"]), [[4, 5], [0, 2, 3], [1]]);
  assertThrows(() => groupSynsets(tree, synsets, ["car"]), TypeError, '"car" is no synset');
});

Deno.test("groupSynsets() takes ImageNet's 1,000 classes as they are, and finds nearly all of them in every list", () => {
  const imageNet = synsetsOf(wordNet, "a", 1000);
  assertEquals(groupSynsets(wordNet, imageNet, imageNet), imageNet.map((_, index) => [index]));
  const counted = [11821, 21841, 21843, 21842].map((length) => {
    const groups = groupSynsets(wordNet, synsetsOf(wordNet, "a", length), imageNet);
    return [groups.filter(({ length }) => length > 0).length, groups.flat().length];
  });
  assertEquals(counted, [[993, 1714], [999, 2244], [999, 2244], [1000, 2245]]);
});
