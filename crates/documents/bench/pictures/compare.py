"""Compares how carrel, Tesseract and RapidOCR read the pictures in a folder: `compare.py READER MODEL FOLDER [--worst N]`.

READER is the example `read_file` of this crate, MODEL the directory of the OCR model, FOLDER what `make.py` has made. Programs that are
not installed are left out. Prints for each group of pictures the character error rate, which is the number of characters to insert,
delete or replace divided by that of the text, and the processor time of a picture. All programs use one thread. carrel and Tesseract
are started for each picture; RapidOCR, which has the same model on ONNX Runtime, is loaded once.

    pip install rapidocr onnxruntime rapidfuzz
"""
import argparse
import collections
import json
import logging
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import time
import unicodedata

from rapidfuzz.distance import Levenshtein

TESSERACT = {
    "en": "eng", "de": "deu", "fr": "fra", "ru": "rus", "el": "ell", "zh": "chi_sim", "ja": "jpn", "ar": "ara", "hi": "hin",
}
SPACELESS = ("zh", "ja")
# Marks of Markdown that carrel adds, and marks that only direct the writing.
MARKDOWN = re.compile(r"(?m)^\|[-| :]+\|$|^#+ |\||^[-*] |\\(?=[#|*_\[\]<>`.-])")
DIRECTIONS = re.compile("[\u200b-\u200f\u202a-\u202e\u2066-\u2069\u0640]")
ALIKE = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-"})


def plain(text, language):
    text = DIRECTIONS.sub("", MARKDOWN.sub(" ", text)).translate(ALIKE)
    text = unicodedata.normalize("NFKC", text)
    return re.sub(r"\s+", "" if language in SPACELESS else " ", text).strip()


def started(command, environment=None):
    """The output of a program, and its processor time in milliseconds."""
    before = os.times()
    done = subprocess.run(command, capture_output=True, env={**os.environ, **(environment or {})}, check=False)
    after = os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return done.stdout.decode(errors="replace"), used * 1000


def carrel(reader, model):
    def read(path, _language):
        output, used = started([reader, str(path), model])
        return json.loads(output)["text"], used

    return read


def tesseract():
    if not shutil.which("tesseract"):
        return None
    return lambda path, language: started(["tesseract", str(path), "-", "-l", TESSERACT[language]], {"OMP_THREAD_LIMIT": "1"})


def rapidocr():
    try:
        from rapidocr import RapidOCR
    except ImportError:
        return None
    threads = {"EngineConfig.onnxruntime.intra_op_num_threads": 1, "EngineConfig.onnxruntime.inter_op_num_threads": 1}
    import cv2

    cv2.setNumThreads(1)
    logging.disable(logging.WARNING)
    engine = RapidOCR(params=threads)

    def read(path, _language):
        start = time.process_time()
        found = engine(str(path))
        return "\n".join(found.txts or ()), (time.process_time() - start) * 1000

    return read


def groups(path):
    """The rows of the table that a picture counts in."""
    language, layout, treatment = path.stem.split("-")
    if language in ("en", "de", "fr"):
        yield "Latin scripts"
        yield f"- {layout} {treatment}"
        return
    yield language


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("reader")
    parser.add_argument("model")
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--worst", type=int, default=0)
    parser.add_argument("--programs", help="which programs to run, separated by commas")
    parser.add_argument("--pictures", default="*", help="a pattern of names")
    arguments = parser.parse_args()
    programs = {"carrel": carrel(arguments.reader, arguments.model), "Tesseract": tesseract(), "RapidOCR": rapidocr()}
    wanted = (arguments.programs or ",".join(programs)).split(",")
    programs = {name: read for name, read in programs.items() if read and name in wanted}
    rows = collections.defaultdict(lambda: collections.defaultdict(list))
    worst = []
    for path in sorted(arguments.folder.glob(arguments.pictures)):
        if path.suffix not in (".png", ".jpg"):
            continue
        language = path.stem.split("-")[0]
        expected = plain(path.with_suffix(".txt").read_text(encoding="utf-8"), language)
        for name, read in programs.items():
            text, used = read(path, language)
            found = plain(text, language)
            errors = min(Levenshtein.distance(expected, found), len(expected))
            worst.append((errors / len(expected), name, path.name))
            for group in groups(path):
                rows[group][name].append((errors, len(expected), used))
    names = list(programs)
    print(f"{'':24}" + "".join(f"{name:>22}" for name in names))
    for group, read in rows.items():
        print(f"{group:24}" + "".join(f"{cell(read[name]):>22}" for name in names))
    for share, name, path in sorted(worst, reverse=True)[: arguments.worst]:
        print(f"{share:8.1%} {name:10} {path}")


def cell(read):
    errors, length, used = (list(column) for column in zip(*read))
    return f"{sum(errors) / sum(length):.2%} {statistics.mean(used):6.0f} ms"


if __name__ == "__main__":
    main()
