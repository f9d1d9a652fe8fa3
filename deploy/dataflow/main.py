"""What the flex template's launcher runs: the template's parameters become the command line of `newsbeam run`.

The launcher gives `--name=value` for each parameter, and for options of Beam's that it sets itself (project, region,
places for files). Parameters are those that stand in `metadata.json`; everything else goes on to Beam as it is.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from pipeline.cli import main
from schemas.errors import UsageError

LISTS: Final = ("input", "feeds")
"""Parameters that hold several values, with spaces between."""

_TRUTH: Final = {"true": True, "false": False, "1": True, "0": False}


def command_line(given: Iterable[str], environment: Mapping[str, str]) -> list[str]:
    """Return the arguments of `newsbeam` for what the launcher gives.

    Args:
        given: `--name=value`, each in one piece.
        environment: `NEWSBEAM_IMAGE` is the image that workers run, unless `--sdk_container_image` is given.

    Raises:
        UsageError: a parameter cannot be used as given.
    """
    arguments, image = list(given), environment.get("NEWSBEAM_IMAGE")
    command = ["run", "--runner=DataflowRunner"]
    if image and not any(argument.startswith("--sdk_container_image") for argument in arguments):
        command.append(f"--sdk_container_image={image}")
    # The job is started by others once this has ended: nothing is there to be waited for.
    command.append("--no_wait_until_finish")
    types = parameter_types()
    for argument in arguments:
        name, equals, value = argument.removeprefix("--").partition("=")
        if name in types and equals:
            command += _flag(name, value.strip(), types[name])
        elif name != "runner":
            command.append(argument)
    return command


def parameter_types() -> dict[str, str]:
    """Return the type of each parameter of newsbeam's, as the template declares it."""
    metadata = json.loads(Path(__file__).with_name("metadata.json").read_text(encoding="utf-8"))
    return {parameter["name"]: parameter["paramType"] for parameter in metadata["parameters"]}


def _flag(name: str, value: str, kind: str) -> Iterator[str]:
    """Yield a parameter as newsbeam's flag; nothing for one that is left empty, as the console gives it."""
    flag = f"--{name.replace('_', '-')}"
    if not value:
        return
    if kind == "BOOLEAN":
        if value.lower() not in _TRUTH:
            raise UsageError(f"{name}={value}: give true or false")
        if _TRUTH[value.lower()]:
            yield flag
    elif name in LISTS:
        for one in value.split():
            yield f"{flag}={one}"
    else:
        yield f"{flag}={value}"


def _run() -> int:
    try:
        return main(command_line(sys.argv[1:], os.environ))
    except UsageError as error:
        sys.stderr.write(f"newsbeam: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(_run())
