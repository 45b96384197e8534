"""Learns what `rerank` makes of how a question's words stand in a passage.

    cargo xtask bench languages FOLDER --dump FILE
    python3 tests/retrieval/train_rerank.py FILE [RERANK.RS]

Reads the candidates that `bench languages --dump` wrote and the weights they were ranked by, which stand in
`crates/services/src/search/rerank.rs`. Prints the weights that order the tuning halves best, each set
counting alike, as the line that belongs there, and nDCG@10 of every set and half before and after. Needs numpy.
"""
import json
import math
import re
import sys
from collections import defaultdict

import numpy

PLACES = 10
# Weights are kept small: what both rankings made of a passage goes first.
PENALTY = 0.02
STEPS = 400
RATE = 0.02


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
        self.gains = numpy.array([self.grades.get(id, 0) for id in self.documents], float)
        self.features = numpy.array([candidate["features"] for candidate in candidates])
        scores = numpy.clip([candidate["score"] for candidate in candidates], 1e-6, 1 - 1e-6)
        self.base = numpy.log(scores / (1 - scores)) - self.features @ weights

    def scores(self, weights):
        return self.base + self.features @ weights

    def ndcg(self, scores):
        order = numpy.argsort(-scores, kind="stable")
        return ndcg([self.documents[at] for at in order], self.grades)


def learned(questions, start):
    """Weights that make graded passages likely, by gradient descent over all questions."""
    counts = defaultdict(int)
    for question in questions:
        counts[question.key] += 1
    weights, sharpness = start.copy(), 1.0
    first, second = numpy.zeros(len(start) + 1), numpy.zeros(len(start) + 1)
    for step in range(1, STEPS + 1):
        gradient = numpy.zeros(len(start) + 1)
        for question in questions:
            scores = question.scores(weights)
            odds = numpy.exp(sharpness * (scores - scores.max()))
            error = odds / odds.sum() - question.gains / question.gains.sum()
            share = 1 / counts[question.key] / len(counts)
            gradient[:-1] += share * sharpness * (error @ question.features)
            gradient[-1] += share * (error @ scores)
        gradient[:-1] += 2 * PENALTY * weights
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        change = RATE * first / (1 - 0.9**step) / (numpy.sqrt(second / (1 - 0.999**step)) + 1e-9)
        weights, sharpness = weights - change[:-1], max(sharpness - change[-1], 0.1)
    return weights


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
    tuning = [question for question in questions if question.key[2] == "tune" and question.gains.any()]
    found = learned(tuning, numpy.zeros(len(weights))).round(2)
    columns = [means(questions, of) for of in (numpy.zeros(len(weights)), weights, found)]
    print(f"{'':44}  without  as it is  learned")
    for key in sorted(columns[0]):
        print(f"{' '.join(key):44}" + "".join(f"{column[key]:9.3f}" for column in columns))
    for half in ("tune", "held"):
        of_half = [sum(v for k, v in c.items() if k[2] == half) / sum(k[2] == half for k in c) for c in columns]
        print(f"{'mean ' + half:44}" + "".join(f"{value:9.4f}" for value in of_half))
    print(f"const WEIGHTS: [f32; FEATURES] = [{', '.join(f'{weight:g}' for weight in found)}];")


main()
