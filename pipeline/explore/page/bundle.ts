/**
 * Makes the page's script and style sheet: modules, preact among them, become one file, so that the page fetches nothing.
 *
 * @module
 */

import { join } from "node:path";

/** What the licence of preact asks for. */
const NOTICE = `/*! Contains preact 10.29.8, Copyright (c) 2015-present Jason Miller, under the MIT License:

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE. */
`;

const [folder] = Deno.args;
const script = join(folder, "page.js");
const { success, stderr } = await new Deno.Command(Deno.execPath(), {
  args: ["bundle", "--quiet", "--frozen", "--platform", "browser", "--minify", "--output", script, "main.tsx"],
  cwd: import.meta.dirname,
}).output();
if (!success) throw new Error(`Cannot bundle the page: ${new TextDecoder().decode(stderr)}`);
await Deno.writeTextFile(script, NOTICE + await Deno.readTextFile(script));
