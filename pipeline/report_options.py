"""The flags of `newsbeam report`."""

from __future__ import annotations

import argparse
import os
from typing import Final

DEFAULT_DAYS: Final = 7
"""A week: topics have a course, and yesterday's stories are still at hand."""

MOST_DAYS: Final = 3_660
"""Ten years."""

REPORT_EPILOG: Final = """\
examples:
  newsbeam report lake
  newsbeam report lake --days 30 --output month.html

One file of HTML, to be opened in any browser, to be mailed or printed; it loads
nothing and runs no script. The stories of the last day on which something was
read, each with its versions side by side; who ran whose stories and how fast;
topics, names and languages of the last --days days; feeds; rejects. Where there
is more than a page can hold, the page says how much was left out.
"""


def add_report_flags(report: argparse.ArgumentParser) -> None:
    """Add the flags to the parser of the command."""
    lake = os.environ.get("NEWSBEAM_LAKE", "lake")
    report.add_argument("lake", metavar="LAKE", nargs="?", default=lake, help=f"folder of the lake (default: {lake})")
    report.add_argument(
        "--days",
        type=int,
        default=DEFAULT_DAYS,
        metavar="N",
        help=f"days of reading that figures are about, back from the last one with a text (default: {DEFAULT_DAYS})",
    )
    report.add_argument(
        "--output", metavar="FILE", default="report.html", help="where to write the page (default: report.html)"
    )
