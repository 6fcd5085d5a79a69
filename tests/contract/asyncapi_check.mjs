// Validates an AsyncAPI document with the official parser: one line for each finding, exit 1 on an error.
// Usage: node asyncapi_check.mjs <folder that holds node_modules> <document>
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [modules, document] = process.argv.slice(2);
const { Parser } = createRequire(`${modules}/`)("@asyncapi/parser");
const parsed = await new Parser().parse(readFileSync(document, "utf8"));
for (const found of parsed.diagnostics) {
  console.log(`${found.severity} ${found.code} ${found.path.join("/")}: ${found.message}`);
}
process.exit(parsed.document ? 0 : 1);
