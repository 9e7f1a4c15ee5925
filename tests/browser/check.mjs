// Opens a page in Chromium and uses it as a person would. Arguments: the page, the directory for screenshots, Chromium, and
// what the page is: a report, or a comparison of two (which has no script: no filter, nothing to unfold).
//
// Fails on an error in the console, on any request, on a filter or a cause that does not work, on a script or style that
// the page's own policy refuses, and on a serious violation that axe finds (WCAG 2.2 AA among its rules).
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import puppeteer from "puppeteer-core";

const [report, pictures, chromium = "chromium", kind = "report"] = process.argv.slice(2);
const expected = {
  report: ["Verdict", "Causes", "Reply codes", "Sessions", "Coverage"],
  comparison: ["Before", "After", "Verdict", "Causes", "Reply codes", "Fisher"],
}[kind];
const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const wrong = [];

function expect(holds, words) {
  if (!holds) {
    wrong.push(words);
  }
}

async function open(browser, features, script = true) {
  const page = await browser.newPage();
  await page.setViewport({ width: 1280, height: 900 });
  await page.setJavaScriptEnabled(script);
  await page.emulateMediaFeatures(features);
  page.on("console", (message) => {
    if (["error", "warn"].includes(message.type())) {
      wrong.push(`console: ${message.text()}`);
    }
  });
  page.on("pageerror", (error) => wrong.push(`error on the page: ${error.message}`));
  page.on("dialog", async (dialog) => {
    wrong.push(`a dialog: ${dialog.message()}`);
    await dialog.dismiss();
  });
  page.on("request", (request) => {
    const url = request.url();
    expect(url === pathToFileURL(report).href || url === "data:,", `a request: ${url}`);
  });
  await page.goto(pathToFileURL(report).href, { waitUntil: "load" });
  return page;
}

// The whole page; of a very long one its beginning, for there is an end to what a screenshot can hold.
async function picture(page, name) {
  const [width, height] = await page.evaluate(() => [innerWidth, document.documentElement.scrollHeight]);
  const clip = { x: 0, y: 0, width, height: Math.min(height, 12000) };
  await page.screenshot({ path: path.join(pictures, `${name}.png`), clip, captureBeyondViewport: true });
}

// What a person filters by: the words of one row.
async function filters(page) {
  const rows = await page.$$eval("#rows tbody tr", (all) => all.length);
  expect(rows > 1, `only ${rows} rows of sessions`);
  expect(await page.$eval("#filter", (input) => input.checkVisibility()), "the filter can't be seen");
  await page.type("#filter", "no such words");
  const shown = () => page.$$eval("#rows tbody tr", (all) => all.filter((row) => row.checkVisibility()).length);
  expect((await shown()) === 0, "the filter shows rows without its words");
  expect((await page.$eval("#filtered", (told) => told.textContent)) === `0 of ${rows} rows`, "the filter does not tell how many");
  await page.$eval("#filter", (input) => (input.value = ""));
  const id = await page.$eval("#rows tbody tr:last-child th", (cell) => cell.textContent);
  await page.type("#filter", id.toUpperCase());
  expect((await shown()) >= 1 && (await shown()) < rows, `the filter does not find ${id}`);
  await page.$eval("#filter", (input) => {
    input.value = "";
    input.dispatchEvent(new Event("input"));
  });
  expect((await shown()) === rows, "an empty filter hides rows");
}

// By keyboard alone: a cause unfolds to its evidence and its example.
async function unfolds(page) {
  const closed = await page.$("details.cause:not([open])");
  expect(closed, "no cause is folded");
  if (!closed) {
    return;
  }
  const inside = () => closed.$eval(".evidence", (list) => list.checkVisibility({ contentVisibilityAuto: true }));
  expect(!(await inside()), "a folded cause shows its evidence");
  await (await closed.$("summary")).focus();
  await page.keyboard.press("Enter");
  expect(await inside(), "a cause does not unfold by Enter");
  const steps = await page.$$eval("details.cause .ladder", (all) => all.length);
  expect(steps > 0, "no cause has an example step by step");
  const link = await page.$("#rows a");
  if (link) {
    const target = await link.evaluate((a) => a.getAttribute("href").slice(1));
    await link.evaluate((a) => a.click());
    await page.waitForFunction((id) => document.getElementById(id).checkVisibility({ contentVisibilityAuto: true }), { timeout: 5000 }, target);
  }
}

async function reads(browser) {
  const page = await open(browser, [], false);
  const text = await page.$eval("body", (body) => body.innerText);
  for (const word of expected) {
    expect(text.includes(word), `without script there is no ${word}`);
  }
  if (kind === "report") {
    expect(!(await page.$eval(".filter", (p) => p.checkVisibility())), "without script there is a filter that does nothing");
  }
  await page.close();
}

async function accessible(page, name) {
  await page.evaluate(() => document.querySelectorAll("details").forEach((details) => (details.open = true)));
  // The page's policy refuses every foreign script, as it should: axe comes in behind it.
  await page.evaluate(await readFile(axe, "utf8"));
  const found = await page.evaluate(() => window.axe.run());
  for (const violation of found.violations) {
    const places = violation.nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary ?? ""}`);
    const words = `axe, ${name}: ${violation.impact} ${violation.id}: ${violation.help}: ${places.join("; ")}`;
    if (["serious", "critical"].includes(violation.impact)) {
      wrong.push(words);
    } else {
      console.log(words);
    }
  }
  expect(found.passes.length > 10, `axe, ${name}: looked at nothing`);
}

await mkdir(pictures, { recursive: true });
const browser = await puppeteer.launch({
  executablePath: chromium,
  args: ["--no-sandbox", "--disable-gpu", "--force-color-profile=srgb"],
});
try {
  await reads(browser);
  for (const scheme of ["light", "dark"]) {
    const page = await open(browser, [{ name: "prefers-color-scheme", value: scheme }]);
    await picture(page, scheme);
    if (kind === "report") {
      await filters(page);
      await unfolds(page);
    }
    await accessible(page, scheme);
    await picture(page, `${scheme}-unfolded`);
    const broad = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(broad <= 0, `${scheme}: the page is ${broad} pixels too wide`);
    await page.setViewport({ width: 390, height: 800 });
    await picture(page, `${scheme}-narrow`);
    const narrow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    expect(narrow <= 0, `${scheme}: the page is ${narrow} pixels too wide for a telephone`);
    await page.close();
  }
  const page = await open(browser, []);
  await page.pdf({ path: path.join(pictures, "print.pdf"), format: "A4", printBackground: true });
  await page.emulateMediaType("print");
  const hidden = await page.$$eval(".evidence", (all) => all.filter((list) => list.getBoundingClientRect().height === 0).length);
  expect(hidden === 0, `${hidden} folded causes are not printed`);
  await picture(page, "print");
} finally {
  await browser.close();
}
if (wrong.length > 0) {
  console.error(wrong.join("\n"));
  process.exit(1);
}
console.log("the report works in the browser");
