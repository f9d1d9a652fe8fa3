"""What a user can do about feeds that fail."""

from __future__ import annotations

from typing import Final

ADDRESS_REFUSED: Final = "address_refused"

REMEDIES: Final = {
    ADDRESS_REFUSED: "its host has a private or loopback address, which is asked only with --allow-private; give it if "
    "that host is your own",
    "port_refused": "its port is one of other services than the web, which newsbeam never asks; mend it in your list",
    "bad_url": "the address cannot be asked; mend it in your list",
    "not_a_feed": "the address answers with another document; newsbeam feeds discover finds the feeds of a site",
    "http_404": "nothing is at that address any more; newsbeam feeds discover finds the feeds of a site",
    "no_such_name": "the name of its host has no address; see whether it is spelt right",
    "resolver_failed": "this machine could not look the name up; newsbeam doctor looks at DNS and the network",
    "network_unreachable": "this machine has no way there; newsbeam doctor looks at DNS and the network",
}
"""By the reason of a failed poll; the others are the server's to mend, and the next polls find out."""
