// Uses the server as programs written for OpenAI do: node client.mjs BASE_URL KEY PACKAGES
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { join } from "node:path";

const [base, key, packages] = process.argv.slice(-3);
const OpenAI = createRequire(join(packages, "here.js"))("openai");
const client = new OpenAI({ baseURL: base, apiKey: key, maxRetries: 0, timeout: 120_000 });
const messages = [{ role: "user", content: "Who makes honey?" }];

const models = await client.models.list();
assert.deepEqual(models.data.map((model) => model.id), ["alpha"]);

const said = await client.chat.completions.create({ model: "alpha", messages, temperature: 0.5 });
assert.match(said.choices[0].message.content, /honey/);
assert.equal(said.choices[0].finish_reason, "stop");
assert.equal(said.usage.total_tokens, said.usage.prompt_tokens + said.usage.completion_tokens);
assert.equal(said.sources[0].title, "bees.md");

const stream = await client.chat.completions.create({
  model: "alpha", messages, stream: true, stream_options: { include_usage: true },
});
let text = "", last;
for await (const chunk of stream) {
  text += chunk.choices[0]?.delta?.content ?? "";
  last = chunk;
}
assert.match(text, /honey/);
assert.ok(last.usage.total_tokens >= 0 && last.choices.length === 0);

// The client asks for base64 by itself and decodes it.
const quiet = (await client.embeddings.create({ model: "any", input: "bees" })).data[0].embedding;
const plain = await client.embeddings.create({ model: "any", input: ["bees", "wax"], encoding_format: "float" });
assert.equal(quiet.length, 384);
assert.ok(quiet.every((value, at) => Math.abs(value - plain.data[0].embedding[at]) < 1e-4));

const stores = await client.vectorStores.list();
assert.deepEqual(stores.data.map((store) => store.id), ["alpha"]);

const chat = (other, to = client) => to.chat.completions.create({ model: "alpha", messages, ...other });
const stranger = new OpenAI({ baseURL: base, apiKey: "sk-wrong", maxRetries: 0 });
await assert.rejects(chat({}, stranger), OpenAI.PermissionDeniedError);
await assert.rejects(chat({ model: "gpt-4o" }), OpenAI.NotFoundError);
await assert.rejects(chat({ model: "gpt-4o", stream: true }), OpenAI.NotFoundError);
await assert.rejects(chat({ temperature: 9 }), OpenAI.BadRequestError);
await assert.rejects(chat({ messages: [] }), OpenAI.BadRequestError);
console.log("all is well");
