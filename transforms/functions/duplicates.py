"""The duplicate decision, one article after the other: new, a copy, an update, or seen before.

It comes to the stories that `clusters.partition` finds over all pairs at once, whatever the order. What no decision
taken one by one can do is to give each story one row that never has to be corrected: a later text may bridge two
stories, or be a better parent for a stub. Nothing written is rewritten then; an alias says where the row belongs.

A page is known by the first text that it showed. A later text of it becomes an `update` row of the page's story and is
not compared with anything: else one page that shows a new text each hour would join all stories that it ever copied.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeAlias

from schemas.alias import Alias
from schemas.article import Article
from schemas.copy import Copy
from schemas.instants import Instant
from schemas.printed_article import PrintedArticle
from transforms.functions.clusters import SAME_COPY_SHARE, Pair, pair_of
from transforms.functions.duplicate_index import WINDOW, Attachment, DuplicateIndex, Group, StoredText, Stray
from transforms.functions.fact_guard import compare_facts
from transforms.functions.printed_articles import keys_of_printed, print_of_printed, seen_of_printed
from transforms.functions.shingles import shared
from transforms.functions.stories import UNNAMED, Stories
from transforms.functions.text_print import SplitText, TextPrint
from transforms.functions.urls import copy_id

MOST_LOOKED_AT: Final = 64
"""Candidates of one text, those with the most keys in common first. On the development sets the stories are the same
without it; the bound is for floods of copies of one story, which are of one group, so that few are compared."""

MOST_COMPARED: Final = 32
"""Of these, texts that one text is compared with. The bound is for floods of robot stories from one template, which are
all of groups of their own."""

TEXT_ID_CHARACTERS: Final = 32
"""Hex characters of a `content_sha256` that name a text: 16 bytes, as of all ids."""

ARTICLES, COPIES, ALIASES = "articles", "copies", "aliases"
TAGS: Final = {Article: ARTICLES, Copy: COPIES, Alias: ALIASES}
"""Name of the output that a row goes to, as of its table."""

Row: TypeAlias = Article | Copy | Alias


class Decider:
    """Decides articles against an index, and collects the aliases that follow. Its arguments are those of `Stories`."""

    def __init__(self, index: DuplicateIndex, decided_at: Instant, run_id: str) -> None:
        self._index = index
        self._stories = Stories(index, decided_at, run_id)
        self.compared = 0
        """Pairs of texts that were compared."""

    def decide_all(self, arrivals: Sequence[PrintedArticle]) -> Iterator[Row | None]:
        """Decide articles in the given order; yields a row for each (None where it was seen before), then the aliases.

        What the outlets repeat is learnt from all of them before the first is decided, so that a first run over a
        folder knows as much of its outlets as a later one.
        """
        new = list(self._new_texts(arrivals))
        for arrival in new:
            outlet = _outlet(arrival.article)
            if outlet:
                self._index.add_to_outlet(outlet, seen_of_printed(arrival))
        self._index.expect(key for arrival in new for key in keys_of_printed(arrival))
        for arrival in arrivals:
            yield self._decide(arrival)
        self._index.finish()
        yield from self._stories.aliases()

    # Looking at outlets

    def _new_texts(self, arrivals: Iterable[PrintedArticle]) -> Iterator[PrintedArticle]:
        """Yield the first arrival of each text that is to be compared."""
        met: set[str] = set()
        for arrival in arrivals:
            text_id = _text_id(arrival.article)
            if text_id in met or self._index.known_as(text_id):
                continue
            if self._index.text_of_page(arrival.article.article_id) is None:
                met.add(text_id)
                yield arrival

    def _without_furniture(self, arrival: PrintedArticle) -> tuple[Sequence[int], TextPrint]:
        article = arrival.article
        outlet = _outlet(article)
        furniture = self._index.outlet(outlet).furniture_in(seen_of_printed(arrival)) if outlet else ()
        if not furniture:
            return keys_of_printed(arrival), print_of_printed(arrival)
        return SplitText.of(article.article_body).print(article.in_language, furniture)

    # One article

    def _decide(self, arrival: PrintedArticle) -> Article | Copy | None:
        article = arrival.article
        row_id = copy_id(article.article_id, article.content_sha256)
        text_id = _text_id(article)
        of_page, of_text = self._index.text_of_page(article.article_id), self._index.known_as(text_id)
        # A page's first row is known by the page itself, which saves the one more look-up for nearly all of them.
        if of_page == text_id or (of_page is not None and self._index.has_row(row_id)):
            return None
        if of_page is not None:
            self._index.note_row(row_id)
        if of_page is None and of_text is None:
            return self._new_text(arrival, row_id)
        if of_text is None:
            return self._update(article, self._index.known_as(of_page or "") or text_id, row_id)
        return self._known_text(arrival, of_text, of_page, row_id)

    def _known_text(self, arrival: PrintedArticle, known_as: str, of_page: str | None, row_id: str) -> Copy:
        """A text that is known wins over a page that is known: a page that goes back to an older wording, or takes
        another outlet's, is a copy of that text."""
        article = arrival.article
        if of_page is None:
            self._index.note_page(article.article_id, _text_id(article))
            self._see_again(known_as, arrival)
        elif self._stories.story_of(self._index.known_as(of_page) or of_page) == self._stories.story_of(known_as):
            return self._copy(article, row_id, known_as, "update", None)
        # A later row of its page has no similarity: the views know by it that the row can be no story's own.
        return self._copy(article, row_id, known_as, "exact", 1.0 if of_page is None else None)

    def _update(self, article: Article, known_as: str, row_id: str) -> Copy:
        self._index.note_text(_text_id(article), known_as, self._stories.story_of(known_as))
        return self._copy(article, row_id, known_as, "update", None)

    def _new_text(self, arrival: PrintedArticle, row_id: str) -> Article | Copy:
        article = arrival.article
        text_id, page = _text_id(article), article.article_id
        self._index.note_page(page, text_id)
        number, keys = self._add_text(arrival, Group(0, story=UNNAMED))
        if number is None:
            self._index.note_text(text_id, text_id, page)
            return article
        best = self._place(number, keys)
        group = self._stories.group_of(number)
        if not group.story:
            self._index.note_text(text_id, text_id, page)
            self._index.save_group(group._replace(story=page, articles=((article.first_seen_at, page),)))
            return article
        self._index.note_text(text_id, text_id, group.story)
        return self._copy(article, row_id, text_id, *_relation(best, _outlet(article)))

    def _add_text(self, arrival: PrintedArticle, group: Group) -> tuple[int | None, Sequence[int]]:
        """Note a text to be compared with, in a group of its own; returns its number and keys.

        One that is too short to be compared has no number: it is alone but for exact copies.
        """
        keys, text = self._without_furniture(arrival)
        if not keys:
            return None, keys
        article = arrival.article
        seen_at = article.first_seen_at
        stored = StoredText(_text_id(article), seen_at, seen_at, 0, _outlet(article), article.in_language, text)
        number = self._index.add_text(stored, keys)
        self._index.save_group(group._replace(number=number))
        return number, keys

    def _copy(self, article: Article, row_id: str, known_as: str, relation: str, similarity: float | None) -> Copy:
        story = self._stories.story_of(known_as)
        number = self._index.number_of(known_as)
        if number is not None:
            stray = Stray(row_id, article.article_id, _text_id(article), article.first_seen_at, story)
            self._stories.note_written(number, stray)
        return Copy(article, row_id, story, relation, similarity)

    def _see_again(self, known_as: str, arrival: PrintedArticle) -> None:
        """A text seen outside the time that it was known from lies near other texts now than before."""
        seen_at = arrival.article.first_seen_at
        number = self._index.number_of(known_as)
        if number is None:
            self._remember_again(known_as, arrival)
            return
        text = self._index.text(number)
        if not text.first_seen_at <= seen_at <= text.last_seen_at:
            keys = text.print.keys(text.language)
            self._index.see_again(number, min(text.first_seen_at, seen_at), max(text.last_seen_at, seen_at), keys)
            self._place(number, keys)

    def _remember_again(self, known_as: str, arrival: PrintedArticle) -> None:
        """A text that had been forgotten is compared with again, as a text of its story."""
        if known_as != _text_id(arrival.article):
            return
        story = self._stories.story_of(known_as)
        # The story is older than all that is remembered.
        group = Group(0, story, articles=((0, story),))
        number, keys = self._add_text(arrival, group)
        if number is not None:
            self._index.note_text(known_as, known_as, story)
            self._place(number, keys)

    # Comparing

    def _place(self, number: int, keys: Sequence[int]) -> tuple[Pair, StoredText] | None:
        """Compare a text with its candidates and bring the stories up to date; returns the best pair and partner."""
        text = self._index.text(number)
        found = self._index.candidates(keys)
        joined: list[int] = []
        attachments: dict[tuple[int, int], Attachment] = {}
        best: tuple[Pair, StoredText] | None = None
        nearest_first = sorted(found, key=lambda other: (-found[other], -other))
        compared = 0
        for other_number in nearest_first[:MOST_LOOKED_AT]:
            other = self._index.text(other_number)
            if other.group in joined or other.group == text.group or _apart(text, other) > WINDOW:
                continue
            if compared == MOST_COMPARED:
                break
            compared += 1
            pair = self._compare(text, other)
            if pair is None:
                continue
            if best is None or pair.rank < best[0].rank:
                best = pair, other
            if pair.is_strong:
                joined.append(other.group)
            else:
                attachment = _attachment(pair, text, other)
                ends = attachment.source, attachment.target
                if ends not in attachments or attachment.rank < attachments[ends].rank:
                    attachments[ends] = attachment
        self._stories.settle(text.group, joined, attachments.values())
        return best

    def _compare(self, text: StoredText, other: StoredText) -> Pair | None:
        self.compared += 1
        in_common = shared(text.print.shingles, other.print.shingles)
        pair = pair_of(text.text_id, other.text_id, (text.print.size, other.print.size), in_common)
        if pair is None or compare_facts(text.print.masked, other.print.masked).is_template:
            return None
        return pair


def _text_id(article: Article) -> str:
    return article.content_sha256[:TEXT_ID_CHARACTERS]


def _outlet(article: Article) -> str | None:
    outlet = article.source_domain or article.publisher
    return outlet.casefold() if outlet else None


def _apart(one: StoredText, other: StoredText) -> Instant:
    return max(0, one.first_seen_at - other.last_seen_at, other.first_seen_at - one.last_seen_at)


def _attachment(pair: Pair, text: StoredText, other: StoredText) -> Attachment:
    source, target = (text, other) if pair.shorter == text.text_id else (other, text)
    return Attachment(source.group, target.group, pair.shorter_share, pair.longer_share, pair.longer)


def _relation(best: tuple[Pair, StoredText] | None, outlet: str | None) -> tuple[str, float | None]:
    """Return what a text is to the story that it joins, and how much of the shorter text the best pair shares."""
    if best is None:
        return "version", None
    pair, other = best
    if outlet is not None and outlet == other.outlet:
        return "update", pair.shorter_share
    return ("same_copy" if pair.shorter_share >= SAME_COPY_SHARE else "version"), pair.shorter_share
