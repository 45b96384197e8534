// What parsers for Node need for the files that `parse_bench` reads: node node_parsers.mjs PACKAGES FILES...
// PACKAGES is a directory in which pdf-parse, mammoth and officeparser are installed. One line of JSON for each
// file: processor milliseconds of this process for one reading, once the first ones have warmed it.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, extname, join } from "node:path";

const [packages, ...files] = process.argv.slice(2);
const require = createRequire(join(packages, "here.js"));
const { PDFParse } = require("pdf-parse");
const mammoth = require("mammoth");
const { parseOffice } = require("officeparser");

const WARMING = 10;
const READINGS = 30;

async function office(path) {
  const read = await parseOffice(path);
  return (await read.to("text")).value;
}

const parsers = {
  ".pdf": ["pdf-parse", async (path) => {
    const parser = new PDFParse({ data: new Uint8Array(await readFile(path)) });
    const { text } = await parser.getText();
    await parser.destroy();
    return text;
  }],
  ".docx": ["mammoth", async (path) => (await mammoth.extractRawText({ path })).value],
  ".pptx": ["officeparser", office],
  ".xlsx": ["officeparser", office],
  ".odt": ["officeparser", office],
  ".odp": ["officeparser", office],
  ".ods": ["officeparser", office],
};

for (const file of files) {
  const [name, parse] = parsers[extname(file)] ?? [];
  if (!parse) continue;
  for (let i = 0; i < WARMING; i++) {
    if (!(await parse(file))) throw new Error(`${name} finds no text in ${file}`);
  }
  const before = process.cpuUsage();
  for (let i = 0; i < READINGS; i++) await parse(file);
  const { user, system } = process.cpuUsage(before);
  const value = (user + system) / 1000 / READINGS;
  console.log(JSON.stringify({ figure: basename(file), by: name, value, unit: "CPU ms" }));
}
process.exit(0);
