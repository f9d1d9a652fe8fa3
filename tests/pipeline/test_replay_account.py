from __future__ import annotations

from pipeline.replay_account import ReplayAccount, account_of
from schemas.replay import OUTCOMES

COUNTS = {outcome: 10**place for place, outcome in enumerate(OUTCOMES)}
"""A power of ten each, so that a sum tells what it is of."""


def test_each_outcome_is_counted_in_one_place() -> None:
    account = account_of(COUNTS, left_alone=7 * 10 ** len(OUTCOMES))
    assert account == ReplayAccount(
        articles=1, copies=10, in_the_lake_already=100, failed_again=11_000, left=71_111_100_000
    )
    assert account.rejects == sum(COUNTS.values()) + 7 * 10 ** len(OUTCOMES)
    assert account.figures()["passed"] == 11


def test_the_line_is_a_sum() -> None:
    assert str(account_of({"article": 1_200, "copy": 3, "rejected": 4, "queued": 5}, left_alone=6)) == (
        "rejects 1,218 = passed 1,203 (articles 1,200, copies 3) + in the lake already 0 + failed again 4 + left 11"
    )
