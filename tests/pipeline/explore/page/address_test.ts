import { assertEquals } from "@std/assert";
import {
  addressOf,
  filterParameters,
  FIRST_VIEW,
  type View,
  viewOf,
} from "../../../../pipeline/explore/page/address.ts";

Deno.test("viewOf() reads the view that addressOf() wrote", () => {
  const views: View[] = [
    FIRST_VIEW,
    {
      filter: {
        key: "a&b=c#d",
        class: 0,
        threshold: 0.25,
        label: 7,
        where: "width > 100 AND key LIKE '%ä%'",
        differs: true,
        order: "suspicious",
      },
      page: 20_833,
      image: "cats/<img src=x>.jpg",
      heat: -1,
      mode: "global-single",
      missing: "uniform",
      temperature: 0.5,
      box: { top: 0.1, left: 0.2, height: 0.3, width: 0.4 },
    },
  ];
  for (const view of views) assertEquals(viewOf(addressOf(view)), view);
});

Deno.test("addressOf() of the first view says nothing", () => {
  assertEquals(addressOf(FIRST_VIEW), "#");
  assertEquals([...filterParameters(FIRST_VIEW.filter)], []);
});

Deno.test("viewOf() leaves out what it does not understand", () => {
  const wrong =
    "#class=cat&label=-1&threshold=2&order=best&page=0&heat=-2&mode=all&temperature=0&crop=1,1,1,1&unknown=1";
  assertEquals(viewOf(wrong), FIRST_VIEW);
  assertEquals(viewOf(""), FIRST_VIEW);
});
