from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from transforms.functions.topic_texts import TopicText
from transforms.training import texts
from transforms.training.recipe import rank_weights
from transforms.training.texts import (
    CLASSES,
    SECOND_SHARE,
    LabelledText,
    PoolText,
    first_table,
    label_table,
    pool_labels,
    softened,
    without_labelled,
    written_stories,
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


def test_the_written_stories_are_well_formed() -> None:
    lines = Path(texts.__file__).with_name("written_stories.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    assert len({row["article_body"] for row in rows}) == len(rows) == len(written_stories()) > 100
    for row in rows:
        assert set(row) == {"topics", "headline", "article_body"}
        assert 1 <= len(set(row["topics"])) == len(row["topics"]) <= 3
        assert set(row["topics"]) <= set(CLASSES)
        assert 60 <= len(row["article_body"].split()) <= 140
    assert all(sum(row["topics"][0] == name for row in rows) >= 9 for name in ("03", "05", "06", "08", "12", "17"))


def test_written_stories_have_their_labels() -> None:
    [story, *_] = written_stories()
    [labels] = pool_labels([story])
    assert labels.tolist() == softened(story.topics)


def test_the_class_that_comes_first_beside_another_ranks_higher() -> None:
    pytest.importorskip("scipy", reason="of the dependency group training")
    rows = [LabelledText(TopicText(None, STORY), topics, None) for topics in (["02", "14"], ["02", "14"], ["14"])]
    weights = rank_weights(label_table(rows), first_table(rows))
    assert weights[CLASSES.index("02")] > 1 > weights[CLASSES.index("14")]
    assert weights[CLASSES.index("15")] == pytest.approx(1)


def test_labelled_texts_leave_the_pool() -> None:
    labelled = LabelledText(TopicText("One", STORY * 3), ["11"], None)
    same, other = PoolText(TopicText(None, STORY.replace(" ", "\n") * 3)), PoolText(TopicText(None, STORY.upper() * 3))
    assert without_labelled([same, other, PoolText(TopicText(None, ""))], [labelled]) == [
        other,
        PoolText(TopicText(None, "")),
    ]
