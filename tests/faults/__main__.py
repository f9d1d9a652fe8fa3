"""Put newsbeam to the test: `python -m tests.faults [FAMILY...] [--short] [--breaks] [--seed N]`.

Each family disturbs real runs in its own way and counts what was lost, doubled or hung. `--breaks` builds faults into
newsbeam (a commit that is left out, a file that is shown too early, a lock that is not taken ...), one at a time, and
ends with 0 only where the family's checks find each of them: it is what makes a zero of the table worth something.
Exit code 1 where anything was found, or where a break was not.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

from pipeline.cli import quieten_libraries
from tests.faults.tally import HEADING, Effort

FAMILIES = {
    "kills": ("kill -9, SIGTERM: runs over folders and feeds, compact, erase", "27 s", "14 min"),
    "disk": ("disks full, read-only, slow; inputs that change while they are read", "57 s", "7 min"),
    "clock": ("clocks that jump, time zones, leap seconds, dates of 0001 to 9999", "31 s", "15 min"),
    "memory_cap": ("100,000 documents, 20,000 feeds within 1.5 GB", "40 s", "11 min"),
    "sqlite": ("the memory damaged, lost, old, held by others; made anew", "30 s", "15 min"),
    "pages": ("a million mutated pages, feeds, records and texts", "7 s", "28 min"),
    "names": ("hostile names: partitions, terminals, the page of the report", "7 s", "5 min"),
    "replays": ("rejects done again after a fix, killed meanwhile", "33 s", "15 min"),
    "upgrade": ("a lake of an older newsbeam: read, lifted, killed while lifted", "24 s", "2 min"),
}
"""Modules of this folder: what each does, and how long its short and its long form take (BENCHMARKS.md "Faults"). Each
has `faults(effort)`, which yields a `Tally` for each kind of fault, and `breaks(effort)`, which yields one for each
fault that is built in, and must not be clean."""

_EPILOG = """
A line of the table is a kind of fault: how often it was tried, rows lost and doubled, hangs, and what else is
wrong, each with how to see it again. The same seed tries the same. Times are of two cores with other work on them.

examples:
  python -m tests.faults names upgrade --short     whether they work here, half a minute
  python -m tests.faults kills --seed 7            the long form of one family
  python -m tests.faults sqlite --short --breaks   whether its checks find what is built in
  python -m tests.faults                           all of them: `make faults`
"""


def main() -> int:
    """Run the families that are asked for; returns the exit code."""
    quieten_libraries()  # Beam's note, at loading, on an optional Google client would stand amid the table
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults",
        description=__doc__.partition("\n\n")[2],
        epilog=f"{_table()}\n{_EPILOG}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("families", nargs="*", metavar="FAMILY", help=f"of {', '.join(FAMILIES)} (default: all)")
    parser.add_argument("--short", action="store_true", help="as in `make test`, not as in `make faults`")
    parser.add_argument("--breaks", action="store_true", help="see that the checks find faults that are built in")
    parser.add_argument("--seed", type=int, default=1, help="of all that is random (default: 1)")
    options = parser.parse_args()
    if unknown := set(options.families) - set(FAMILIES):
        parser.error(f"no family {', '.join(sorted(unknown))}; there are {', '.join(FAMILIES)}")
    print(f"seed {options.seed}\n\n{HEADING}", flush=True)
    codes = [_run(family, options) for family in options.families or FAMILIES]
    return max(codes)


def _table() -> str:
    rows = [
        ("family", "what it does", ("--short", "long")),
        *((name, what, times) for name, (what, *times) in FAMILIES.items()),
    ]
    return "\n".join(f"{name:<12}{what:<72}{short:>8}{long:>8}" for name, what, (short, long) in rows)


def _run(family: str, options: argparse.Namespace) -> int:
    module, code, started = import_module(f"tests.faults.{family}"), 0, time.monotonic()
    with tempfile.TemporaryDirectory(prefix=f"faults-{family}-") as folder:
        effort = Effort(Path(folder), options.seed, not options.short)
        for tally in (module.breaks if options.breaks else module.faults)(effort):
            print(tally.row(), flush=True)
            code = max(code, int(tally.is_clean == options.breaks))
    print(f"{family}: {time.monotonic() - started:.0f} s", file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
