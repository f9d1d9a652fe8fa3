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

from tests.faults.tally import HEADING, Effort

FAMILIES = ("kills", "disk", "clock", "memory_cap", "sqlite", "pages", "names", "replays", "upgrade")
"""Modules of this folder. Each has `faults(effort)`, which yields a `Tally` for each kind of fault, and
`breaks(effort)`, which yields one for each fault that is built in, and must not be clean."""


def main() -> int:
    """Run the families that are asked for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__.partition("\n\n")[0])
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
