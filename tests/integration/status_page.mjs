// Opens pages in Chromium: node status_page.mjs <node_modules' folder> <chromium> <plan>
// The plan is JSON: {"views": [{"name", "path", "width", "dark", "screenshot", "axe"}], "base", "keys"}.
// Prints JSON: for each view its title, what went wrong, what it asked for, its overflow, axe's findings.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, executablePath, plan] = process.argv.slice(2);
const require = createRequire(`${folder}/`);
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const { base, views, keys } = JSON.parse(readFileSync(plan, "utf8"));

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
const found = [];
const contexts = new Map();
const contextOf = async ({ width, dark }) => {
  const key = `${width} ${dark}`;
  if (!contexts.has(key))
    contexts.set(key, await browser.newContext({
      viewport: { width, height: 800 },
      colorScheme: dark ? "dark" : "light",
      deviceScaleFactor: width < 500 ? 2 : 1,
      reducedMotion: "reduce",
    }));
  return contexts.get(key);
};
for (const view of views) {
  const page = await (await contextOf(view)).newPage();
  page.setDefaultTimeout(120_000);
  const problems = [];
  const requests = [];
  page.on("console", (message) => problems.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => problems.push(`error: ${error}`));
  page.on("dialog", (dialog) => problems.push(`dialog: ${dialog.message()}`));
  page.on("request", (request) => requests.push(request.url().replace(base, "")));
  const response = await page.goto(base + view.path, { waitUntil: "load" });
  const seen = await page.evaluate(() => ({
    title: document.title,
    text: document.body.innerText,
    scripts: document.scripts.length,
    images: document.images.length,
    handlers: [...document.querySelectorAll("*")].filter((one) =>
      [...one.attributes].some((a) => a.name.startsWith("on"))).length,
    overflow: document.documentElement.scrollWidth - document.documentElement.clientWidth,
    background: getComputedStyle(document.body).backgroundColor,
  }));
  if (view.screenshot) await page.screenshot({ path: view.screenshot, fullPage: true });
  const one = { name: view.name, status: response.status(), ...seen, problems, requests };
  if (view.axe) {
    // The page forbids scripts, so axe comes through the debugger.
    await page.evaluate(axe);
    const result = await page.evaluate("axe.run(document, {resultTypes: ['violations']})");
    one.violations = result.violations.map((v) => `${v.id}: ${v.nodes[0].html.slice(0, 200)}`);
    one.rules = result.passes.length;
  }
  found.push(one);
  await page.close();
}

// By keyboard alone: to the search, a word, Enter, to the first feed, Enter.
let byKeyboard = null;
if (keys) {
  const page = await browser.newPage({ viewport: { width: 320, height: 640 } });
  page.setDefaultTimeout(120_000);
  await page.goto(base + "/");
  const reached = [];
  const tabTo = async (selector) => {
    for (let n = 0; n < 60; n++) {
      await page.keyboard.press("Tab");
      reached.push(await page.evaluate(() => document.activeElement.tagName));
      if (await page.evaluate((s) => document.activeElement.matches(s), selector)) return true;
    }
    return false;
  };
  const input = await tabTo("#q");
  const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
  await page.keyboard.type(keys);
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  const searched = new URL(page.url()).pathname + new URL(page.url()).search;
  const link = await tabTo("ul a");
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
  byKeyboard = { input, outline, searched, link, path: new URL(page.url()).pathname, heading: await page.textContent("h1") };
}
await browser.close();
console.log(JSON.stringify({ views: found, byKeyboard }));
