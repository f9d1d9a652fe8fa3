from __future__ import annotations

import pytest

from tests.fetch_samples import answer
from transforms.functions.poll_failures import HARD, SOFT, TEMPORARY, failure_reason, failure_weight


@pytest.mark.parametrize(
    ("status", "failure", "weight"),
    [
        (404, None, SOFT),
        (429, None, SOFT),
        (500, None, SOFT),
        (503, None, SOFT),
        (None, "no_such_name", SOFT),
        (408, None, TEMPORARY),
        (None, "connection_refused", TEMPORARY),
        (None, "time_limit", TEMPORARY),
        (200, "truncated", TEMPORARY),
        (401, None, HARD),
        (403, None, HARD),
        (200, "too_large", HARD),
        (301, "redirect_loop", HARD),
        (None, "address_refused", HARD),
        (None, "robots_disallowed", HARD),
    ],
)
def test_failures_have_three_weights(status: int | None, failure: str | None, weight: float) -> None:
    assert failure_weight(answer(status, failure=failure)) == weight


def test_a_reason_is_the_failure_or_else_the_status() -> None:
    assert failure_reason(answer(None, failure="time_limit")) == "time_limit"
    assert failure_reason(answer(404)) == "http_404"
