"""Names what went wrong with a request: every error that a connection can end in, as one of a few fixed words.

| failure | means |
|---|---|
| `bad_url` | no address that could be asked: no http(s), no host, credentials, too long |
| `address_refused`, `port_refused` | the address guard |
| `no_such_name`, `resolver_failed` | the name has no address; nobody could say |
| `connection_refused`, `connect_timeout`, `network_unreachable`, `connect_failed` | no connection |
| `tls_failed` | a connection, but no trusted one |
| `time_limit`, `disconnected`, `protocol_error`, `headers_too_large` | no answer that can be read |
| `too_large`, `truncated`, `bad_encoding`, `unknown_encoding` | an answer, but no body that can be read |
| `redirect_loop`, `too_many_redirects`, `bad_redirect` | redirects that lead nowhere |
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from typing import Final, NamedTuple

import httpcore

from schemas.errors import InputRejected

_LONGEST_MESSAGE: Final = 300
"""Characters of a message that are kept: enough for any of the libraries' own, and a bound for what servers put in."""

_HEADERS_TOO_LARGE: Final = 431
"""The status that h11 hints at where a head is over its limit (RFC 6585)."""

_NO_SUCH_NAME: Final = frozenset((socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)))
_UNREACHABLE: Final = frozenset((errno.ENETUNREACH, errno.ENETDOWN, errno.EHOSTUNREACH, errno.EHOSTDOWN))


class Failure(NamedTuple):
    """Why a request came to nothing: `reason` is one of the words above."""

    reason: str
    message: str
    error_class: str


def failure_of(error: BaseException) -> Failure:
    """Return what an error that a request ended in means."""
    chain = list(_chain(error))
    for cause in chain:
        if isinstance(cause, InputRejected):
            return Failure(cause.reason, cause.message[:_LONGEST_MESSAGE], cause.error_class)
    message = " ".join(str(chain[-1]).split())[:_LONGEST_MESSAGE] or type(chain[-1]).__name__
    return Failure(_reason(error, chain), message, type(chain[-1]).__name__)


def _reason(error: BaseException, chain: list[BaseException]) -> str:
    if isinstance(error, httpcore.ConnectTimeout):
        return "connect_timeout"
    if isinstance(error, (TimeoutError, httpcore.TimeoutException)):
        return "time_limit"
    for cause in chain:
        if reason := _system_reason(cause):
            return reason
    if isinstance(error, (httpcore.ConnectError, OSError)):
        return "connect_failed"
    if isinstance(error, httpcore.ProtocolError):
        return _protocol_reason(error, chain)
    return "disconnected" if isinstance(error, httpcore.NetworkError) else "protocol_error"


def _system_reason(cause: BaseException) -> str | None:
    if isinstance(cause, ssl.SSLError):
        return "tls_failed"
    if isinstance(cause, UnicodeError):
        return "bad_url"  # what getaddrinfo makes of a name that none can be
    if isinstance(cause, socket.gaierror):
        return "no_such_name" if cause.errno in _NO_SUCH_NAME else "resolver_failed"
    if isinstance(cause, ConnectionRefusedError):
        return "connection_refused"
    return "network_unreachable" if isinstance(cause, OSError) and cause.errno in _UNREACHABLE else None


def _protocol_reason(error: BaseException, chain: list[BaseException]) -> str:
    if any(getattr(cause, "error_status_hint", None) == _HEADERS_TOO_LARGE for cause in chain):
        return "headers_too_large"
    if any(type(cause).__name__ == "DenialOfServiceError" for cause in chain):
        return "headers_too_large"  # h2's word for a list of header fields over its limit
    message = str(error)
    if "without sending complete message body" in message or "received 0 bytes, expected" in message:
        return "truncated"
    return "disconnected" if "disconnected" in message or "incomplete chunked" in message else "protocol_error"


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and what it came from."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        # asyncio and anyio raise a group where several addresses failed.
        inner = cause.exceptions[0] if isinstance(cause, BaseExceptionGroup) else None
        cause = cause.__cause__ or inner or cause.__context__
