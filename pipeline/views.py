"""The views over a lake, as SQL that any DuckDB runs.

Rows say what was decided when they were written; the views read them through the aliases, so that each story is one row
of `articles` and every other row of it one of `copies`, whatever was found out later.
"""

from __future__ import annotations

import glob
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from schemas.replay import QUEUED, SETTLED
from schemas.tables import PARTITION_COLUMN, TABLES

_ALIASES_IN_FORCE: Final = """
select old_id, arg_max(new_id, decided_at) as new_id, max(decided_at) as decided_at from {aliases} group by old_id"""

# Two hops: a row's own alias, then that of the article that it belongs to.
_COPIES_WITH_STORY: Final = """
select c.*, coalesce(of_story.new_id, of_row.new_id, c.duplicate_of) as story,
    of_row.new_id is not null and story = c.article_id and c.similarity is not null as is_promoted
from {copies} c
left join aliases_in_force of_row on of_row.old_id = c.copy_id
left join aliases_in_force of_story on of_story.old_id = coalesce(of_row.new_id, c.duplicate_of)"""

_ARTICLES_MOVED: Final = """
select first.old_id as article_id, coalesce(second.new_id, first.new_id) as story
from aliases_in_force first left join aliases_in_force second on second.old_id = first.new_id"""

_ARTICLES: Final = """
select a.* from {articles} a left join articles_moved m on m.article_id = a.article_id
where m.story is null or m.story = a.article_id
union all by name
select * exclude (copy_id, duplicate_of, relation, similarity, story, is_promoted)
from copies_with_story where is_promoted"""

# A copy has the tags of its story, never its own.
_COPIES: Final = """
select c.*, a.topics, a.topics_state, a.entities, a.entities_state
from (
    select * exclude (story, is_promoted) replace (story as duplicate_of) from copies_with_story where not is_promoted
    union all by name
    select a.article_id as copy_id, m.story as duplicate_of, 'version' as relation, null::float as similarity,
        a.* exclude (topics, topics_state, entities, entities_state)
    from {articles} a join articles_moved m on m.article_id = a.article_id and m.story <> a.article_id
) c left join articles a on a.article_id = c.duplicate_of"""

# A deeper topic is always one of the first one's branch.
_TOPICS: Final = """
select name, id, level, confidence, position, case when level = 1 then name else top_name end as top_name,
    case when level = 1 then id else top_id end as top_id, article_id, headline, source_domain, in_language, date,
    date_published, first_seen_at, source, creator
from (
    select * exclude (topics), generate_subscripts(topics, 1) as position, unnest(topics, recursive := true),
        topics[1].name as top_name, topics[1].id as top_id
    from articles
)"""

NAMES_OF_DAYS: Final = """
select date, entity.type as type, entity.name as name, count(*) as articles
from (select date, unnest(entities) as entity from {articles}) group by all"""
"""How many articles of a day have a name, as they write it."""

# The only person of a day with a surname, by first and last name; written most often, then longest, in full.
FULL_NAMES: Final = """
select date, surname, max_by(name, (articles, length(name), name)) as name
from (
    select date, name, regexp_extract(plain, '\\S+$') as surname, regexp_extract(plain, '^\\S+') as first, articles
    from (
        select date, name, lower(regexp_replace(name, ',? (Jr\\.?|Sr\\.?|I{{2,3}}|IV)$', '')) as plain, articles
        from ({names_of_days}) where type = 'Person'
    ) where plain like '% %'
) group by date, surname having count(distinct first) = 1"""
"""Each day's full names, from its names."""

# An article that has both the surname and the full name, or the surname in two ways of writing, names one person once.
_ENTITIES: Final = """
select coalesce(f.name, e.name) as name, type, sum(mentions)::integer as mentions, country, geonames_id,
    arg_max(e.name, (length(e.name), e.name)) as name_in_article, flatten(list(surface_forms order by first_offset))
    as surface_forms, min(first_offset) as first_offset, article_id, headline, source_domain, in_language, e.date,
    date_published, first_seen_at, source, extractor
from (select * exclude (entities), unnest(entities, recursive := true) from articles) e
left join full_names f
    on e.type = 'Person' and e.name not like '% %' and f.date = e.date and f.surname = lower(e.name)
group by all"""

_STORIES: Final = """
select story as article_id, max(headline) filter (is_canonical) as headline,
    max(in_language) filter (is_canonical) as in_language,
    count(*) filter (not is_canonical) as copies, count(distinct outlet) as outlets,
    arg_min(outlet, coalesce(date_published, first_seen_at)) as first_outlet,
    any_value(topics) filter (is_canonical) as topics, any_value(entities) filter (is_canonical) as entities,
    min(date_published) as first_published, min(first_seen_at) as first_seen_at, max(first_seen_at) as last_seen_at,
    max(word_count) as word_count, arg_max(article_body, word_count) as article_body,
    arg_max(article_id, word_count) as fullest_article_id
from (
    select article_id as story, true as is_canonical, coalesce(source_domain, publisher) as outlet, article_id,
        headline, in_language, topics, entities, date_published, first_seen_at, word_count, article_body from articles
    union all by name
    select duplicate_of as story, false as is_canonical, coalesce(source_domain, publisher) as outlet, article_id,
        headline, in_language, date_published, first_seen_at, word_count, article_body from copies
) group by story"""

# The latest attempt counts: a later version may fail where another one had passed. What waits to be fetched has not
# been tried yet; what comes of it is a row of its own.
_REJECTS: Final = f"""
with tried as (
    select reject_id, count(*) filter (outcome <> '{QUEUED}') as attempts, max(attempted_at) as attempted_at,
        arg_max(outcome, attempted_at) as outcome
    from {{replays}} group by reject_id
)
select r.*, 1 + coalesce(tried.attempts, 0) as attempts,
    case when tried.outcome in {SETTLED} then tried.attempted_at end as settled_at,
    case when tried.outcome in {SETTLED} then tried.outcome end as settled_as
from {{rejects}} r left join tried on tried.reject_id = r.reject_id"""

# Every poll leaves a row, so the latest one of a feed says how it is now.
_FEED_HEALTH: Final = """
select * exclude (latest) from (
    select *, row_number() over (partition by feed_url order by polled_at desc, polls desc) as latest from {feeds}
) where latest = 1"""

# An answer that asks to wait is obeyed by the next request to its host, whatever that is for.
_POLITENESS: Final = """
select host, count(*) as requests, count(*) filter (purpose = 'feed') as feed_requests,
    avg(conditional::int) filter (purpose = 'feed') as share_conditional,
    avg((status = 304)::int) filter (purpose = 'feed') as share_not_modified,
    min(next_at - requested_at) as smallest_gap,
    count(retry_after) filter (status >= 400) as retry_after_asked,
    count(*) filter (status >= 400 and retry_after is not null and next_at < may_be_asked_at) as retry_after_broken,
    sum(wire_bytes)::bigint as wire_bytes, min(requested_at) as first_request, max(requested_at) as last_request
from (
    select *, lead(requested_at) over (partition by host order by requested_at, hop) as next_at,
        requested_at + to_microseconds(((seconds + coalesce(retry_after, 0)) * 1e6)::bigint) as may_be_asked_at
    from {fetches}
) group by host"""

_RUNS: Final = """
select run_id, min(started_at) as started_at, max(finished_at) as finished_at, count(*) as cycles,
    sum(inputs)::bigint as inputs, sum(articles)::bigint as articles, sum(copies)::bigint as copies,
    sum(rejects)::bigint as rejects, sum(already_seen)::bigint as already_seen, sum(bytes_read)::bigint as bytes_read,
    any_value(newsbeam_version) as newsbeam_version
from {runs} group by run_id"""

_VIEWS: Final[Mapping[str, tuple[str, str]]] = {
    "aliases": (
        "rows found later to belong to another story; of an old_id the latest is in force",
        "\nselect * from {aliases}",
    ),
    "aliases_in_force": ("where each moved row belongs now", _ALIASES_IN_FORCE),
    "articles_moved": ("the story that each aliased row belongs to now", _ARTICLES_MOVED),
    "copies_with_story": ("rows of the table copies, with the story that each belongs to now", _COPIES_WITH_STORY),
    "articles": ("each story once, as it was first written", _ARTICLES),
    "copies": ("every other row of a story (duplicate_of): copies, versions, updates", _COPIES),
    "topics": (
        "what each story is about: a row for each topic, the likeliest top concept first, a deeper one last",
        _TOPICS,
    ),
    "full_names": (
        "the one person of a day that has a surname",
        FULL_NAMES.replace("{names_of_days}", NAMES_OF_DAYS),
    ),
    "entities": ("whom and what each story names; a surname alone is the day's only person of that name", _ENTITIES),
    "stories": ("each story with its copies, outlets and times, and its fullest text", _STORIES),
    "rejects": (
        "inputs that could not become a row, with stage and reason; settled_at is null where that is still so",
        _REJECTS,
    ),
    "replays": ("each attempt at a reject that was done again, and what came of it", "\nselect * from {replays}"),
    "fetches": ("every HTTP request, redirects and robots.txt too", "\nselect * from {fetches}"),
    "feeds": ("each poll of a feed, and what it changed", "\nselect * from {feeds}"),
    "feed_health": ("each feed as it is now: its latest row of feeds", _FEED_HEALTH),
    "politeness": ("how each host was treated: share of conditional requests, smallest gap", _POLITENESS),
    "runs": ("each run's account: inputs = articles + copies + rejects + already_seen", _RUNS),
}
"""What each view is and its query, in an order in which they can be made."""


_LATER_TABLES: Final = ("fetches", "feeds")
"""Tables that lakes of the first version were made without; their next run adds them."""


def view_definitions(root: Path) -> dict[str, str]:
    """Return a `create or replace view` statement for each view of the lake at `root`, by the view's name.

    A lake that was last written before newsbeam had a table lacks the views over it.
    """
    files = {table: _files(root, table) for table in TABLES} | {"replays": _replays(root)}
    missing = [f"{{{table}}}" for table in _LATER_TABLES if not (root / table).is_dir()]
    views = {name: view for name, view in _VIEWS.items() if not any(table in view[1] for table in missing)}
    return {
        name: f"create or replace view {name} as -- {comment}{query.format(**files)};"
        for name, (comment, query) in views.items()
    }


def _replays(root: Path) -> str:
    """The SQL that reads the attempts; of a lake of the first schema, which has none, a relation without rows."""
    if any((root / "replays").glob("*/*.parquet")):
        return _files(root, "replays")
    kinds = {"attempted_at": "timestamptz", "schema_version": "smallint"}
    columns = ", ".join(f"null::{kinds.get(name, 'varchar')} as {name}" for name in TABLES["replays"].names)
    return f"(select {columns}, null::date as {PARTITION_COLUMN} where false)"


def _files(root: Path, table: str) -> str:
    """The SQL that reads a table's files; `union_by_name` lets files of older and newer versions stand together."""
    pattern = f"{glob.escape(str(root))}/{table}/**/*.parquet".replace("'", "''")
    options = f"hive_partitioning = true, hive_types = {{'{PARTITION_COLUMN}': date}}, union_by_name = true"
    return f"read_parquet('{pattern}', {options})"
