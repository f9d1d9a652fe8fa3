"""The tables in which a lake's memory keeps what the duplicate decision remembers.

`period` is the stretch of 72 hours, counted from 1970, in which newsbeam noted a thing: what is forgotten is
forgotten a whole period at a time, so that nothing has to be looked for one by one. A text without a `group_number`
is in the group of its own number.

A period's postings lie in two parts, 2 * period for most and 2 * period + 1 for the latest. New postings are spread
over all pages of the part that they go to; to a small part they cost few pages, and the many that are moved at once
share their pages in the large one.
"""

from __future__ import annotations

from typing import Final

DUPLICATE_TABLES: Final = """
create table pages (id blob primary key, text_id blob not null) without rowid;
create table known_texts (
    id blob primary key, known_as blob not null, story blob not null, number integer
) without rowid;
create table written_rows (id blob primary key) without rowid;
create table aliases (old_id blob primary key, new_id blob not null, decided_at integer not null) without rowid;
create index aliases_by_new_id on aliases (new_id);
create table outlets (name text primary key, latest blob not null);
create table texts (
    number integer primary key autoincrement, text_id blob not null, period integer not null,
    first_seen_at integer not null, last_seen_at integer not null, group_number integer, outlet text, language text,
    shingles blob not null, packed_text blob not null
);
create index texts_by_group on texts (group_number) where group_number is not null;
create index texts_by_period on texts (period);
create table postings (
    part integer, key integer, number integer, primary key (part, key, number)
) without rowid;
create table posting_parts (part integer primary key, row_count integer not null);
create table groups (
    number integer primary key, period integer not null, story blob not null, parent integer, articles blob not null
);
create index groups_by_parent on groups (parent) where parent is not null;
create table attachments (
    source integer, target integer, shorter_share real not null, longer_share real not null, longer blob not null,
    primary key (source, target)
) without rowid;
create index attachments_by_target on attachments (target);
create table strays (
    copy_id blob primary key, group_number integer not null, article_id blob not null, text_id blob not null,
    first_seen_at integer not null, story blob not null
) without rowid;
create index strays_by_group on strays (group_number);
"""
