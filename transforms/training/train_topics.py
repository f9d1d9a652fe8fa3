"""Train the topic model and write `transforms/models/topics.npz` with its digest.

    python -m transforms.training.train_topics DATA [--output FILE] [--cache DIR]

DATA is the folder of development data; read are `tags/topics_train.jsonl`, `tags/topics_dev.jsonl`,
`tags/topics_pool.jsonl.gz`, the IPTC's concepts, and texts of `dedup/`. The environment needs the dependency group
`training`. Takes some quarter of an hour on one core, most of it for MiniLM's vectors, which --cache keeps. On one
machine the same data give the same bytes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from transforms.functions.topic_artifact import SHIPPED, from_lines, save_arrays
from transforms.training.check_wordpieces import check_wordpieces
from transforms.training.deeper import LEAST_SIMILARITY, calibrate, deeper_places, prototypes
from transforms.training.material import Encoder, Material, gather
from transforms.training.minilm import MiniLM, model_folder
from transforms.training.recipe import Places, Student, fading, train
from transforms.training.texts import (
    Concept,
    LabelledText,
    concepts,
    labelled_texts,
    pool_texts,
    without_labelled,
    written_stories,
)

CREATOR: Final = "newsbeam-topics-2026.11"
"""What rows name as the source of their topics: raise it when the model changes."""

THRESHOLD: Final = 0.37
"""Least probability of a second or third topic (lab of 2026-11: best on train and dev)."""


def material_of(data: Path, cache: Path | None, files: Sequence[str]) -> Material:
    """Return what a model is trained on; `files` are the labelled ones, such as `topics_train`."""
    from spacy.lang.en.stop_words import STOP_WORDS

    labelled: list[LabelledText] = [text for name in files for text in labelled_texts(data / f"tags/{name}.jsonl")]
    pool = without_labelled(pool_texts(data), labelled)
    written = written_stories()
    model = MiniLM(model_folder())
    texts = [text.text for group in (labelled, pool, written) for text in group]
    checked = check_wordpieces(
        (part for text in texts for part in (text.headline or "", text.body)), model.pieces, model_folder()
    )
    _say(f"{checked:,} headlines and bodies are cut into pieces as by the tokenizer of the model")
    encoder = Encoder(model, cache)
    return gather(labelled, pool, written, concepts(data), encoder, frozenset(STOP_WORDS))


def arrays_of(material: Material, student: Student, chosen: Places) -> dict[str, npt.NDArray[Any]]:
    """Return the arrays that `TopicModel` reads: regressions and sum become one set of weights."""
    of_static, of_terms, of_excess, of_fading_excess = student.total.weights
    centred = of_static * student.static.weights / material.static.spread
    bias = of_static * student.static.bias + of_terms * student.terms.bias + student.total.bias
    return {
        "creator": from_lines([CREATOR]),
        **_embedding(material),
        "terms": from_lines(list(material.makers.terms)),
        "term_rarity": material.makers.rarity.astype(np.float32),
        "term_weights": (of_terms * student.terms.weights).astype(np.float16),
        "centre": material.static.centre.astype(np.float32),
        "vector_weights": centred.astype(np.float32),
        "similarity_weights": of_excess + of_fading_excess * fading(student.texts_of_class),
        "bias": bias,
        "first_weights": student.first_weights,
        "threshold": np.array(THRESHOLD),
        **_concept_table(material.concepts),
        "concept_vectors": material.static.directions.astype(np.float16),
        "prototypes": prototypes(material, chosen).astype(np.float16),
        "prototype_places": deeper_places(material).astype(np.int16),
        "least_similarity": np.array(LEAST_SIMILARITY),
        "calibration": calibrate(material, student, chosen),
    }


def _embedding(material: Material) -> dict[str, npt.NDArray[Any]]:
    embedding = material.makers.embedding
    return {
        "pieces": from_lines(list(embedding.pieces)),
        "piece_rows": embedding.rows,
        "piece_scales": embedding.scales,
    }


def _concept_table(concepts: Sequence[Concept]) -> dict[str, npt.NDArray[Any]]:
    place_of = {concept.id: place for place, concept in enumerate(concepts)}
    parents = [place_of[concept.path[-2]] if concept.level > 1 else -1 for concept in concepts]
    return {
        "concept_ids": from_lines([concept.id for concept in concepts]),
        "concept_labels": from_lines([concept.label for concept in concepts]),
        "concept_levels": np.array([concept.level for concept in concepts], dtype=np.uint8),
        "concept_parents": np.array(parents, dtype=np.int16),
        "concept_wikidata": from_lines([concept.wikidata or "" for concept in concepts]),
    }


def main() -> int:
    """Train on everything that is labelled and write the model."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("data", type=Path, metavar="DATA", help="folder of development data")
    arguments.add_argument("--output", type=Path, default=SHIPPED, metavar="FILE", help=f"default: {SHIPPED}")
    arguments.add_argument("--cache", type=Path, metavar="DIR", help="keep MiniLM's vectors here")
    options = arguments.parse_args()
    material = material_of(options.data, options.cache, ["topics_train", "topics_dev"])
    written = int(material.is_written.sum())
    sizes = len(material.texts), len(material.beliefs) - written, written, len(material.makers.terms)
    _say("{:,} labelled texts, {:,} of the pool, {:,} written, {:,} terms".format(*sizes))
    chosen = np.arange(len(material.texts))
    student = train(material, chosen)
    digest = save_arrays(options.output, arrays_of(material, student, chosen))
    _say(f"{options.output}: {options.output.stat().st_size / 1e6:.1f} MB, SHA-256 {digest}")
    return 0


def _say(text: str) -> None:
    sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {text}\n")


if __name__ == "__main__":
    sys.exit(main())
