from __future__ import annotations

import copy
import pickle

import pytest

from schemas import errors
from schemas.errors import InputRejected, NewsbeamError


@pytest.mark.parametrize("retryable", [True, False])
def test_a_rejection_crosses_process_borders_whole(retryable: bool) -> None:
    rejected = InputRejected("no_article", "nothing reads like one: '漢' \x00", retryable=retryable)
    for back in (pickle.loads(pickle.dumps(rejected)), copy.copy(rejected)):  # noqa: S301
        assert type(back) is InputRejected
        assert (back.reason, back.message, back.retryable) == (rejected.reason, rejected.message, retryable)
        assert str(back) == str(rejected)


def test_a_rejection_is_final_unless_said_otherwise() -> None:
    assert InputRejected("empty", "nothing in it").retryable is False


def test_all_errors_that_are_raised_on_purpose_have_one_root() -> None:
    own = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert len(own) > 3
    assert all(issubclass(error, NewsbeamError) for error in own)
