"""Makes nmt_nfkc.zlib, the table of characters of XLM-R's vocabulary, with the original library.

    pip install sentencepiece==0.1.99 "protobuf<4"
    python make_charsmap.py

The library's own rule `nmt_nfkc` has changed since XLM-R in one entry: U+200D was a space. So its compiled table is
read back into rules, that entry is put back, and the library compiles the rules again.
"""

import io
import pathlib
import struct
import zlib

import sentencepiece
from sentencepiece import sentencepiece_model_pb2

HERE = pathlib.Path(__file__).parent
SENTENCES = [f"word{index} alpha beta gamma delta {chr(97 + index % 26)}" for index in range(500)]


def table(**rule):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SENTENCES), model_writer=model, vocab_size=60, hard_vocab_limit=False, minloglevel=2, **rule
    )
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(model.getvalue())
    return proto.normalizer_spec.precompiled_charsmap


def rules(compiled):
    (size,) = struct.unpack_from("<I", compiled)
    units = struct.unpack_from(f"<{size // 4}I", compiled, 4)
    replacements = compiled[4 + size :]
    found = {}

    def offset(unit):
        return (unit >> 10) << ((unit & (1 << 9)) >> 6)

    def walk(node, key):
        for byte in range(1, 256):
            child = node ^ byte
            if child >= len(units) or units[child] & (1 << 31 | 0xFF) != byte:
                continue
            after = child ^ offset(units[child])
            if units[child] >> 8 & 1:
                start = units[after] & 0x7FFFFFFF
                found[key + bytes([byte])] = replacements[start : replacements.index(b"\0", start)]
            walk(after, key + bytes([byte]))

    walk(offset(units[0]), b"")
    return found


known = rules(table(normalization_rule_name="nmt_nfkc"))
known["\u200d".encode()] = b" "
spell = lambda text: " ".join(f"{ord(character):X}" for character in text.decode())
lines = [f"{spell(key)}\t{spell(value)}\n" for key, value in sorted(known.items())]
(HERE / "rules.tsv").write_text("".join(lines))
compiled = table(normalization_rule_tsv=str(HERE / "rules.tsv"))
(HERE / "rules.tsv").unlink()
(HERE / "nmt_nfkc.zlib").write_bytes(zlib.compress(compiled, 9))
