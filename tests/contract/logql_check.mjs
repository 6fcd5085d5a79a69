// Parses LogQL by Grafana's own grammar: node logql_check.mjs <node_modules' folder> <file of JSON strings>
// Prints for each expression the places that are none, as JSON.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, file] = process.argv.slice(2);
const require = createRequire(`${folder}/`);
const { parser } = require("@grafana/lezer-logql");
const found = JSON.parse(readFileSync(file, "utf8")).map((text) => {
  const errors = [];
  parser.parse(text).iterate({
    enter: (node) => {
      if (node.type.isError) errors.push(`${node.from}: ${text.slice(node.from - 10, node.to + 20)}`);
    },
  });
  return errors;
});
console.log(JSON.stringify(found));
