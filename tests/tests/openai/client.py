"""Uses the server as programs written for OpenAI do: python client.py BASE_URL KEY"""
import sys

import openai

base, key = sys.argv[1:]
client = openai.OpenAI(base_url=base, api_key=key, max_retries=0, timeout=120)
question = [{"role": "user", "content": "Who makes honey?"}]

models = client.models.list()
assert [model.id for model in models] == ["alpha"], models
assert client.models.retrieve("alpha").object == "model"

said = client.chat.completions.create(
    model="alpha", messages=[{"role": "system", "content": "Be brief."}, *question], temperature=0.5)
assert "honey" in said.choices[0].message.content, said
assert said.choices[0].finish_reason == "stop" and said.object == "chat.completion", said
assert said.usage.total_tokens == said.usage.prompt_tokens + said.usage.completion_tokens, said
assert said.model_extra["sources"][0]["title"] == "bees.md", said

stream = client.chat.completions.create(
    model="alpha", messages=question, stream=True, stream_options={"include_usage": True})
chunks = list(stream)
text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
assert "honey" in text, chunks
assert chunks[-1].usage.total_tokens >= 0 and chunks[-1].choices == [], chunks[-1]
assert chunks[-2].choices[0].finish_reason == "stop", chunks[-2]
assert chunks[-2].model_extra["sources"][0]["title"] == "bees.md", chunks[-2]
assert all(chunk.object == "chat.completion.chunk" for chunk in chunks)

parts = [{"type": "text", "text": "Who makes honey?"}]
said = client.chat.completions.create(model="alpha", messages=[{"role": "user", "content": parts}])
assert "honey" in said.choices[0].message.content, said

# The client asks for base64 by itself and decodes it.
quiet = client.embeddings.create(model="any", input="bees").data[0].embedding
plain = client.embeddings.create(model="any", input=["bees", "wax"], encoding_format="float")
raw = client.embeddings.create(model="any", input="bees", encoding_format="base64")
assert len(quiet) == 384 and isinstance(raw.data[0].embedding, str)
assert all(abs(a - b) < 1e-4 for a, b in zip(quiet, plain.data[0].embedding))
assert [item.index for item in plain.data] == [0, 1] and plain.usage.prompt_tokens > 0

stores = client.vector_stores.list()
assert [store.id for store in stores] == ["alpha"] and stores.has_more is False, stores
assert stores.data[0].file_counts.total == 1, stores


def refused(kind, call, **said):
    try:
        call()
    except openai.APIStatusError as error:
        assert type(error) is kind, repr(error)
        for name, value in said.items():
            assert getattr(error, name) == value, (name, getattr(error, name))
        return str(error)
    raise AssertionError("not refused")


def chat(to=client, **other):
    return to.chat.completions.create(**{"model": "alpha", "messages": question, **other})


stranger = openai.OpenAI(base_url=base, api_key="sk-wrong", max_retries=0)
refused(openai.PermissionDeniedError, lambda: stranger.models.list(), code="invalid_api_key")
refused(openai.PermissionDeniedError, lambda: chat(stranger), status_code=403)
message = refused(openai.NotFoundError, lambda: chat(model="gpt-4o"), code="model_not_found")
assert "alpha" in message, message
refused(openai.NotFoundError, lambda: chat(model="gpt-4o", stream=True), param="model")
refused(openai.NotFoundError, lambda: client.models.retrieve("nope"))
refused(openai.BadRequestError, lambda: chat(temperature=9), param="temperature")
refused(openai.BadRequestError, lambda: chat(messages=[]), param="messages")
refused(openai.BadRequestError, lambda: client.embeddings.create(model="any", input=[]))
refused(openai.BadRequestError, lambda: client.embeddings.create(model="any", input=[1, 2]), param="input")
refused(openai.BadRequestError, lambda: client.embeddings.create(model="any", input="a", dimensions=7))
refused(openai.InternalServerError, lambda: client.images.generate(prompt="a cat"), status_code=503)
print("all is well")
