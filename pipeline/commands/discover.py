"""`newsbeam feeds discover SITE`: the feeds that a page names, one address a line, fit for a list."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Iterator
from urllib.parse import urljoin

from lxml import html
from lxml.etree import LxmlError

from pipeline.feed_list import is_address
from pipeline.feed_options import DEFAULT_HOST_GAP
from pipeline.feed_run import agent_of, open_world
from pipeline.remote_lists import fetch_whole
from pipeline.settings import FeedSettings
from schemas.errors import InputRejected, NewsbeamError, UsageError
from transforms.functions.charsets import decode_text
from transforms.functions.feed_documents import charset_of, feed_kind
from transforms.functions.http_hints import header
from transforms.functions.poll_settings import PollSettings
from transforms.functions.redirects import checked_url

_FEED_TYPES = ("application/rss+xml", "application/atom+xml", "application/feed+json", "application/rdf+xml")


def discover(arguments: argparse.Namespace) -> int:
    """Print the feeds that a page names, or the address itself where it is one; returns the exit code.

    Raises:
        UsageError: the address is none, or cannot be asked.
        NewsbeamError: there is no feed.
    """
    given = arguments.site if "://" in arguments.site else f"https://{arguments.site}"
    if not is_address(given):
        raise UsageError(f"{arguments.site}: give the address of a site")
    asking = FeedSettings((), None, 0.0, DEFAULT_HOST_GAP, arguments.contact or None, arguments.allow_private)
    settings = PollSettings(agent_of(asking), 0.0, DEFAULT_HOST_GAP, arguments.allow_private)
    answer = asyncio.run(fetch_whole(given, settings, open_world(), arguments.site))
    if feed_kind(answer.body) is not None:
        found = [answer.url]
    else:
        content_type = (header(answer.headers, b"content-type") or b"").decode("latin-1")
        text = decode_text(answer.body, charset_hint=charset_of(content_type), is_html=True)
        found = list(dict.fromkeys(feeds_of_page(text, answer.url)))
    if not found:
        raise NewsbeamError(f"{arguments.site} names no feed in its head; look for a link on the site itself")
    sys.stdout.write("".join(f"{url}\n" for url in found))
    return 0


def feeds_of_page(text: str, url: str) -> Iterator[str]:
    """Yield the addresses of feeds that a page's `<link rel="alternate">` name, in its order.

    Args:
        text: the page.
        url: its address, which others are relative to.
    """
    try:
        links = html.fromstring(text).iter("link", "base") if text.strip() else iter(())
    except (LxmlError, ValueError):
        return
    for link in links:
        if link.tag == "base":
            url = urljoin(url, link.get("href", ""))
        elif "alternate" in link.get("rel", "").lower().split() and link.get("type", "").lower() in _FEED_TYPES:
            try:
                yield str(checked_url(urljoin(url, link.get("href", ""))))
            except (InputRejected, ValueError):
                continue
