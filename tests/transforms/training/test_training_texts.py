from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from transforms.functions.topic_texts import TopicText
from transforms.training import texts
from transforms.training.texts import (
    CLASSES,
    SECOND_SHARE,
    LabelledText,
    PoolText,
    label_table,
    pool_labels,
    softened,
    without_labelled,
)

STORY = "The council of the harbour town voted on Tuesday to keep the old customs house as a museum. "


def test_the_first_topic_counts_most() -> None:
    row = softened(["11", "04"])
    assert {name: value for name, value in zip(CLASSES, row, strict=True) if value} == {"11": 1, "04": SECOND_SHARE}
    assert sum(softened([])) == 0
    text = LabelledText(TopicText(None, STORY), ["11", "04"], None)
    assert label_table([text]).sum() == 2


def test_the_labels_of_the_pool_are_well_formed() -> None:
    with Path(texts.__file__).with_name("pool_labels.tsv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    assert len({row["text"] for row in rows}) == len(rows) > 100
    for row in rows:
        assert len(bytes.fromhex(row["text"])) == 8
        assert set(row["topics"].split()) <= set(CLASSES)


def test_texts_that_were_not_read_have_no_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, unread = PoolText(TopicText(None, STORY)), PoolText(TopicText(None, STORY * 2))
    (tmp_path / "labels.tsv").write_text(f"text\ttopics\n{read.key}\t11 04\n")
    monkeypatch.setattr(texts, "_POOL_LABELS", tmp_path / "labels.tsv")
    known, unknown = pool_labels([read, unread])
    assert known.tolist() == softened(["11", "04"])
    assert np.isnan(unknown).all()


def test_labelled_texts_leave_the_pool() -> None:
    labelled = LabelledText(TopicText("One", STORY * 3), ["11"], None)
    same, other = PoolText(TopicText(None, STORY.replace(" ", "\n") * 3)), PoolText(TopicText(None, STORY.upper() * 3))
    assert without_labelled([same, other, PoolText(TopicText(None, ""))], [labelled]) == [
        other,
        PoolText(TopicText(None, "")),
    ]
