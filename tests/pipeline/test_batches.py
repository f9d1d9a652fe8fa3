from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.batches import batches


@given(st.lists(st.integers()), st.integers(1, 7))
def test_nothing_is_lost_and_only_the_last_is_smaller(things: list[int], size: int) -> None:
    found = list(batches(iter(things), size))
    assert [one for batch in found for one in batch] == things
    assert all(len(batch) == size for batch in found[:-1])
    assert all(found)
    assert all(len(batch) <= size for batch in found)
