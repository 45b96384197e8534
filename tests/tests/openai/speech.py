"""Hears and speaks as programs written for OpenAI do: python speech.py BASE_URL KEY"""
import io
import sys

import openai

base, key = sys.argv[1:]
client = openai.OpenAI(base_url=base, api_key=key, max_retries=0, timeout=120)


def recording():
    sound = io.BytesIO(b"RIFF" + bytes(96))
    sound.name = "morning.wav"
    return sound


def hear(**other):
    return client.audio.transcriptions.create(**{"model": "whisper-1", "file": recording(), **other})


heard = "Good morning. I heard 100 bytes."
assert hear().text == heard
assert hear(model="gpt-4o-transcribe", language="en", prompt="Mornings", temperature=0.2).text == heard
assert hear(response_format="text").strip() == heard
srt = hear(response_format="srt")
assert srt.startswith("1\n00:00:00,000 --> 00:00:01,500\nGood morning.\n\n2\n00:01:01,000"), srt
vtt = hear(response_format="vtt")
assert vtt.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:01.500\nGood morning."), vtt
said = hear(response_format="verbose_json", timestamp_granularities=["word", "segment"])
assert (said.language, said.duration, said.text) == ("english", 90.5, heard), said
assert [(s.id, s.start, s.end) for s in said.segments] == [(0, 0.0, 1.5), (1, 61.0, 90.0)], said
assert [word.word for word in said.words] == ["Good", "morning.", "I"], said

events = list(hear(stream=True))
deltas = "".join(event.delta for event in events if event.type == "transcript.text.delta")
assert deltas == heard and events[-1].type == "transcript.text.done", events
assert events[-1].text == heard, events

english = client.audio.translations.create(model="whisper-1", file=recording())
assert english.text == heard, english
verbose = client.audio.translations.create(
    model="whisper-1", file=recording(), response_format="verbose_json")
assert verbose.segments[1].start == 61.0, verbose


def speak(**other):
    return client.audio.speech.create(
        **{"model": "tts-1", "voice": "bob", "input": "Good **morning** [1].", **other})


assert speak().content == b"[mp3 bob]Good morning."
assert speak(response_format="opus", speed=1.5).content == b"[opus bob]Good morning."
with client.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="ada", input="Hello", instructions="Softly") as response:
    assert response.headers["content-type"] == "audio/mpeg", response.headers
    assert b"".join(response.iter_bytes()) == b"[mp3 ada]Hello."


def refused(kind, call, **said):
    try:
        call()
    except openai.APIStatusError as error:
        assert type(error) is kind, repr(error)
        for name, value in said.items():
            assert getattr(error, name) == value, (name, getattr(error, name))
        return
    raise AssertionError("not refused")


refused(openai.NotFoundError, lambda: hear(model="nobody"), code="model_not_found")
refused(openai.BadRequestError, lambda: hear(language="english"), param="language")
refused(openai.BadRequestError, lambda: hear(response_format="diarized_json"), param="response_format")
refused(openai.BadRequestError, lambda: hear(temperature=2), param="temperature")
refused(openai.BadRequestError, lambda: hear(file=("empty.wav", b"")), param="file")
refused(openai.BadRequestError, lambda: speak(input=""), param="input")
refused(openai.BadRequestError, lambda: speak(input="x" * 4097), param="input")
refused(openai.BadRequestError, lambda: speak(speed=9), param="speed")
refused(openai.BadRequestError, lambda: speak(voice="nobody"), param="voice")
refused(openai.BadRequestError, lambda: speak(response_format="midi"), param="response_format")
stranger = openai.OpenAI(base_url=base, api_key="sk-wrong", max_retries=0)
refused(openai.PermissionDeniedError, lambda: stranger.audio.speech.create(
    model="tts-1", voice="ada", input="x"), code="invalid_api_key")
print("all is well")
