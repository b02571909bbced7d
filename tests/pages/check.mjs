// Checks pages: `node check.mjs FOLDER` validates each *.html in it, and prints each fault with its place.
// It ends with status 1 if a page has a fault, and with status 2 if there is no page.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { HtmlValidate } from "html-validate";

const folder = process.argv[2];
const pages = readdirSync(folder).filter((name) => name.endsWith(".html"));
if (pages.length === 0) {
  console.error(`${folder} holds no page`);
  process.exit(2);
}
// The standard, accessibility and no duplicate ids. Style is left to the authors of the pages.
const validator = new HtmlValidate({
  root: true,
  extends: ["html-validate:standard", "html-validate:a11y"],
});
let faults = 0;
for (const page of pages) {
  const report = await validator.validateFile(join(folder, page));
  for (const result of report.results) {
    for (const { line, column, ruleId, message } of result.messages) {
      faults += 1;
      console.log(`${page}:${line}:${column}: ${message} (${ruleId})`);
    }
  }
}
console.log(`${pages.length} pages, ${faults} faults`);
process.exit(faults === 0 ? 0 : 1);
