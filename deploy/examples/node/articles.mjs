// Reads articles with KafkaJS: committed only (its default), validated, each event once.
//
//   npm install && node articles.mjs 127.0.0.1:9092 news.articles
import { readFileSync } from "node:fs";
import Ajv from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { Kafka, logLevel } from "kafkajs";

const [servers, topic] = process.argv.slice(2);
const schemas = process.env.SCHEMAS ?? new URL("../../../schemas/json", import.meta.url).pathname;
const ajv = addFormats.default(new Ajv.default({ strict: true }));
const validators = new Map(
  ["article", "article-withdrawn"].map((name) => [
    `urn:newswire:${name}:v1`,
    ajv.compile(JSON.parse(readFileSync(`${schemas}/${name}.json`, "utf8"))),
  ]),
);
const types = new Set(["news.article.created", "news.article.updated", "news.article.withdrawn"]);
const seen = new Set(); // a service keeps ce_id beside what it made of the event

const kafka = new Kafka({ brokers: servers.split(","), logLevel: logLevel.ERROR });
const consumer = kafka.consumer({ groupId: "example-node", readUncommitted: false });
await consumer.connect();
await consumer.subscribe({ topic, fromBeginning: true });
await consumer.run({
  eachMessage: async ({ message }) => {
    const header = (name) => message.headers?.[name]?.toString() ?? "";
    const validate = validators.get(header("ce_dataschema"));
    if (message.value === null || !types.has(header("ce_type")) || !validate) return; // not known: ignored
    const id = header("ce_id");
    if (seen.has(id)) return;
    seen.add(id);
    const article = JSON.parse(message.value.toString());
    if (!validate(article)) {
      console.log(["invalid", id, ajv.errorsText(validate.errors)].join("\t"));
      return;
    }
    const kind = header("ce_type").split(".").pop();
    console.log([kind, article.articleId, article.revision, article.headline ?? ""].join("\t"));
  },
});
