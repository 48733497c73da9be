import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { scoreClasses } from "../../../formats/labels/mod.ts";
import { smallMetadata } from "../../formats/labels/fixture.ts";
import { BROKEN } from "../photographs.ts";
import { ask, comparedFolder, exploredFolder, exploredRows, select, sendRaw, withServer } from "./explored_folder.ts";

Deno.test("the explorer says what its folders are, and gives rows and maps as they are stored", async () => {
  const { labels, images, rows } = exploredFolder();
  await withServer({ labels, images }, async (url) => {
    const { json: folder } = await ask(`${url}api/folder`);
    assertEquals(folder.folders, [{
      path: labels,
      annotator: { name: "tf_efficientnet_lite0", inputSize: [475, 475] },
      dtype: "fp32",
      k: 3,
      grid: [2, 4],
      classes: 12,
      rows: 12,
    }]);
    assertEquals(folder.classNames.slice(0, 2), ["tabby, tabby cat", "Egyptian cat"]);
    assertEquals([folder.labelNames, folder.labelClasses], [["pier", "wombat"], [8, null]]);
    const { json: page } = await ask(`${url}api/rows?offset=4&limit=3`);
    assertEquals(page.total, 12);
    for (const [index, found] of page.rows.entries()) {
      const { key, label, width, height } = rows[4 + index];
      assertEquals([found.row, found.key, found.label, found.width, found.height], [
        4 + index,
        key,
        label,
        width,
        height,
      ]);
      const scored = scoreClasses(rows[4 + index], smallMetadata());
      assertEquals(found.best, scored.slice(0, 5));
      const own = scored.find((one) => one.class === 8)?.score ?? 0;
      assertEquals(found.selfConfidence, label === 0 ? own : null);
    }
    const { json: map } = await ask(`${url}api/map?key=${encodeURIComponent(rows[5].key)}`);
    assertEquals([map.k, map.grid, map.classes, map.dtype], [3, [2, 4], 12, "fp32"]);
    assertEquals([map.class, map.score], [[...rows[5].class], [...rows[5].score]]);
    assertEquals((await ask(`${url}api/rows?offset=12`)).json, { total: 12, rows: [] });
  });
});

Deno.test("the explorer compares two folders, and says which map is missing", async () => {
  const { labels, images, rows } = exploredFolder();
  const others = exploredRows(rows.map(({ key }) => key), 1).slice(1).toReversed();
  others[0].topClass.set(rows[11].topClass);
  await withServer({ labels, images, compare: comparedFolder(others) }, async (url) => {
    assertEquals((await ask(`${url}api/folder`)).json.folders.length, 2);
    const { json: map } = await ask(`${url}api/map?folder=1&key=${encodeURIComponent(rows[2].key)}`);
    assertEquals(map.class, [...others.find(({ key }) => key === rows[2].key)!.class]);
    const missing = await ask(`${url}api/map?folder=1&key=${encodeURIComponent(rows[0].key)}`);
    assertEquals(missing.status, 404);
    assertStringIncludes(missing.json.error, `has no label map of "${rows[0].key}"`);
    const { json: differing } = await ask(`${url}api/rows?differs=1`);
    const expected = rows.filter(({ key, topClass }) => {
      const other = others.find((row) => row.key === key);
      return other && other.topClass[0] !== topClass[0];
    });
    assertEquals(differing.rows.map((row: { key: string }) => row.key), expected.map(({ key }) => key));
  });
  await withServer({ labels, images }, async (url) => {
    const alone = await ask(`${url}api/rows?differs=1`);
    assertEquals(alone, { status: 400, json: { error: "Cannot compare: explore was started without --compare" } });
    assertEquals((await ask(`${url}api/map?folder=1&key=x`)).status, 404);
  });
});

Deno.test("the explorer gives pictures of images in the label maps, and the reason why there is none", async () => {
  const { labels, images, rows } = exploredFolder();
  Deno.removeSync(join(images, rows[0].key));
  await withServer({ labels, images }, async (url) => {
    for (const kind of ["image", "thumbnail"]) {
      let pictures = 0;
      for (const { key } of rows) {
        const response = await fetch(`${url}${kind}?key=${encodeURIComponent(key)}`);
        const reason = Object.entries(BROKEN).find(([name]) => key.endsWith(name))?.[1];
        if (key === rows[0].key) {
          assertEquals(response.status, 404);
          assertEquals(await response.json(), { error: "Cannot read image: there is none of this key" });
        } else if (reason !== undefined) {
          assertEquals(response.status, 422, key);
          assertEquals(await response.json(), { error: reason });
        } else {
          assertEquals([response.status, response.headers.get("content-type")], [200, "image/webp"]);
          assertEquals(new TextDecoder().decode((await response.bytes()).subarray(8, 12)), "WEBP");
          pictures++;
        }
      }
      assert(pictures >= 8);
    }
  });
});

Deno.test("the explorer serves no file that is not an image of the label maps", async () => {
  const { images, rows } = exploredFolder();
  const outside = join(images, "..", "outside.jpg");
  Deno.copyFileSync(join(images, rows[0].key), outside);
  Deno.symlinkSync(outside, join(images, "linked.jpg"));
  Deno.copyFileSync(outside, join(images, "unlisted.jpg"));
  const keys = ["../outside.jpg", outside, "linked.jpg", "cats/../../outside.jpg", "cats", "kept.jpg"];
  Deno.copyFileSync(outside, join(images, "kept.jpg"));
  const labels = comparedFolder(exploredRows(keys));
  await withServer({ labels, images }, async (url) => {
    for (const key of keys.slice(0, 5)) {
      assertEquals((await ask(`${url}image?key=${encodeURIComponent(key)}`)).status, 404, key);
    }
    for (const key of ["unlisted.jpg", "kept.jpg\0", "./kept.jpg", "KEPT.JPG", ""]) {
      assert([400, 404].includes((await ask(`${url}image?key=${encodeURIComponent(key)}`)).status), key);
    }
    const path = new URL(url).pathname;
    for (
      const target of [
        `${path}../../etc/passwd`,
        `${path}%2e%2e/page.html`,
        `${path}page.html`,
        `${path}/etc/passwd`,
        `${path}image/..%2f..%2fkept.jpg`,
        `${path}page.js%00`,
      ]
    ) {
      assertEquals((await sendRaw(url, target)).status, 404, target);
    }
    const kept = await fetch(`${url}image?key=kept.jpg`);
    assertEquals(kept.status, 200);
    await kept.body?.cancel();
  });
});

Deno.test("the explorer answers its own page alone", async () => {
  const { labels, images } = exploredFolder();
  await withServer({ labels, images }, async (url) => {
    const { port, pathname, origin } = new URL(url);
    const target = `${pathname}api/folder`;
    const wrong = pathname.replace(/[0-9a-f]/, (digit) => digit === "0" ? "1" : "0");
    assertEquals(pathname.length, 34);
    const allowed: string[][] = [
      [],
      [`Host: localhost:${port}`],
      [`Origin: ${origin}`, "Sec-Fetch-Site: same-origin"],
      ["Sec-Fetch-Site: none"],
    ];
    for (const headers of allowed) assertEquals((await sendRaw(url, target, headers)).status, 200, headers.join());
    const refused: [string, string[]][] = [
      [target, ["Host: evil.example"]],
      [target, [`Host: evil.example:${port}`]],
      [target, ["Host: 127.0.0.1"]],
      [target, [`Host: 127.0.0.1.evil.example:${port}`]],
      [target, ["Origin: https://evil.example"]],
      [target, ["Origin: null"]],
      [target, [`Origin: http://localhost:${port}`]],
      [target, ["Origin: http://127.0.0.1:1"]],
      [target, ["Sec-Fetch-Site: cross-site"]],
      [target, ["Sec-Fetch-Site: same-site"]],
      ["/api/folder", []],
      [`${wrong}api/folder`, []],
      [`${pathname.slice(0, -1)}x/api/folder`, []],
      [`/${target}`, []],
      ["/", []],
    ];
    for (const [path, headers] of refused) {
      const { status, text } = await sendRaw(url, path, headers);
      assertEquals(status, 403, `${path} ${headers}`);
      assert(!text.includes("tf_efficientnet_lite0") && !text.includes(pathname), text);
    }
    const { text } = await sendRaw(url, target, [`Origin: ${origin}`]);
    assert(!/^access-control-/mi.test(text), text);
    for (const line of ["cache-control: no-store", "x-content-type-options: nosniff", "referrer-policy: no-referrer"]) {
      assertStringIncludes(text, line);
    }
    assertStringIncludes(text, "content-security-policy: default-src 'none'; script-src 'self'; style-src 'self';");
    assertEquals((await sendRaw(url, target, [], "OPTIONS")).status, 405);
    assertEquals((await sendRaw(url, `${pathname}api/selection`)).status, 405);
  });
});

Deno.test("the explorer refuses broken requests in one sentence", async () => {
  const { labels, images } = exploredFolder();
  await withServer({ labels, images }, async (url) => {
    const { pathname } = new URL(url);
    const cases: [string, number, string][] = [
      ["api/rows?key=%zz", 400, "Cannot read the address: its percent-encoding is broken"],
      ["api/rows?key=%ff", 400, "Cannot read the address: its percent-encoding is broken"],
      [`api/rows?key=${"a".repeat(5000)}`, 400, "Cannot use key: it has 5000 characters, expected 4096 at most"],
      [`api/rows?key=${"a".repeat(20000)}`, 400, "Cannot read the address: it has"],
      ["api/rows?key=%00", 400, "Cannot use key: it has a character 0"],
      ["api/rows?class=3&class=4", 400, 'Cannot read the address: "class" is there twice'],
      ["api/rows?clas=3", 400, 'Unknown parameter "clas": known are class, label'],
      ["api/rows?class=-1", 400, "Cannot use class=-1: expected a number from 0"],
      ["api/rows?class=1e9", 400, "Cannot use class=1e9"],
      ["api/rows?order=up", 400, "Cannot use order=up: expected one of key, suspicious"],
      ["api/rows?threshold=2", 400, "Cannot use threshold=2: expected a score, 0 to 1"],
      ["api/rows?limit=501", 400, "Cannot use limit=501: expected 1 to 500"],
      ["api/rows?limit=0", 400, "Cannot use limit=0"],
      ["api/rows?where=1)+UNION+SELECT+(1", 400, "Cannot use the condition: syntax error"],
      [
        "api/rows?where=key+IN+(FROM+read_text('/etc/passwd'))",
        400,
        "Cannot use the condition: subqueries are refused",
      ],
      ["api/rows?where=key::INT+=+1", 400, "Cannot use the condition: Conversion Error"],
      ["api/map", 400, "Expected the key of an image"],
      ["api/map?folder=x&key=a", 404, 'There is no folder "x": expected 0'],
      ["api/map?folder=2&key=a", 404, 'There is no folder "2": expected 0'],
      ["api/map?key=a", 404, `"${labels}" has no label map of "a"`],
      ["nothing", 404, "There is nothing at this address"],
    ];
    for (const [target, status, sentence] of cases) {
      const { status: found, text } = await sendRaw(url, pathname + target);
      assertEquals(found, status, target);
      const { error } = JSON.parse(/\{.*\}/s.exec(text)![0]);
      assert(error.startsWith(sentence), `${error} does not start with ${sentence}`);
      assert(!error.includes("\n") && !error.includes("    at "), error);
    }
  });
});

Deno.test("the explorer writes a selection, by keys or by filter, and replaces no file of others unasked", async () => {
  const { labels, images, rows } = exploredFolder();
  const selection = join(Deno.makeTempDirSync(), "chosen.txt");
  const read = () => Deno.readTextFileSync(selection);
  await withServer({ labels, images, selection }, async (url) => {
    Deno.writeTextFileSync(selection, "mine\n");
    const keys = [rows[3].key, rows[1].key, rows[3].key];
    const refused = await select(url, { keys });
    assertEquals([refused.status, refused.json.exists, read()], [409, true, "mine\n"]);
    assertEquals(await select(url, { keys, overwrite: true }), { status: 200, json: { path: selection, images: 2 } });
    assertEquals(read(), `${rows[3].key}\n${rows[1].key}\n`);
    const filter = { order: "least-confident", label: "1" };
    const confidence = (row: typeof rows[number]) => scoreClasses(row, smallMetadata())[0]?.score ?? -1;
    const chosen = rows.filter(({ label }) => label === 1).sort((a, b) => confidence(a) - confidence(b));
    assertEquals((await select(url, { filter })).json.images, chosen.length);
    assertEquals(read(), chosen.map(({ key }) => `${key}\n`).join(""));
    const kept = read();
    const cases: [unknown, number, string, string?][] = [
      [{ keys: ["none.jpg"] }, 400, `"${labels}" has no label map of "none.jpg"`],
      [{ keys: [] }, 400, `Cannot write the selection "${selection}": no image is selected`],
      [{ filter: { key: "nothing has this" } }, 400, `Cannot write the selection "${selection}": no image is selected`],
      [{ filter: { limit: "3" } }, 400, 'Unknown parameter "limit"'],
      [{ filter: { where: "nope" } }, 400, "Cannot use the condition: Binder Error"],
      [{ filter: { class: 3 } }, 400, "Cannot read the selection: expected keys or filter"],
      [{ keys: [rows[0].key], filter: {} }, 400, "Cannot read the selection: expected keys or filter"],
      [{ keys: [3] }, 400, "Cannot read the selection: expected keys or filter"],
      [{ keys: [rows[0].key], path: "x" }, 400, "Cannot read the selection: expected keys or filter"],
      ["null", 400, "Cannot read the selection: expected keys or filter"],
      ["{", 400, "Cannot read the selection: it is not JSON"],
      [{ keys: [rows[0].key] }, 415, "Cannot read the selection: expected application/json", "text/plain"],
      [{ keys: ["a".repeat(17 * 2 ** 20)] }, 413, "Cannot read the selection: it has more than"],
    ];
    for (const [body, status, sentence, type] of cases) {
      const { status: found, json } = await select(url, body, type);
      assertEquals([found, json.error.startsWith(sentence)], [status, true], json.error);
      assertEquals(read(), kept);
    }
    assertEquals([...Deno.readDirSync(join(selection, ".."))].map(({ name }) => name), ["chosen.txt"]);
  });
});

Deno.test("the explorer answers two pages at once", async () => {
  const { labels, images, rows } = exploredFolder();
  await withServer({ labels, images }, async (url) => {
    const queries = ["label=1", "label=0", "key=cats", "key=dogs", "order=suspicious", "where=width > 105"];
    const alone = new Map<string, unknown>();
    for (const query of queries) alone.set(query, (await ask(`${url}api/rows?${query}`)).json);
    const requests = Array.from({ length: 60 }, (_, index) => queries[index * 7 % queries.length]);
    const answers = await Promise.all(requests.map((query) => ask(`${url}api/rows?${query}`)));
    answers.forEach(({ json }, index) => assertEquals(json, alone.get(requests[index])));
    const pictures = await Promise.all(rows.flatMap(({ key }) =>
      [1, 2].map(async () => {
        const response = await fetch(`${url}thumbnail?key=${encodeURIComponent(key)}`);
        return [response.status, (await response.bytes()).length];
      })
    ));
    for (let index = 0; index < pictures.length; index += 2) assertEquals(pictures[index], pictures[index + 1]);
  });
});

Deno.test("the explorer serves its page", async () => {
  const { labels, images } = exploredFolder();
  await withServer({ labels, images }, async (url) => {
    const types = { "": "text/html", "page.js": "text/javascript", "page.css": "text/css" };
    for (const [file, type] of Object.entries(types)) {
      const response = await fetch(url + file);
      assertEquals([response.status, response.headers.get("content-type")], [200, `${type}; charset=utf-8`]);
      const source = new URL(`../../../assets/explorer/${file || "page.html"}`, import.meta.url);
      assertEquals(await response.text(), Deno.readTextFileSync(source));
    }
    const { status, text } = await sendRaw(url, new URL(url).pathname.slice(0, -1));
    assertEquals(status, 308);
    assertStringIncludes(text, `location: ${url}`);
  });
});
