"""Compare ways to normalise addresses on real pages; prints a Markdown table.

    python tests/benchmarks/urls.py DATA [--cache DIR] [--show N]

DATA is the folder of development data (its `pages/*.tar.xz` are unpacked into DIR, or a temporary folder). Candidates
that are not installed are left out. The columns:

- same: of the pages whose own canonical link or og:url has their address's host (but for `www.`) and path (but for
  escapes and the last slash) and yet is another string, the share of which both spellings become one
- variants: of the addresses respelled by `VARIANTS`, the share that becomes what the plain address becomes
- merged: pairs of links of one page to its own site, each with its own headline as link text and not the same but for
  form and undisputed tracking, that become one address, and pages with different canonical links that do
- not stable: addresses that change when normalised a second time
- crashes: exceptions over all addresses; us: microseconds an address
"""

from __future__ import annotations

import argparse
import json
import tarfile
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urljoin, urlsplit

from lxml import html

from transforms.functions.urls import canonical_url

Normaliser = Callable[[str], str | None]
HEADLINE_CHARACTERS = 25
UNDISPUTED = ("utm_", "_ga=", "fbclid=", "gclid=", "srsltid=", "share=")
"""Fields of the links that the first run listed as merged, read one by one (`share=` opens a dialogue)."""

VARIANTS: dict[str, Callable[[str], str]] = {
    "utm": lambda url: _with_query(url, "utm_source=newsletter&utm_medium=email&utm_campaign=a%20b"),
    "click ids": lambda url: _with_query(url, "fbclid=IwAR0x&gclid=EAIaIQ&mc_cid=1f&mc_eid=2c"),
    "feed mark": lambda url: _with_query(url, "at_medium=RSS&at_campaign=KARANGA"),
    "channel": lambda url: _with_query(url, "source=rss"),
    "fragment": lambda url: url.partition("#")[0] + "#comments",
    "scheme and host in capitals": lambda url: _host_upper(url),
    "port": lambda url: _with_port(url),
    "spaces": lambda url: f" \n{url}\t",
    "empty query": lambda url: url if "?" in url or "#" in url else url + "?",
}


class Seen(NamedTuple):
    """What one page says of addresses."""

    address: str
    canonical: str | None
    declared: list[str]
    links: list[tuple[str, str]]


def _with_query(url: str, query: str) -> str:
    head, mark, fragment = url.partition("#")
    return head + ("&" if "?" in head else "?") + query + mark + fragment


def _host_upper(url: str) -> str:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme.upper()}://{host.upper()}{slash}{path}"


def _with_port(url: str) -> str:
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host}{'' if ':' in host else ':80' if scheme == 'http' else ':443'}{slash}{path}"


def unpack(data: Path, cache: Path) -> None:
    """Unpack the page archives of the data folder into `cache`, once."""
    for archive in sorted((data / "pages").glob("*.tar.xz")):
        target = cache / archive.name.removesuffix(".tar.xz")
        if not target.exists():
            with tarfile.open(archive) as packed:
                packed.extractall(target, filter="data")


def addresses(cache: Path) -> Iterator[tuple[str, Path]]:
    """Yield each page's address and its file."""
    for labels in cache.glob("*/ground-truth/*.json"):
        record = json.loads(labels.read_text())
        if "url" in record:
            yield record["url"].strip(), labels.parent.parent / "html" / f"{labels.stem}.html"
    for table in cache.glob("*/evaldata.json"):
        for url, labelled in json.loads(table.read_text()).items():
            if url.startswith("http"):
                yield from ((url.strip(), path) for path in table.parent.glob(f"*/{labelled['file']}"))


def read_page(address: str, path: Path) -> Seen | None:
    """Return what the page says, or None where lxml cannot read it."""
    try:
        tree = html.fromstring(path.read_bytes())
    except (ValueError, html.etree.ParserError, OSError):
        return None
    canonical = _joined(address, tree.xpath("//link[@rel='canonical']/@href"))
    declared = canonical + _joined(address, tree.xpath("//meta[@property='og:url']/@content"))
    links = [(_joined(address, [a.get("href")]), " ".join(a.text_content().split())) for a in tree.xpath("//a[@href]")]
    return Seen(address, next(iter(canonical), None), declared, [(u[0], text) for u, text in links if u])


def _joined(address: str, hrefs: Iterable[str]) -> list[str]:
    found: list[str] = []
    for href in hrefs:
        try:
            found.append(urljoin(address, href.strip()))
        except ValueError:
            continue
    return [url for url in found if url.startswith("http")]


def same_article(seen: Seen) -> list[str]:
    """Return the declared addresses that differ from the page's own in form only."""
    return [url for url in set(seen.declared) if url != seen.address and _core(url) == _core(seen.address)]


def _core(url: str) -> tuple[str, str]:
    try:
        parts = urlsplit(url)
        return (parts.hostname or "").removeprefix("www."), unquote(parts.path).rstrip("/.")
    except ValueError:
        return "", url


def merged_links(pages: list[Seen], normalise: Normaliser) -> list[tuple[str, str]]:
    """Return pairs of addresses that became one though they lead to differently named articles."""
    found: list[tuple[str, str]] = []
    for seen in pages:
        by_result: dict[str | None, dict[str, str]] = defaultdict(dict)
        for url, text in seen.links:
            if len(text) >= HEADLINE_CHARACTERS and _core(url)[0] == _core(seen.address)[0]:
                by_result[normalise(url)].setdefault(text, url.partition("#")[0])
        for result, named in by_result.items():
            urls = sorted(set(named.values()))
            if result:
                found.extend((urls[0], other) for other in urls[1:] if told_apart(urls[0], other))
    return found


def told_apart(one: str, other: str) -> bool:
    """Whether two addresses differ in more than form and the marks that nobody takes for an article's name."""
    return _core(one) != _core(other) or _fields(one) != _fields(other)


def _fields(url: str) -> list[str]:
    return sorted(field for field in url.partition("?")[2].split("&") if field and not field.startswith(UNDISPUTED))


def merged_pages(pages: list[Seen], normalise: Normaliser) -> list[tuple[str, str]]:
    """Return pairs of pages with different canonical links whose addresses became one."""
    by_result: dict[str | None, Seen] = {}
    found: list[tuple[str, str]] = []
    for seen in pages:
        other = by_result.setdefault(normalise(seen.address), seen)
        if other.canonical and seen.canonical and _core(other.canonical) != _core(seen.canonical):
            found.append((other.address, seen.address))
    return found


def candidates() -> dict[str, Normaliser]:
    """Return the ways to compare that are installed here."""
    found: dict[str, Normaliser] = {"ours": canonical_url}
    try:
        from courlan import clean_url, normalize_url

        found["courlan clean_url"] = clean_url
        found["courlan normalize_url, strict"] = lambda url: normalize_url(url, strict=True)
        found["courlan normalize_url, no last slash"] = lambda url: normalize_url(url, trailing_slash=False)
    except ImportError:
        pass
    try:
        from url_normalize import url_normalize

        found["url-normalize"] = url_normalize
        found["url-normalize, filter_params"] = lambda url: url_normalize(url, filter_params=True)
    except ImportError:
        pass
    return found


class Guarded:
    """A candidate whose exceptions are counted and give None."""

    def __init__(self, normalise: Normaliser) -> None:
        self.normalise, self.crashes = normalise, 0

    def __call__(self, url: str) -> str | None:
        try:
            return self.normalise(url)
        except Exception:
            self.crashes += 1
            return None


def score(name: str, guarded: Guarded, pages: list[Seen], show: int) -> str:
    """Return one line of the table; print examples of what went wrong."""
    all_urls = sorted({url for seen in pages for url in [seen.address, *(url for url, _ in seen.links)]})
    began = time.perf_counter()
    results = [guarded(url) for url in all_urls]
    spent = (time.perf_counter() - began) / len(all_urls)
    crashes = guarded.crashes
    unstable = [result for result in results if result and guarded(result) != result]
    pairs = [(seen.address, url) for seen in pages for url in same_article(seen)]
    apart = [pair for pair in pairs if guarded(pair[0]) != guarded(pair[1])]
    trials = [(seen.address, change(seen.address)) for seen in pages for change in VARIANTS.values()]
    kept = sum(guarded(url) == guarded(changed) is not None for url, changed in trials)
    merged = merged_links(pages, guarded) + merged_pages(pages, guarded)
    for title, examples in (("apart", apart), ("merged", merged), ("not stable", unstable)):
        for example in examples[:show]:
            print(f"{name}: {title}: {example}")
    return (
        f"| {name} | {len(pairs) - len(apart)}/{len(pairs)} | {kept / len(trials):.3f} | {len(merged)} "
        f"| {len(unstable)} | {crashes} | {spent * 1e6:.0f} |"
    )


def main() -> None:
    """Read the pages, score every candidate, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--show", type=int, default=0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        cache = options.cache or Path(scratch)
        unpack(options.data, cache)
        pages = [seen for url, path in sorted(addresses(cache)) if (seen := read_page(url, path))]
    rows = [score(name, Guarded(normalise), pages, options.show) for name, normalise in candidates().items()]
    links = len({url for seen in pages for url, _ in seen.links})
    print(f"{len(pages)} pages, {links} distinct links\n")
    print("| candidate | same | variants | merged | not stable | crashes | us |\n|---|---|---|---|---|---|---|")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
