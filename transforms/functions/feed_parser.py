"""feedparser, kept within bounds.

Its strict parser is driven directly, over markup that expat is known to accept: references to what is no character
crash `feedparser.parse`, and much in it takes time by the square of its length (feedparser 6.0.14, lab of 2026-11: an
author of 30 kB 3 s, 30,000 categories 11 s, 10,000 attributes 1 s). The names of its parts are not promised to stay, so
`pyproject.toml` keeps to one minor version; the tests of hostile feeds show when one has changed.
"""

from __future__ import annotations

import xml.sax
import xml.sax.handler
from io import BytesIO
from typing import Any, Final
from xml.sax.xmlreader import AttributesNSImpl

from feedparser.api import StrictFeedParser

from schemas.errors import InputRejected
from transforms.functions.feed_markup import MAX_ITEMS
from transforms.functions.feed_repair import is_unfinished
from transforms.functions.feed_values import MAX_CATEGORIES

_AUTHOR_CHARACTERS: Final = 400
"""An author's text is cut here, before feedparser looks for an e-mail address in it, which takes time by the square of
the length (3 kB: 30 ms, 30 kB: 3 s); 20 names fit."""

_MAX_ATTRIBUTES: Final = 50
"""An element with more is read as if it had none; real ones have a dozen. Each is looked up by going through all."""

_MAX_NAMESPACES: Final = 200
"""Further ones are not remembered, real feeds declare 20: each element of an unknown one is compared with all."""


class _EnoughItems(xml.sax.SAXException):
    """The document goes on with more items than are read."""


class _Reader(StrictFeedParser):
    """feedparser's reader with an end to items and categories, and with captions kept out of the item's own texts.

    feedparser takes `media:title` for the title, and a second description (of the picture, or of iTunes) for content.
    """

    resolve_relative_uris = False
    sanitize_html = False

    def __init__(self) -> None:
        super().__init__("", None, "utf-8")
        self._tags_left = MAX_CATEGORIES
        self._text: list[str] = []

    def startElementNS(self, name: Any, qname: Any, attrs: Any) -> None:
        self._pass_text_on()
        super().startElementNS(name, qname, attrs if len(attrs) <= _MAX_ATTRIBUTES else AttributesNSImpl({}, {}))

    def endElementNS(self, name: Any, qname: Any) -> None:
        self._pass_text_on()
        super().endElementNS(name, qname)

    def characters(self, text: str) -> None:
        # expat gives a piece for each line and entity; feedparser takes longer for each than for its text.
        self._text.append(text)

    def _pass_text_on(self) -> None:
        if self._text:
            super().characters("".join(self._text))
            self._text.clear()

    def track_namespace(self, prefix: str | None, uri: str) -> None:
        if len(self.namespaces_in_use) < _MAX_NAMESPACES:
            super().track_namespace(prefix, uri)

    def _start_item(self, attrs_d: dict[str, str]) -> None:
        if len(self.entries) >= MAX_ITEMS:
            raise _EnoughItems("enough items")
        super()._start_item(attrs_d)
        self._tags_left = MAX_CATEGORIES

    _start_entry = _start_item

    def _add_tag(self, term: Any, scheme: Any, label: Any) -> None:
        if self._tags_left > 0:
            self._tags_left -= 1
            super()._add_tag(term, scheme, label)

    def _sync_author_detail(self, key: str = "author") -> None:
        context = self._get_context()
        if len(str(context.get(key))) > _AUTHOR_CHARACTERS:
            context[key] = str(context[key])[:_AUTHOR_CHARACTERS]
        super()._sync_author_detail(key)

    def _start_media_description(self, attrs_d: dict[str, str]) -> None:
        self.push("media_description", 1)

    def _end_media_description(self) -> None:
        self.pop("media_description")

    def _start_media_title(self, attrs_d: dict[str, str]) -> None:
        self.push("media_title", 1)

    def _end_media_title(self) -> None:
        self.pop("media_title")

    def _start_itunes_summary(self, attrs_d: dict[str, str]) -> None:
        self.push("itunes_summary", 1)

    def _end_itunes_summary(self) -> None:
        self.pop("itunes_summary")


def parse_feed(text: str) -> tuple[Any, bool]:
    """Return feedparser's reader with what it read, and whether it had to stop before the end of the text.

    Its `entries` (at most `MAX_ITEMS`), `feeddata` and `version` are those that `feedparser.parse` gives, with HTML
    neither sanitised nor its links resolved.

    Args:
        text: an RSS, RDF or Atom document without a DOCTYPE; whether its end is there does not matter.

    Raises:
        InputRejected: `not_a_feed`, where it cannot be read as far as the end of its first item.
    """
    reader = _Reader()
    driver: Any = xml.sax.make_parser()  # noqa: S317 - entities were refused with the DOCTYPE, so nothing can expand
    driver.setFeature(xml.sax.handler.feature_namespaces, 1)
    driver.setFeature(xml.sax.handler.feature_external_ges, 0)
    driver.setContentHandler(reader)
    driver.setErrorHandler(reader)
    try:
        driver.parse(BytesIO(text.encode("utf-8", "replace")))
    except _EnoughItems:
        return reader, False
    except Exception as error:
        # The end is missing, the markup is beyond repair, or an element is named like one of feedparser's own keys.
        # What was read before it is whole, but for the last item.
        cause = error.getException() if isinstance(error, xml.sax.SAXException) else error
        return _saved(reader, cause or error)
    return reader, False


def _saved(reader: Any, error: Exception) -> tuple[Any, bool]:
    reader = _without_open_item(reader)
    if is_unfinished(error):
        return reader, False  # known already
    if not reader.entries:
        message = f"its markup cannot be read: {error}"[:300]
        raise InputRejected("not_a_feed", message, error_class=type(error).__name__) from error
    return reader, True


def _without_open_item(reader: Any) -> Any:
    if reader.inentry:
        reader.entries.pop()
    return reader
