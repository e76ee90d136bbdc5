// Builds what the browser runs: one classic script for the app's pages, one for the post's frame, and the style sheet.
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";

const out = process.argv[2] ?? "../assets";
const common = { bundle: true, minify: true, format: "iife", target: "es2022", legalComments: "none", charset: "utf8" };
await build({ ...common, entryPoints: ["src/read.ts"], outfile: `${out}/read.js` });
await build({ ...common, entryPoints: ["src/frame.ts"], outfile: `${out}/frame.js` });
await build({ ...common, entryPoints: ["src/compare.ts"], outfile: "../../../tests/review/compare.mjs", format: "esm", platform: "neutral", mainFields: ["module", "main"] });
await build({ entryPoints: ["src/review.css"], outfile: `${out}/review.css`, minify: true, bundle: true });

const packages = ["@recogito/text-annotator", "@annotorious/core", "approx-string-match", "colord", "debounce", "dequal", "hotkeys-js", "nanoevents", "nanoid", "nanostores", "poll", "quickselect", "rbush", "uuid"];
const notices = packages.map((name) => {
  const { version, license } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8"));
  const file = readdirSync(`node_modules/${name}`).find((one) => /^licen[cs]e/i.test(one));
  const text = file ? readFileSync(`node_modules/${name}/${file}`, "utf8").trim() : "";
  return `${name} ${version} (${license})\n\n${text}`;
});
writeFileSync(`${out}/THIRD_PARTY.txt`, `Parts of read.js and frame.js come from these packages, under their licences:\n\n${notices.join("\n\n---\n\n")}\n`);

// A test compares this with the sources, so that what is shipped cannot fall behind them.
const sources = ["package-lock.json", "build.mjs", ...readdirSync("src").sort().map((name) => `src/${name}`), "../../render/runtime/src/tables.js"];
const sum = createHash("sha256");
for (const name of sources) sum.update(`${name}\n`).update(readFileSync(name));
writeFileSync(`${out}/SOURCES.sha256`, `${sum.digest("hex")}\n`);
