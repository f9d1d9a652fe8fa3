"""Quality and speed of the topic tagger on labelled texts, beside simpler ways; prints Markdown tables.

    python tests/benchmarks/topics.py DATA [--cache DIR]

DATA is the folder of development data. A model is trained as the shipped one is, but without `tags/topics_dev.jsonl`,
and scored on it as a user would get it: read from its file, through `TopicModel`. Needs the dependency group
`training`; takes some eight minutes for the teacher's vectors, which --cache keeps, and three for the rest.

- newsbeam: the whole model.
- static alone, TF-IDF alone: its two regressions with pseudo-labels; TF-IDF as usual: without them.
- zero-shot alone: similarity to the concepts' own words, no labelled text seen.
- keyword rules: a list of words made by hand for each concept.

F1 over the 17 top concepts: micro over all decisions, macro over the concepts that occur in dev (13), and over all 17,
those that do not occur counting 0. All but newsbeam get the threshold that is best on the training texts.
Cross-validation: 5 folds of the training texts, by regressions and a sum that have not seen the text (the teacher's
sum has). Texts that were written for training are learnt from and never scored.

Floors: micro-F1 .81, macro-F1 .62, 800 documents a second and core, 12 MB. Exit code 1 if one is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from common import Floors, heading, parser, say, table, watch, working_folder

from schemas.topic import Topic
from transforms.functions.topic_artifact import SHIPPED, save_arrays
from transforms.functions.topics import MOST_TOPICS, TopicModel, TopicText, branch_excess, topic_model
from transforms.training.features import unit_rows
from transforms.training.material import Material
from transforms.training.recipe import FOLDS, TEACHER_TERMS, Student, fit_view, train
from transforms.training.regression import probability
from transforms.training.texts import CLASSES, LabelledText, label_table, labelled_texts
from transforms.training.train_topics import THRESHOLD, arrays_of, material_of

LEAST_MICRO, LEAST_MACRO = 0.81, 0.62
LEAST_RATE = 800
MOST_MEGABYTES = 12

TIMED_TEXTS, TIMED_BATCH, TIMED_TURNS = 620, 16, 3
"""Texts, texts of a batch (as the pipeline has them) and turns, of which the median counts."""

THRESHOLDS = np.round(np.arange(0.05, 0.96, 0.01), 2)

Doubles = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

KEYWORDS = {
    "01": "film movie music album singer actor actress theatre museum artist band tv show festival novel author",
    "02": "police court murder arrested jailed prison guilty trial charged crime judge stabbed victim detectives",
    "03": "earthquake flood wildfire crash disaster rescue explosion evacuated hurricane collapsed emergency",
    "04": "company shares profit market bank economy inflation prices business investors sales revenue tax trade",
    "05": "school university students teachers education pupils college exam exams classroom curriculum degree campus",
    "06": "climate emissions pollution carbon wildlife environment conservation species plastic biodiversity warming",
    "07": "health hospital patients disease nhs doctors vaccine cancer virus covid medical treatment symptoms mental",
    "08": "dog cat royal queen king birthday baby record rescued wedding lottery tribute died aged family surprise",
    "09": "workers union strike jobs employees wages staff pay redundancies employers unemployment workplace strikes",
    "10": "travel food recipe holiday hotel restaurant fashion garden cooking gaming game wine tourists hobby home",
    "11": "government minister election parliament president party vote mp mps labour conservative senate policy prime",
    "12": "church pope bishop faith religious muslim christian islam mosque prayer jewish god worship catholic hindu",
    "13": "scientists research software data technology ai space nasa researchers computer internet algorithm google",
    "14": "women children community racism migrants refugees poverty discrimination charity abortion gender families",
    "15": "match team league cup goal players coach season win final champion football cricket tennis rugby olympic",
    "16": "war troops military army russian ukraine forces missile soldiers killed attack fighting rebels weapons",
    "17": "weather rain snow forecast temperatures storm winds heatwave met sunny showers thunderstorms frost fog",
}


class Scores(NamedTuple):
    """F1 of decisions over the top concepts."""

    micro: float
    macro: float
    """Over the concepts that occur."""
    macro_of_all: float
    first: float
    """Share of texts whose first topic is the reader's first."""


class Rows(NamedTuple):
    """What the regressions and zero-shot see of texts."""

    static: Doubles
    terms: Any
    excess: Doubles


def first_right(ranks: Doubles, texts: Sequence[LabelledText]) -> float:
    """Return the share of texts whose first topic is the reader's first."""
    first = [CLASSES[row.argmax()] == text.topics[0] for row, text in zip(ranks, texts, strict=True) if text.topics]
    return float(np.mean(first))


def decide(likely: Doubles, threshold: float, ranks: Doubles | None = None) -> Flags:
    """Return the given concepts: the one that ranks best always, two more from the threshold on.

    Args:
        ranks: what concepts are ranked by, if not by their probability.
    """
    ranks = likely if ranks is None else ranks
    is_best = np.arange(likely.shape[1]) == ranks.argmax(axis=1)[:, None]
    wanted = np.where(is_best | (likely >= threshold), ranks, -1)
    places = (-wanted).argsort(axis=1, kind="stable").argsort(axis=1, kind="stable")
    given: Flags = (wanted >= 0) & (places < MOST_TOPICS)
    return given


def score(ranks: Doubles, given: Flags, texts: Sequence[LabelledText]) -> Scores:
    """Score decisions and order against the reader's; the first topic is the one that ranks best."""
    labels = label_table(texts)
    right, all_given, all_labels = (given * labels).sum(axis=0), given.sum(axis=0), labels.sum(axis=0)
    by_class = 2 * right / np.maximum(all_given + all_labels, 1)
    micro = 2 * right.sum() / (all_given.sum() + all_labels.sum())
    return Scores(micro, by_class[all_labels > 0].mean(), by_class.mean(), first_right(ranks, texts))


def best_threshold(likely: Doubles, texts: Sequence[LabelledText]) -> float:
    """Return the threshold with the best micro-F1."""
    return float(max(THRESHOLDS, key=lambda threshold: score(likely, decide(likely, threshold), texts).micro))


# The contenders


def rows_of(material: Material, texts: Sequence[LabelledText]) -> Rows:
    """Read texts that are not in the material as those in it were."""
    reader = material.makers.reader()
    reads = [reader.read(text.text) for text in texts]
    vectors = np.array([read.vector for read in reads], dtype=np.float64) - material.static.centre
    branches = [np.flatnonzero(column) for column in material.concept_labels.T]
    excess = branch_excess(unit_rows(vectors) @ material.static.directions.T, branches)
    return Rows(vectors / material.static.spread, material.makers.term_table(reads), excess)


def keyword_scores(texts: Sequence[LabelledText]) -> Doubles:
    """Return for each text the share of each concept's words among those found, headlines counting double."""
    lists = [set(KEYWORDS[name].split()) for name in CLASSES]
    found = np.zeros((len(texts), len(CLASSES)))
    for row, (text, *_) in zip(found, texts, strict=True):
        words = f"{text.headline or ''} {text.headline or ''} {text.body}".lower().split()[:620]
        row[:] = [sum(word.strip(".,'\"“”’:;!?()") in listed for word in words) for listed in lists]
    shares: Doubles = found / np.maximum(found.max(axis=1, keepdims=True), 1)
    return shares


def usual_terms(material: Material, student: Student, rows: Rows) -> tuple[Doubles, Doubles]:
    """Return what TF-IDF without pseudo-labels says of the training texts, each unseen, and of others."""
    places, unseen = np.arange(len(material.texts)), np.zeros_like(material.labels)
    for fold in range(FOLDS):
        fitted = fit_view(material, material.terms, places[student.folds != fold], TEACHER_TERMS)
        unseen[student.folds == fold] = fitted.logits(material.terms.labelled[places[student.folds == fold]])
    fitted = fit_view(material, material.terms, places, TEACHER_TERMS)
    return probability(unseen), probability(fitted.logits(rows.terms))


def contenders(material: Material, student: Student, dev: Sequence[LabelledText]) -> dict[str, tuple[Doubles, Doubles]]:
    """Return what the simpler ways say of the training texts and of dev."""
    rows = rows_of(material, dev)
    static, terms, excess, _ = student.unseen_parts
    return {
        "static alone": (probability(static), probability(student.static.logits(rows.static))),
        "TF-IDF alone": (probability(terms), probability(student.terms.logits(rows.terms))),
        "TF-IDF as usual": usual_terms(material, student, rows),
        "zero-shot alone": (probability(excess), probability(rows.excess)),
        "keyword rules": (keyword_scores(material.texts), keyword_scores(dev)),
    }


# Tables


def quality_rows(
    material: Material, student: Student, model: TopicModel, dev: Sequence[LabelledText], floors: Floors
) -> list[dict[str, object]]:
    """Return the rows of the table of F1."""
    ranks = model.probabilities([text.text for text in dev]) * student.first_weights
    whole = score(ranks, given_flags(model.tag([text.text for text in dev])), dev)
    given = decide(student.unseen, THRESHOLD, student.unseen_ranks)
    unseen = score(student.unseen_ranks, given, material.texts)
    row = _quality_row("newsbeam", THRESHOLD, whole, unseen)
    row["micro-F1"] = floors.at_least("micro-F1", whole.micro, LEAST_MICRO)
    row["macro-F1"] = floors.at_least("macro-F1", whole.macro, LEAST_MACRO)
    rows = [row]
    for name, (of_train, of_dev) in contenders(material, student, dev).items():
        threshold = best_threshold(of_train, material.texts)
        scores = [score(of, decide(of, threshold), texts) for of, texts in ((of_dev, dev), (of_train, material.texts))]
        rows.append(_quality_row(name, threshold, *scores))
    return rows


def _quality_row(name: str, threshold: float, dev: Scores, cross: Scores) -> dict[str, object]:
    return {
        "": name,
        "micro-F1": f"{dev.micro:.3f}",
        "macro-F1": f"{dev.macro:.3f}",
        "macro-F1 of 17": f"{dev.macro_of_all:.3f}",
        "first right": f"{dev.first:.3f}",
        "cross-validation: micro": f"{cross.micro:.3f}",
        "macro": f"{cross.macro:.3f}",
        "first": f"{cross.first:.3f}",
        "threshold": f"{threshold:.2f}",
    }


def given_flags(tagged: Sequence[Sequence[Topic]]) -> Flags:
    """Return the given top concepts as flags."""
    return np.array([[any(topic.level == 1 and topic.id[7:9] == name for topic in topics) for name in CLASSES]
                     for topics in tagged])  # fmt: skip


def class_rows(model: TopicModel, dev: Sequence[LabelledText], student: Student) -> list[dict[str, object]]:
    """Return F1 of each top concept on dev and in cross-validation, with the numbers of texts."""
    tagged = given_flags(model.tag([text.text for text in dev]))
    sides = ((label_table(dev), tagged), (student.labels, decide(student.unseen, THRESHOLD, student.unseen_ranks)))
    rows: list[dict[str, object]] = []
    for column, name in enumerate(CLASSES):
        row: dict[str, object] = {"": f"{name} {model.concepts.labels[column]}"}
        for side, (labels, given) in zip(("dev", "train"), sides, strict=True):
            count = int(labels[:, column].sum())
            right = (labels * given)[:, column].sum()
            f1 = 2 * right / max(1, count + given[:, column].sum())
            row |= {f"{side}: texts": count, f"{side}: F1": f"{f1:.2f}" if count else ""}
        rows.append(row)
    return rows


def deeper_row(model: TopicModel, dev: Sequence[LabelledText]) -> dict[str, object]:
    """Return how often a deeper concept is given on dev, and how often it is the reader's."""
    gold = [text for text in dev if text.concept in model.concepts.ids]
    found = [(topics[-1], text) for topics, text in zip(model.tag([t.text for t in gold]), gold, strict=True)
             if topics and topics[-1].level > 1]  # fmt: skip
    exact = np.array([topic.id == text.concept for topic, text in found])
    parent = np.array([_level_2(model, topic.id) == _level_2(model, text.concept or "") for topic, text in found])
    return {
        "texts": len(gold),
        "given": f"{len(found) / len(gold):.2f}",
        "exact": f"{exact.mean():.2f}",
        "right on level 2": f"{parent.mean():.2f}",
        "mean confidence": f"{np.mean([topic.confidence for topic, _ in found]):.2f}",
    }


def _level_2(model: TopicModel, id: str) -> str:
    return model.concepts.path(model.concepts.ids.index(id))[1]


def calibration_rows(likely: Doubles, dev: Sequence[LabelledText], student: Student) -> list[dict[str, object]]:
    """Return how often probabilities come true, by tenths, for each decision about a top concept."""
    rows: list[dict[str, object]] = []
    for tenth in range(10):
        row: dict[str, object] = {"probability": f"{tenth / 10:.1f}-{(tenth + 1) / 10:.1f}"}
        for side, (said, labels) in {
            "dev": (likely, label_table(dev)),
            "train": (student.unseen, student.labels),
        }.items():
            chosen = np.minimum((said * 10).astype(int), 9) == tenth
            row |= {f"{side}: decisions": int(chosen.sum()), f"{side}: said": f"{said[chosen].mean():.2f}",
                    f"{side}: true": f"{labels[chosen].mean():.2f}"}  # fmt: skip
        rows.append(row)
    return rows


# Speed, in a process of its own


def measure_speed(data: Path) -> dict[str, float]:
    """Return rates of the shipped model in documents a CPU second, and what it takes to have it."""
    texts = [text.text for name in ("train", "dev") for text in labelled_texts(data / f"tags/topics_{name}.jsonl")]
    texts = [text for text in texts if len(text.body.split()) >= 200][:TIMED_TEXTS]
    before, started = _resident(), time.process_time()
    model = topic_model()
    loading = time.process_time() - started
    rates = {
        size: float(np.median([_rate(model, texts, size) for _ in range(TIMED_TURNS)])) for size in (1, TIMED_BATCH)
    }
    words = float(np.mean([len(text.body.split()) for text in texts]))
    sizes = {"words": words, "load": loading, "megabytes": _resident() - before}
    return {"rate": rates[TIMED_BATCH], "rate of one": rates[1], **sizes}


def _rate(model: TopicModel, texts: Sequence[TopicText], size: int) -> float:
    started = time.process_time()
    for start in range(0, len(texts), size):
        model.tag(texts[start : start + size])
    return len(texts) / (time.process_time() - started)


def _resident() -> float:
    import psutil

    return float(psutil.Process().memory_info().rss / 1e6)


def speed_row(data: Path, floors: Floors) -> dict[str, object]:
    """Return the row of the table of speed, measured with one thread."""
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    found = watch([sys.executable, __file__, str(data), "--as-speed"], env=environment).json()
    return {
        "mean words": f"{found['words']:.0f}",
        f"documents/s/core, batches of {TIMED_BATCH}": floors.at_least("documents/s/core", found["rate"], LEAST_RATE),
        "one by one": f"{found['rate of one']:,.0f}",
        "load, CPU s": f"{found['load']:.2f}",
        "memory, MB": f"{found['megabytes']:.0f}",
        "file, MB": floors.at_most("file, MB", SHIPPED.stat().st_size / 1e6, MOST_MEGABYTES),
    }


def compare(options: argparse.Namespace) -> int:
    """Train, measure, print the tables; returns the exit code."""
    floors = Floors()
    dev = labelled_texts(options.data / "tags/topics_dev.jsonl")
    say("reading and encoding")
    material = material_of(options.data, options.cache, ["topics_train"])
    say("training")
    places = np.arange(len(material.texts))
    student = train(material, places)
    with working_folder(None) as scratch:
        save_arrays(scratch / "topics.npz", arrays_of(material, student, places))
        model = TopicModel.load(scratch / "topics.npz")
    likely = model.probabilities([text.text for text in dev])
    print(heading(f"Topics: {len(dev)} stories of dev, by a model of the {len(material.texts)} others", options))
    print(table(quality_rows(material, student, model, dev, floors)), "\n")
    print(table(class_rows(model, dev, student)), "\n\nDeeper concept\n")
    print(table([deeper_row(model, dev)]), "\n\nCalibration\n")
    print(table(calibration_rows(likely, dev, student)), "\n\nThe shipped model\n")
    print(table([speed_row(options.data, floors)]))
    return floors.code()


def main() -> int:
    """Run the benchmark; returns the exit code."""
    arguments = parser(__doc__)
    arguments.add_argument("data", type=Path, metavar="DATA", help="folder of development data")
    arguments.add_argument("--cache", type=Path, metavar="DIR", help="keep the teacher's vectors here")
    arguments.add_argument("--as-speed", action="store_true", help=argparse.SUPPRESS)
    options = arguments.parse_args()
    if options.as_speed:
        print(json.dumps(measure_speed(options.data)))
        return 0
    return compare(options)


if __name__ == "__main__":
    sys.exit(main())
