"""BM25 over Snowball stems by the Python package bm25s, on sets that standard input holds as JSON.

Prints one JSON line a set: nDCG@10, counted as `bench languages` counts it.
"""
import json
import math
import sys

try:
    import bm25s
    import Stemmer
except ImportError:
    print("bm25s is not there to compare with: pip install bm25s PyStemmer", file=sys.stderr)
    sys.exit(0)

# Languages without a stemmer, or without spaces between words, are left out.
STEMMERS = {"en": "english", "cranfield": "english", "de": "german", "es": "spanish", "ru": "russian",
            "tr": "turkish", "ar": "arabic", "el": "greek", "ro": "romanian", "hi": "hindi"}
PLACES = 10


def worth(grades):
    return sum(grade / math.log2(place + 2) for place, grade in enumerate(grades[:PLACES]))


def gain(found, grades):
    return worth([grades.get(id, 0) for id in found]) / worth(sorted(grades.values(), reverse=True))


for data in json.load(sys.stdin):
    language = STEMMERS.get(data["name"])
    if language is None or language not in Stemmer.algorithms():
        continue
    stemmer = Stemmer.Stemmer(language)
    stop_words = "en" if language == "english" else []

    def tokens(texts):
        return bm25s.tokenize(texts, stopwords=stop_words, stemmer=stemmer, show_progress=False)

    documents = data["documents"]
    index = bm25s.BM25()
    texts = [document["title"] + " " + document["text"] for document in documents]
    index.index(tokens(texts), show_progress=False)
    asked = tokens([question["text"] for question in data["questions"]])
    ranked, _ = index.retrieve(asked, k=PLACES, show_progress=False)
    gains = [gain([documents[at]["id"] for at in row], question["grades"])
             for row, question in zip(ranked, data["questions"])]
    print(json.dumps({"figure": f"{data['name']}, BM25 over stems: nDCG@10", "value": sum(gains) / len(gains)}))
