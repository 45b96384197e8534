"""Learns what `rerank` makes of how a question's words stand in a passage.

    cargo xtask bench languages FOLDER --dump FILE
    python3 tests/retrieval/train_rerank.py FILE [RERANK.RS]

Reads the candidates that `bench languages --dump` wrote and the weights they were ranked by, which stand in
`crates/services/src/search/rerank.rs`. Prints the weights that order the tuning halves best, each
collection counting alike, as the line that belongs there, and nDCG@10 of every set and half before and after. Needs numpy.
"""
import json
import math
import re
import sys
from collections import defaultdict

import numpy

PLACES = 10
# What each weight is tried as, over and over until no change helps. Shares of the question speak for a passage.
TRIED = [step / 10 for step in range(7)]
ROUNDS = 4
# What a change has to gain in mean nDCG@10: less is chance.
LEAST_GAIN = 0.0002


def worth(grades):
    return sum(grade / math.log2(place + 2) for place, grade in enumerate(grades[:PLACES]))


def ndcg(documents, grades):
    found = list(dict.fromkeys(documents))
    return worth([grades.get(id, 0) for id in found]) / worth(sorted(grades.values(), reverse=True))


class Question:
    """A question's candidates: their documents, grades, features, and what they are worth without these."""

    def __init__(self, line, weights):
        candidates = line["candidates"]
        self.key = (line["set"], line["model"], line["half"])
        self.grades = line["grades"]
        self.documents = [candidate["document"] for candidate in candidates]
        self.features = numpy.array([candidate["features"] for candidate in candidates])
        scores = numpy.clip([candidate["score"] for candidate in candidates], 1e-6, 1 - 1e-6)
        self.base = numpy.log(scores / (1 - scores)) - self.features @ weights

    def scores(self, weights):
        return self.base + self.features @ weights

    def ndcg(self, scores):
        order = numpy.argsort(-scores, kind="stable")
        return ndcg([self.documents[at] for at in order], self.grades)


def learned(questions, weights):
    """Better weights by coordinate ascent: one after the other becomes what gains most."""
    best = mean(means(questions, weights))
    for _ in range(ROUNDS):
        before = best
        for at in range(len(weights)):
            for value in sorted(TRIED, key=abs):
                tried = weights.copy()
                tried[at] = value
                gain = mean(means(questions, tried))
                if gain > best + LEAST_GAIN:
                    best, weights = gain, tried
        if best == before:
            break
    return weights


def mean(gains):
    """Each collection counts alike, in however many languages it is."""
    collections = defaultdict(list)
    for (name, *_), gain in gains.items():
        collections["xquad" if len(name) == 2 else name].append(gain)
    return sum(sum(of) / len(of) for of in collections.values()) / len(collections)


def means(questions, weights):
    gains = defaultdict(list)
    for question in questions:
        gains[question.key].append(question.ndcg(question.scores(weights)))
    return {key: sum(of) / len(of) for key, of in gains.items()}


def main():
    source = sys.argv[2] if len(sys.argv) > 2 else "crates/services/src/search/rerank.rs"
    kept = re.search(r"const WEIGHTS: \[f32; FEATURES\] = \[([^\]]*)\]", open(source).read())
    weights = numpy.array([float(number) for number in kept.group(1).split(",") if number.strip()])
    questions = [Question(json.loads(line), weights) for line in open(sys.argv[1])]
    tuning = [question for question in questions if question.key[2] == "tune"]
    found = learned(tuning, weights)
    columns = [means(questions, of) for of in (numpy.zeros(len(weights)), weights, found)]
    print(f"{'':44}  without  as it is  learned")
    for key in sorted(columns[0]):
        print(f"{' '.join(key):44}" + "".join(f"{column[key]:9.3f}" for column in columns))
    for half in ("tune", "held"):
        of_half = [mean({key: gain for key, gain in of.items() if key[2] == half}) for of in columns]
        print(f"{'mean ' + half:44}" + "".join(f"{value:9.4f}" for value in of_half))
    print(f"const WEIGHTS: [f32; FEATURES] = [{', '.join(f'{weight:.1f}' for weight in found)}];")


main()
