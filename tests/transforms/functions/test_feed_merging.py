from __future__ import annotations

from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.feed_state import FeedState
from tests.fetch_samples import DAY, HOUR, NOW, RULES, answer, parse
from transforms.functions.feed_merging import merge_feeds
from transforms.functions.polling import after_poll


def feed(listed: str, resolved: str | None, **more: object) -> FeedState:
    return FeedState(listed, listed, next_poll_at=NOW, resolved_url=resolved)._replace(**more)


def test_feeds_that_resolve_to_one_url_are_merged() -> None:
    states = [
        feed("https://a.example/rss", "https://b.example/feed"),
        feed("https://b.example/feed", "https://b.example/feed"),
    ]
    changed = merge_feeds(states, RULES)
    assert [(state.listed_url, state.merged_into) for state in changed] == [
        ("https://a.example/rss", "https://b.example/feed")
    ]
    assert changed[0].next_poll_at > NOW + 29 * DAY


def test_scheme_and_default_port_do_not_tell_feeds_apart() -> None:
    states = [feed("http://a.example/f", "http://A.example:80/f"), feed("https://a.example/f", "https://a.example/f")]
    assert [state.merged_into for state in merge_feeds(states, RULES)] == ["https://a.example/f"]


def test_other_queries_are_other_feeds() -> None:
    assert merge_feeds([feed("u1", "https://a.example/f?c=1"), feed("u2", "https://a.example/f?c=2")], RULES) == []


def test_a_feed_that_parts_again_is_polled_again() -> None:
    merged = feed("u1", "https://a.example/f", merged_into="u2")
    same = after_poll(merged, answer(url="https://a.example/f"), parse, Random(1), RULES).state
    assert same.merged_into == "u2"
    assert same.next_poll_at >= NOW + 30 * DAY
    parted = after_poll(merged, answer(url="https://c.example/f"), parse, Random(1), RULES).state
    assert parted.merged_into is None
    assert parted.next_poll_at <= NOW + 1.1 * DAY


def test_where_the_polled_one_is_gone_another_takes_over() -> None:
    states = [
        feed("u1", "https://a.example/f", gone_at=NOW),
        feed("u2", "https://a.example/f", merged_into="u1", next_poll_at=NOW + 9 * DAY),
        feed("u3", "https://a.example/f", merged_into="u1", next_poll_at=NOW + 5 * DAY),
    ]
    changed = merge_feeds(states, RULES)
    assert [(state.listed_url, state.merged_into) for state in changed] == [("u2", None), ("u3", "u2")]
    assert changed[0].next_poll_at == NOW + 5 * DAY


def test_a_feed_that_another_leads_to_and_away_from_is_not_silenced() -> None:
    """Both are listed; `a` is redirected to the other's address, then elsewhere."""
    known = {"last_polled_at": NOW, "interval": 3_600.0, "publisher_interval": 7_200.0}
    victim = feed("https://v.example/f", "https://v.example/f/", next_poll_at=NOW + 2 * HOUR, **known)
    (merged,) = merge_feeds([feed("https://v.example/a", "https://v.example/f/"), victim], RULES)
    assert merged.merged_into == "https://v.example/a"
    (parted,) = merge_feeds([feed("https://v.example/a", "https://v.example/a"), merged], RULES)
    assert (parted.merged_into, parted.next_poll_at) == (None, NOW + 2 * HOUR)


def test_a_feed_that_leads_to_another_ones_address_does_not_take_its_place() -> None:
    victim = feed("https://v.example/f", "https://v.example/f/")
    (merged,) = merge_feeds([feed("https://a.example/f", "https://v.example/f/"), victim], RULES)
    assert (merged.listed_url, merged.merged_into) == ("https://a.example/f", "https://v.example/f")


def test_a_feed_that_fails_gives_way_to_one_that_does_not() -> None:
    known = {"last_polled_at": NOW, "interval": 3_600.0}
    dead = feed("https://v.example/a", "https://v.example/f", failure_score=1.0, **known)
    silent = feed("https://v.example/b", "https://v.example/f", merged_into="https://v.example/a", **known)
    changed = merge_feeds([dead, silent._replace(next_poll_at=NOW + 30 * DAY)], RULES)
    assert [(state.listed_url, state.merged_into) for state in changed] == [
        ("https://v.example/b", None), ("https://v.example/a", "https://v.example/b"),
    ]  # fmt: skip
    assert changed[0].next_poll_at <= NOW + HOUR


def test_a_failing_feed_that_was_led_to_and_away_from_waits_no_longer_than_its_failures_ask() -> None:
    known = {"last_polled_at": NOW, "interval": 3_600.0, "failure_score": 2.0}
    silent = feed("https://v.example/f", "https://v.example/f", merged_into="https://a.example/f", **known)
    (parted,) = merge_feeds([silent._replace(next_poll_at=NOW + 30 * DAY)], RULES)
    assert (parted.merged_into, parted.next_poll_at) == (None, NOW + 4 * HOUR)


def test_a_feed_that_is_only_named_gives_way_to_one_of_the_users_list() -> None:
    named = feed("https://a.example/f", "https://a.example/f", named_by="https://a.example/index")
    listed = feed("http://a.example/f", "https://a.example/f", named_by="https://a.example/index")
    (merged,) = merge_feeds([named, listed], RULES, {"http://a.example/f"})
    assert (merged.listed_url, merged.merged_into) == ("https://a.example/f", "http://a.example/f")


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abcdef"),
            st.sampled_from(["https://x.example/", "http://x.example/", "https://y.example/", None]),
        )
    )
)
def test_merging_twice_changes_nothing_and_one_of_each_is_polled(pairs: list[tuple[str, str | None]]) -> None:
    states = {listed: feed(listed, resolved) for listed, resolved in pairs}
    states |= {state.listed_url: state for state in merge_feeds(states.values(), RULES)}
    assert merge_feeds(states.values(), RULES) == []
    polled = [state for state in states.values() if state.resolved_url and state.merged_into is None]
    hosts = {(state.resolved_url or "").partition("//")[2] for state in states.values() if state.resolved_url}
    assert len(polled) == len(hosts)
    assert all(states[state.merged_into].merged_into is None for state in states.values() if state.merged_into)
