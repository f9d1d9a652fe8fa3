"""What the tables of a lake are asked to make its memory anew, in DuckDB's SQL; `rows` runs it."""

from __future__ import annotations

from typing import Final

RUNS: Final = """
create table cycles as
select cycle::bigint as cycle, any_value(run_id) as run_id, min(epoch_us(started_at)) as started_at,
    max(epoch_us(finished_at)) as finished_at, max(articles + copies) as texts
from {runs} group by cycle"""

# A file of a cycle bears its number. One that `compact` wrote holds rows of many, known by their run, and by the time
# at which their cycle began, but for records with times of their own.
TEXTS: Final = """
create table texts as
with found as (
    select {common}, null::varchar as copy_id, article_id as written_story, null::varchar as relation,
        null::float as similarity from {articles}
    union all by name
    select {common}, copy_id, duplicate_of as written_story, relation, similarity from {copies}
)
select p.*, copy_id is null or similarity is not null as is_first,
    copy_id is null or (similarity is not null and relation <> 'exact') as is_new_text,
    coalesce(try_cast(substr(parse_filename(filename), 2, 8) as bigint), 0) as of_file,
    case when parse_filename(filename) like 'c%-k%' then t.cycle else of_file end as cycle
from found p left join (select run_id, started_at, max(cycle) as cycle from cycles group by all) t
    on t.run_id = p.run_id and t.started_at = p.seen_at"""

# Of these the run is known. Its cycles read the files in order, and their accounts say how many rows each wrote.
ROOM: Final = """
create table room as
select cycle, run_id, sum(free) over (partition by run_id order by cycle) as up_to
from (select c.cycle, c.run_id, any_value(c.texts) - count(p.cycle) as free
    from cycles c left join texts p on p.cycle = c.cycle group by c.cycle, c.run_id) where free > 0"""

FILL: Final = """
update texts set cycle = coalesce(found.cycle, last.cycle, of_file)
from (
    select filename, file_row_number, run_id, row_number() over (partition by run_id order by
        regexp_replace(source, '#[0-9]+$', ''), coalesce(try_cast(regexp_extract(source, '#([0-9]+)$', 1) as bigint), 0)
    ) as place from texts where cycle is null
) lost
asof left join room found on found.run_id = lost.run_id and found.up_to >= lost.place
left join (select run_id, max(cycle) as cycle from cycles group by all) last on last.run_id = lost.run_id
where texts.cycle is null and texts.filename = lost.filename and texts.file_row_number = lost.file_row_number"""

COMMON: Final = (
    "filename, file_row_number, article_id, substr(content_sha256, 1, 32) as text_id, content_sha256, "
    "epoch_us(first_seen_at) as seen_at, epoch_us(date_published) as published_at, source, run_id, "
    "coalesce(nullif(source_domain, ''), nullif(publisher, '')) as outlet"
)

STARTS: Final = """
create table starts as
select cycle, started_at, run_id from cycles
union all select p.cycle, max(p.seen_at), '' from texts p anti join cycles c on c.cycle = p.cycle group by p.cycle"""

# As `Deduplicate` orders the articles of a cycle.
PLACES: Final = """
create table places as
select *, row_number() over (order by cycle, seen_at, published_at is null, coalesce(published_at, 0), article_id,
    content_sha256, source) as place
from texts"""

ALIASES: Final = """
create table aliases as
select old_id, arg_max(new_id, decided_at) as new_id, epoch_us(max(decided_at)) as decided_at from {aliases}
group by old_id"""

# A text is known from the row that was a new text; where that was erased, from its copies; else it is a later text of a
# page, and counts as that page's first one.
KNOWN: Final = """
create table known as
select text_id, case when kind < 2 then text_id else coalesce(page_text, text_id) end as known_as, story
from (
    select p.text_id, first.text_id as page_text, coalesce(a.new_id, p.written_story) as story, p.place,
        case when p.is_new_text then 0 when p.is_first then 1 else 2 end as kind
    from places p
    left join aliases a on a.old_id = p.copy_id
    left join (
        select article_id, arg_max(text_id, place) as text_id from places where is_first and cycle < {cycle}
        group by article_id
    ) first on first.article_id = p.article_id
    where p.cycle < {cycle}
) qualify row_number() over (partition by text_id order by kind, place) = 1"""

HOP: Final = """
update known set known_as = next.known_as from known next
where next.text_id = known.known_as and next.known_as <> known.known_as"""

ARRIVALS: Final = """
select p.place, p.cycle, c.started_at, c.run_id, p.copy_id, coalesce(a.new_id, p.written_story) as story, p.relation,
    p.is_first, coalesce(s.cycle < {cycle}, true) as is_of_older, p.article_id, p.content_sha256, p.seen_at,
    p.published_at, p.source, b.article_body, b.in_language, b.source_domain, b.publisher
from {bodies} b join places p using (filename, file_row_number)
join starts c on c.cycle = p.cycle
left join aliases a on a.old_id = p.written_story
left join (select article_id, max(cycle) as cycle from places where is_first group by article_id) s
    on s.article_id = coalesce(a.new_id, p.written_story)
where p.cycle >= {cycle}
order by p.place"""

OF_OUTLETS: Final = """
select filename, file_row_number, outlet, place from places where is_new_text and outlet is not null and cycle < {cycle}
qualify row_number() over (partition by lower(outlet) order by place desc) <= {most}"""

LATEST_OF_OUTLETS: Final = """
select latest.outlet, b.article_body, b.in_language
from {bodies} b join ({of_outlets}) latest using (filename, file_row_number)
order by lower(latest.outlet), latest.place"""
