/**
 * Where the page of `deno task explore` begins.
 *
 * @module
 */

import "./page.css";
import { render } from "preact";
import { App } from "./app.tsx";

const place = document.getElementById("app")!;
place.replaceChildren();
render(<App />, place);
