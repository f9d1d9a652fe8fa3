from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.replay_options import parse_since
from schemas.errors import UsageError
from schemas.instants import instant_of
from schemas.reject import STAGES
from transforms import extract_articles
from transforms.functions import feed_items, folder_inputs

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90m", NOW - timedelta(minutes=90)),
        ("1.5d", NOW - timedelta(hours=36)),
        ("6H", NOW - timedelta(hours=6)),
        ("2026-03-31", datetime(2026, 3, 31, tzinfo=UTC)),
        ("2026-03-31T18:00", datetime(2026, 3, 31, 18, tzinfo=UTC)),
        ("2026-03-31T18:00+02:00", datetime(2026, 3, 31, 16, tzinfo=UTC)),
    ],
)
def test_a_time_back_a_day_and_a_moment(text: str, moment: datetime) -> None:
    assert parse_since(text, NOW) == instant_of(moment)


@pytest.mark.parametrize("text", ["", "yesterday", "0d", "5", "5y", "1.2.3d", "2026-02-30", "999999999d", "2026-13-01"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--since") as refused:
        parse_since(text, NOW)
    for form in ("90m, 6h, 2d", "2026-03-31)", "2026-03-31T18:00", "as in --since 2d"):
        assert form in str(refused.value)


def test_without_it_all_are_meant() -> None:
    assert parse_since(None, NOW) is None


def test_the_stages_that_can_be_asked_for_are_those_that_rejects_are_given() -> None:
    assert {folder_inputs.STAGE, feed_items.STAGE, extract_articles.STAGE} == set(STAGES)
