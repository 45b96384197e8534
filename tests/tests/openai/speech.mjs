// Hears and speaks as programs written for OpenAI do: node speech.mjs BASE_URL KEY PACKAGES
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

const [base, key, packages] = process.argv.slice(-3);
const OpenAI = createRequire(join(packages, "here.js"))("openai");
const client = new OpenAI({ baseURL: base, apiKey: key, maxRetries: 0, timeout: 120_000 });

const recording = () => OpenAI.toFile(Buffer.concat([Buffer.from("RIFF"), Buffer.alloc(96)]), "morning.wav");
const hear = async (other) => client.audio.transcriptions.create({ model: "whisper-1", file: await recording(), ...other });
const heard = "Good morning. I heard 100 bytes.";

assert.equal((await hear()).text, heard);
const said = await hear({ response_format: "verbose_json", timestamp_granularities: ["word"] });
assert.deepEqual(said.words.map(({ word }) => word), ["Good", "morning.", "I"]);
assert.equal(said.segments, undefined);

let text = "";
let last = null;
for await (const event of await hear({ stream: true })) {
  if (event.type === "transcript.text.delta") text += event.delta;
  last = event;
}
assert.equal(text, heard);
assert.equal(last.type, "transcript.text.done");

const english = await client.audio.translations.create({ model: "whisper-1", file: await recording() });
assert.equal(english.text, heard);

const spoken = await client.audio.speech.create({ model: "tts-1", voice: "ada", input: "# Hello" });
assert.equal(Buffer.from(await spoken.arrayBuffer()).toString(), "[mp3 ada]Hello.");
await assert.rejects(hear({ language: "english" }), { status: 400, param: "language" });
await assert.rejects(hear({ model: "nobody" }), { status: 404, code: "model_not_found" });
console.log("all is well");
