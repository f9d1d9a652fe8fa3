"""Compares newsbeam's cutting of words into pieces with the tokenizer that came with MiniLM."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from transforms.functions.wordpieces import WordPieces


def check_wordpieces(texts: Iterable[str], pieces: Sequence[str], folder: Path) -> int:
    """Return how many texts were compared; whitespace in them is folded first, as `str.split` does at run time.

    Args:
        pieces: the vocabulary.
        folder: holds `tokenizer.json`.

    Raises:
        ValueError: naming the first text that is cut otherwise.
    """
    from tokenizers import Tokenizer

    theirs = Tokenizer.from_file(str(folder / "tokenizer.json"))
    theirs.no_truncation()
    theirs.no_padding()
    ours, unknown = WordPieces(pieces), list(pieces).index("[UNK]")
    lines = [" ".join(text.encode("utf-8", "replace").decode("utf-8").split()) for text in texts]
    for line in lines:
        expected = [number for number in theirs.encode(line, add_special_tokens=False).ids if number != unknown]
        if [number for word in line.split() for number in ours.numbers(word)] != expected:
            raise ValueError(f"cut otherwise than by the tokenizer: {line[:80]!r}")
    return len(lines)
