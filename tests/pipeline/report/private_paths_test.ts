import { assertEquals } from "@std/assert";
import { basename } from "@std/path";
import { publicName, withoutFolders } from "../../../pipeline/report/private_paths.ts";

Deno.test("withoutFolders() cuts absolute paths in sentences to their last names, and nothing else", () => {
  for (
    const [text, expected] of [
      ['Cannot read row 3 of "/home/al ice/data/a.parquet": broken', 'Cannot read row 3 of "a.parquet": broken'],
      ["open '/home/o\"neil/a b/c.jpg'", "open 'c.jpg'"],
      [`"/home/it's/x/y.jpg"`, '"y.jpg"'],
      ["unable to open /home/alice/x.jpg: no", "unable to open x.jpg: no"],
      ["/home/alice/x.jpg is gone, as is /srv/data/", "x.jpg is gone, as is "],
      ['Cannot read "C:\\Users\\al\\x.jpg"', 'Cannot read "x.jpg"'],
      ["file:///home/alice/x.jpg", "x.jpg"],
      ["of ~/data/x.jpg", "of x.jpg"],
      ["(path=/mnt/alice/x.jpg)", "(path=x.jpg)"],
      ['cats/1.jpg, "dogs/and cats/2.jpg"', 'cats/1.jpg, "dogs/and cats/2.jpg"'],
      ["https://host/a/b.jpg and/or 1/2/3, 3 / 4 / 5", "https://host/a/b.jpg and/or 1/2/3, 3 / 4 / 5"],
    ]
  ) {
    assertEquals(withoutFolders(text), expected);
  }
});

Deno.test("publicName() is a path that leads down from here, or the last name", () => {
  for (
    const [path, expected] of [
      ["labels", "labels"],
      ["runs/labels", "runs/labels"],
      ["runs/../labels", "labels"],
      ["/home/alice/labels", "labels"],
      ["/home/alice/labels/", "labels"],
      ["/home/alice/*.parquet", "*.parquet"],
      ["../../alice/labels", "labels"],
      ["runs/../../labels", "labels"],
      ["~/labels", "labels"],
      [".", basename(Deno.cwd())],
    ]
  ) {
    assertEquals(publicName(path), expected);
  }
});
