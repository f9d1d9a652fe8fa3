"""Whether a row is of those that were taken down: by its addresses, or by words in its texts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlsplit

from schemas.errors import UsageError
from schemas.instants import Instant
from schemas.tombstone import DOMAIN, MATCH, URL, Tombstone
from transforms.functions.texts import identity_text
from transforms.functions.urls import canonical_url

ADDRESSES: Final[Mapping[str, Sequence[str]]] = {
    "articles": ("url", "url_canonical", "source"),
    "copies": ("url", "url_canonical", "source"),
    "rejects": ("url", "source"),
    "replays": (),
    "fetches": ("url", "redirect_to"),
    "feeds": ("feed_url", "url", "resolved_url", "merged_into"),
}
"""The columns of each table that say whose a row is. The feed that named an article is not among them: it may be
another outlet's. What has no address (`aliases`, `runs`) holds nothing of an article; attempts (`replays`) go with
their reject."""

HOSTS: Final[Mapping[str, str]] = {"articles": "source_domain", "copies": "source_domain", "fetches": "host"}
"""The column of a table that names a host alone."""

_ARTICLE_TEXTS: Final = (
    "headline", "description", "article_body", "publisher", "authors", "byline", "dateline", "article_section",
    "keywords", "extra", "url",
)  # fmt: skip
TEXTS: Final[Mapping[str, Sequence[str]]] = {
    "articles": _ARTICLE_TEXTS,
    "copies": _ARTICLE_TEXTS,
    "rejects": ("message", "payload", "url"),
    "replays": ("message",),
}
"""The columns that hold what people wrote."""

PAYLOADS: Final[Mapping[str, str]] = {"rejects": "payload"}
"""The column of a table that holds an input as it came. Of one that broke off, the address may stand there only."""

_ADDRESS_IN_JSON: Final = re.compile(rb'"(?:url|url_canonical|source)"\s*:\s*"(https?:[^"\s]{1,8192})')

_LEAST_LETTERS: Final = 3
_HOST: Final = re.compile(r"https?://(?:[^/?#@]*@)?([^/?#:]+)", re.IGNORECASE)


def tombstone_of(kind: str, given: str, erased_at: Instant) -> Tombstone:
    """Return the tombstone that a user's words stand for.

    Raises:
        UsageError: it is no address, no host, or too little text to tell anything by.
    """
    if kind == MATCH:
        words = identity_text(given)
        if sum(map(str.isalnum, words)) < _LEAST_LETTERS:
            raise UsageError(f"--match {given}: give {_LEAST_LETTERS} letters or more; it would be in every text")
        return Tombstone(MATCH, words, erased_at)
    address = canonical_url(given if "://" in given or kind == URL else f"https://{given}")
    host = urlsplit(address).hostname if address else None
    if address is None or host is None:
        raise UsageError(f"--{kind} {given}: give {'an address with https://' if kind == URL else 'a host'}")
    if kind == URL:
        return Tombstone(URL, address, erased_at)
    host = host.removeprefix("www.")
    if "." not in host and host != "localhost":
        raise UsageError(f"--domain {given}: that is all of a top-level domain; give the outlet's host")
    return Tombstone(DOMAIN, host, erased_at)


@dataclass(frozen=True)
class Tombstones:
    """Takedowns, ready to be asked. Pickles, so that stages may hold them."""

    all: tuple[Tombstone, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.all)

    @property
    def look_into_texts(self) -> bool:
        """Whether texts have to be read, and not addresses alone."""
        return self._words is not None

    def cover_address(self, address: str | None) -> bool:
        """Whether an address, in any spelling, was taken down by itself or with its domain."""
        found = _HOST.match(address) if address else None
        if found is None or address is None:
            return False
        host = found[1].lower()
        if not host.isascii():
            host = urlsplit(canonical_url(address) or "").hostname or ""
        if self._covers_host(host.rstrip(".")):
            return True
        return host in self._url_hosts and canonical_url(address) in self._urls

    def cover_text(self, text: object) -> bool:
        """Whether a text (or a list of them, or bytes that are text) has the words of a takedown, as whole words."""
        if self._words is None or text is None:
            return False
        if isinstance(text, bytes):
            text = text.decode("utf-8", "replace")
        if not isinstance(text, str):
            return any(map(self.cover_text, text)) if isinstance(text, Iterable) else False
        return self._words.search(_folded(text)) is not None

    def cover_row(self, table: str, row: Mapping[str, Any]) -> bool:
        """Whether a table's row, as column values by name, was taken down; columns that are left out do not count."""
        if any(self.cover_address(row.get(name)) for name in ADDRESSES.get(table, ())):
            return True
        if self._covers_host((row.get(HOSTS.get(table, "")) or "").lower()):
            return True
        if table in PAYLOADS and not row.get("url") and self._covers_payload(row.get(PAYLOADS[table])):
            return True
        return self.look_into_texts and any(self.cover_text(row.get(name)) for name in TEXTS.get(table, ()))

    def _covers_payload(self, payload: bytes | None) -> bool:
        addresses = _ADDRESS_IN_JSON.findall(payload.replace(b"\\/", b"/")) if payload else ()
        return any(self.cover_address(address.decode("utf-8", "replace")) for address in addresses)

    @cached_property
    def _urls(self) -> frozenset[str]:
        return frozenset(one.value for one in self.all if one.kind == URL)

    @cached_property
    def _url_hosts(self) -> frozenset[str]:
        return frozenset(urlsplit(url).hostname or "" for url in self._urls)

    @cached_property
    def _domains(self) -> frozenset[str]:
        return frozenset(one.value for one in self.all if one.kind == DOMAIN)

    @cached_property
    def _words(self) -> re.Pattern[str] | None:
        words = [re.escape(_folded(one.value)) for one in self.all if one.kind == MATCH]
        return re.compile("|".join(f"(?<!\\w){one}(?!\\w)" for one in words)) if words else None

    def _covers_host(self, host: str) -> bool:
        while self._domains and host:
            if host in self._domains:
                return True
            host = host.partition(".")[2]
        return False


NO_TOMBSTONES: Final = Tombstones()


def _folded(text: str) -> str:
    return " ".join((text if text.isascii() else unicodedata.normalize("NFC", text)).split()).casefold()
