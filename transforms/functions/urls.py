"""Addresses: one spelling for each article, and the ids made from it.

The rules are this project's own; `docs/decisions/0002-canonical-url.md` has what they were measured against.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from typing import Final
from urllib.parse import SplitResult, quote, unquote_to_bytes, urljoin, urlsplit

from transforms.functions.texts import clean_line, identity_text

_CREDENTIALS: Final = re.compile(r"^(https?://)[^/?#]*@", re.IGNORECASE)
_LONGEST_HOST: Final = 253
_LONGEST_LABEL: Final = 63
"""Characters of a host name and of its parts (RFC 1035); encoding a longer one would take time by its square."""

MAX_URL_CHARACTERS: Final = 8192
"""Longer ones are data in an address's clothes; servers refuse request lines of 8 kB (Apache's and nginx's default)."""

_ID_BYTES: Final = 16
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
# What browsers drop from an address wherever it stands, and what they strip at its ends.
_LINE_BREAKS: Final = re.compile("[\t\n\r]")
_ESCAPED_AMPERSAND: Final = re.compile("&(?:amp;)+")
_OUTSIDE: Final = "".join(map(chr, range(0x21)))
_HOST: Final = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_IPV6: Final = re.compile(r"[0-9a-f:.]+")
_SESSION: Final = re.compile(r";jsessionid=[^/?;]*", re.IGNORECASE)
_BARE_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ESCAPES: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+")
_UNRESERVED: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_KEPT_IN_PATH: Final = "/%:@!$&'()*+,;=~"
_KEPT_IN_QUERY: Final = _KEPT_IN_PATH + "?"

# Names that only ever say how a reader came. Names that some site uses for the article itself (`id`, `cid`, `eid`,
# `uid`, `sid`, `p`, `source` ...) are not here.
_TRACKING_PREFIXES: Final = (
    "utm_", "mtm_", "matomo_", "piwik_", "pk_", "hsa_", "stm_", "itm_", "oly_", "vero_", "at_medium", "at_campaign",
    "at_custom", "at_link_", "at_ptr_", "at_format", "at_bbc_", "_hs", "__hs", "__twitter_", "ns_mchannel",
    "ns_campaign", "ns_source", "ns_linkname", "fb_action", "fb_ref", "fb_source", "guce_referrer",
)  # fmt: skip
_TRACKING_NAMES: Final = frozenset((
    "fbclid", "gclid", "gclsrc", "dclid", "gbraid", "wbraid", "msclkid", "yclid", "ysclid", "twclid", "ttclid",
    "li_fat_id", "igshid", "igsh", "epik", "scid", "srsltid", "mc_cid", "mc_eid", "mkt_tok", "_ga", "_gl", "ga_source",
    "ga_medium", "ga_campaign", "cmpid", "icid", "ncid", "ocid", "smid", "smtyp", "taid", "wt_mc", "wt.mc_id",
    "wt_zmc", "xtor", "xtref", "ftag", "ref_src", "ref_url", "sr_share", "shareadraft", "share_token", "echobox",
    "soc_src", "soc_trk", "guccounter", "mbid", "spmailingid", "spuserid", "spjobid", "spreportid", "sfmc_sub", "awc",
    "irclickid", "cjevent", "jsessionid", "phpsessid",
))  # fmt: skip
# These name an article on one site and a channel on another: only a value that is plainly a channel is dropped.
_CHANNEL_NAMES: Final = frozenset((
    "source", "src", "ref", "from", "via", "partner", "feature", "medium", "campaign", "cmp", "emc", "referrer",
    "referer", "share", "origin", "rss", "ito", "cid",
))  # fmt: skip
_CHANNELS: Final = frozenset((
    "rss", "rss2", "rssfeed", "feed", "atom", "twitter", "x", "facebook", "fb", "instagram", "linkedin", "whatsapp",
    "telegram", "reddit", "pinterest", "email", "mail", "newsletter", "nl", "social", "socialmedia", "share",
    "sharing", "tw", "sharetwitter", "google", "googlenews", "homepage", "push", "amp", "youtube", "bluesky",
    "mastodon", "tumblr", "skype", "print",
))  # fmt: skip


def canonical_url(url: str, base: str | None = None) -> str | None:
    """Return the one spelling by which an article's address is known, or None where it is no web address.

    Host in lower case and Punycode, https, no default port, user, fragment or tracking parameter, the others sorted
    by name, escapes in one form, no slash at the path's end. Nothing that may tell two articles apart is dropped:
    unknown parameters and `#!` or `#/` routes stay. Any str is accepted, and doing it twice changes nothing.

    Args:
        url: an address as a page, feed or file gave it; relative ones need `base`.
        base: address of the page that it stands on.
    """
    try:
        parts = _split(url if base is None else urljoin(_scrubbed(base), _scrubbed(url)))
        host = _host(parts.hostname or "")
        port = parts.port
    except ValueError:
        # Broken brackets, ports that are no number, hosts that fold into other syntax: not an address.
        return None
    if parts.scheme not in _DEFAULT_PORTS or host is None:
        return None
    address = _joined(parts, host, port)
    return address if len(address) <= MAX_URL_CHARACTERS else None  # escapes make it up to nine times as long


def _scrubbed(url: str) -> str:
    # Addresses copied out of a page's source; some were escaped more than once.
    return _ESCAPED_AMPERSAND.sub("&", _LINE_BREAKS.sub("", url).strip(_OUTSIDE))


def _split(url: str) -> SplitResult:
    url = _scrubbed(url)
    if len(url) > MAX_URL_CHARACTERS:
        raise ValueError("too long for an address")
    return urlsplit("https:" + url if url.startswith("//") else url)


def _joined(parts: SplitResult, host: str, port: int | None) -> str:
    scheme = parts.scheme
    if port is None or port == _DEFAULT_PORTS[scheme]:
        # One site serves one article at both schemes (measured); with a port of its own nothing is known.
        scheme, port = "https", None
    path = _escaped(_without_dots(_SESSION.sub("", parts.path)), _KEPT_IN_PATH).rstrip("/")
    query = _query(parts.query)
    fragment = _escaped(parts.fragment, _KEPT_IN_QUERY) if parts.fragment.startswith(("!", "/")) else ""
    address = f"{scheme}://{host}" + (f":{port}" if port is not None else "") + (path or "/")
    return address + (f"?{query}" if query else "") + (f"#{fragment}" if fragment else "")


def _host(name: str) -> str | None:
    if ":" in name:
        # Of an IPv6 address `hostname` has taken the brackets off.
        return f"[{name}]" if _IPV6.fullmatch(name) else None
    name = unicodedata.normalize("NFKC", name).replace("。", ".").lower().rstrip(".")
    if len(name) > _LONGEST_HOST or any(len(label) > _LONGEST_LABEL for label in name.split(".")):
        return None
    name = ".".join(_label(label) for label in name.split("."))
    return name if _HOST.fullmatch(name) else None


def _label(label: str) -> str:
    # Not the standard library's `idna`: its 2003 rules write ß as ss, which is another domain since 2010.
    return label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")


def _without_dots(path: str) -> str:
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            kept = kept[:1] + kept[1:-1]
        elif segment != ".":
            kept.append(segment)
    return "/".join(kept)


def _escaped(part: str, kept: str) -> str:
    part = quote(_BARE_PERCENT.sub("%25", part), safe=kept, errors="surrogatepass")
    return _ESCAPES.sub(lambda run: _escape_run(run[0]), part)


def _escape_run(run: str) -> str:
    return "".join(chr(byte) if byte in _UNRESERVED else f"%{byte:02X}" for byte in unquote_to_bytes(run))


def _query(query: str) -> str:
    fields = [_escaped(field, _KEPT_IN_QUERY) for field in query.split("&")]
    # Sorted by name only: the order of two values of one name may mean something.
    return "&".join(sorted((f for f in fields if f and not _is_tracking(f)), key=lambda f: f.partition("=")[0]))


def _is_tracking(field: str) -> bool:
    name, _, value = field.lower().partition("=")
    if name in _TRACKING_NAMES or name.startswith(_TRACKING_PREFIXES):
        return True
    return name in _CHANNEL_NAMES and value in _CHANNELS


def stored_address(url: object) -> str | None:
    """Return an address as rows store it: as given, but without user and password; None for what is no web address.

    Never cut: a part of an address is another address.
    """
    address = clean_line(url, 2 * MAX_URL_CHARACTERS)
    if address is None or len(address) > MAX_URL_CHARACTERS or not address.lower().startswith(("http://", "https://")):
        return None
    return _CREDENTIALS.sub(r"\1", address)


def source_domain(url: str) -> str | None:
    """Return the host of an address in lower case without `www.`, or None where it is no web address."""
    address = canonical_url(url)
    host = urlsplit(address).hostname if address else None
    return host.removeprefix("www.") if host else None


def site_of(host: str) -> str:
    """Return the part of a host's name that its owner was given, roughly: `outlet.example`, `outlet.co.uk`.

    For what may be wrong now and then: it knows no list of public suffixes, only their commonest form.
    """
    labels = host.lower().rstrip(".").split(".")
    under_a_country = len(labels) > 2 and len(labels[-1]) == 2 and len(labels[-2]) <= 3
    return ".".join(labels[-3:] if under_a_country else labels[-2:])


def article_id(url_canonical: str | None, publisher: str | None, text: str) -> str:
    """Return the id of an article: 32 hex digits, the same in every run.

    Args:
        url_canonical: the address as `canonical_url` gives it; where there is one, it alone decides.
        publisher: name of the outlet; with the text it stands in for an address that is missing.
        text: the article's text; its layout in lines and spaces does not matter.
    """
    if url_canonical:
        return _hex_id(url_canonical)
    # A JSON list keeps the two apart whatever they hold, and cannot be taken for an address.
    return _hex_id(json.dumps([publisher and identity_text(publisher), identity_text(text)]))


def copy_id(article_id: str, content_sha256: str) -> str:
    """Return the id of a copy: 32 hex digits, a function of its own article's id and its text's digest."""
    return _hex_id(f"{article_id} {content_sha256}")


def _hex_id(known_by: str) -> str:
    return hashlib.sha256(known_by.encode("utf-8", "surrogatepass")).digest()[:_ID_BYTES].hex()
