"""Whether a run over real pages that was killed and started again ends with the rows of one that was not.

    python tests/benchmarks/kills.py DATA [--pages 2000] [--kills 5] [--seed 1] [--cache DIR]

DATA is the folder of development data; its pages are topped up with copies that differ in a trailing comment. Runs,
with topics, are killed as `python -m tests.faults kills` kills runs over made-up pages, and are looked at likewise:
first with cycles as they are, then with cycles of a tenth of the pages, so that most kills fall after some commits.
Exit code 1 where anything was found. What proves the checks is `python -m tests.faults kills --breaks`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from random import Random

if __name__ == "__main__":  # as a program, from any folder
    sys.path.insert(0, str(Path(__file__).parents[2]))

from common import fill_folder, fresh, heading, labelled_pages, parser, say, unpack, working_folder

from tests.faults.kills import folder_trial, kill_folder_runs
from tests.faults.runs import forking
from tests.faults.tally import HEADING

COPIES_AT = "https://copies.example/"


def main() -> int:
    """Kill runs in all ways and print the report; returns the exit code."""
    arguments = parser(__doc__)
    arguments.add_argument("data", type=Path, metavar="DATA", help="folder of development data")
    arguments.add_argument("--pages", type=int, default=2_000, metavar="N", help="pages of a run (default: 2000)")
    arguments.add_argument("--of", type=int, metavar="N", help="take only the N smallest of the labelled pages")
    arguments.add_argument("--kills", type=int, default=5, metavar="N", help="random moments, each set (default: 5)")
    arguments.add_argument("--seed", type=int, default=1, metavar="N", help="of the random moments (default: 1)")
    arguments.add_argument("--cache", type=Path, metavar="DIR", help="keep unpacked pages here")
    options = arguments.parse_args()
    print(heading("Killed runs", options))
    chance, code = Random(options.seed), 0
    with working_folder(options.cache) as scratch, forking(scratch / "said") as forks:
        unpack(options.data, scratch)
        pages = sorted(labelled_pages(scratch), key=lambda path: path.stat().st_size)[: options.of]
        chance.shuffle(pages)
        fill_folder(fresh(scratch / "kill-pages"), pages, options.pages, COPIES_AT)
        for slices in (0, max(1, options.pages // 10)):
            name = f"cycles of {slices} pages" if slices else "cycles as they are"
            say(f"{name}: undisturbed")
            trial = folder_trial(forks, scratch / "kill-pages", scratch / "lake", slices, ("--tags", "topics"))
            trial = trial.undisturbed()
            print(f"**{name}** (undisturbed: {trial.seconds:.1f} s)\n\n{HEADING}")
            for tally in kill_folder_runs(trial, options.kills, chance, options.seed, others=1, points=bool(slices)):
                print(tally.row(), flush=True)
                code = max(code, int(not tally.is_clean))
            print()
        for made in ("lake", "said"):
            fresh(scratch / made)
    return code


if __name__ == "__main__":
    sys.exit(main())
