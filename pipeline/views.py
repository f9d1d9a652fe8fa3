"""The views over a lake, as SQL that any DuckDB runs.

Rows say what was decided when they were written; the views read them through the aliases, so that each story is one row
of `articles` and every other row of it one of `copies`, whatever was found out later.
"""

from __future__ import annotations

import glob
from collections.abc import Mapping
from pathlib import Path
from typing import Final

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

_TOPICS: Final = """
select article_id, date, date_published, first_seen_at, source_domain, headline,
    generate_subscripts(topics, 1) as position, unnest(topics, recursive := true)
from articles"""

# The only person of a day with a surname, by first and last name; written most often, then longest, in full.
_FULL_NAMES: Final = """
select date, surname, max_by(name, (articles, length(name), name)) as name
from (
    select date, name, regexp_extract(lower(name), '\\S+$') as surname, regexp_extract(lower(name), '^\\S+') as first,
        count(*) as articles
    from (select date, unnest(entities, recursive := true) from {articles})
    where type = 'Person' and name like '% %' group by all
) group by date, surname having count(distinct first) = 1"""

_ENTITIES: Final = """
select e.* exclude (name), coalesce(f.name, e.name) as name, e.name as name_in_article
from (
    select article_id, date, date_published, first_seen_at, source_domain, headline,
        unnest(entities, recursive := true) from articles
) e left join full_names f
    on e.type = 'Person' and e.name not like '% %' and f.date = e.date and f.surname = lower(e.name)"""

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
    "topics": ("what each story is about, a row for each topic, position 1 the surest", _TOPICS),
    "full_names": ("the one person of a day that has a surname", _FULL_NAMES),
    "entities": ("whom and what each story names; a surname alone is the day's only person of that name", _ENTITIES),
    "stories": ("each story with its copies, outlets and times, and its fullest text", _STORIES),
    "rejects": ("inputs that could not become a row, with stage and reason", "\nselect * from {rejects}"),
    "runs": ("each run's account: inputs = articles + copies + rejects + already_seen", _RUNS),
}
"""What each view is and its query, in an order in which they can be made."""


def view_definitions(root: Path) -> dict[str, str]:
    """Return a `create or replace view` statement for each view of the lake at `root`, by the view's name."""
    files = {table: _files(root, table) for table in TABLES}
    return {
        name: f"create or replace view {name} as -- {comment}{query.format(**files)};"
        for name, (comment, query) in _VIEWS.items()
    }


def _files(root: Path, table: str) -> str:
    """The SQL that reads a table's files; `union_by_name` lets files of older and newer versions stand together."""
    pattern = f"{glob.escape(str(root))}/{table}/**/*.parquet".replace("'", "''")
    options = f"hive_partitioning = true, hive_types = {{'{PARTITION_COLUMN}': date}}, union_by_name = true"
    return f"read_parquet('{pattern}', {options})"
