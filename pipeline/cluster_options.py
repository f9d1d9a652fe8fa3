"""The flags of `newsbeam engine`."""

from __future__ import annotations

import argparse
from typing import Final

CLUSTER_EPILOG: Final = """\
examples:
  newsbeam engine up
  newsbeam run --input pages --output /tmp/lake $(newsbeam engine flags)
  newsbeam run --feeds feeds.opml --output /tmp/lake --streaming $(newsbeam engine flags)
  newsbeam engine status
  newsbeam engine stop JOB
  newsbeam engine down

A Flink cluster on this machine (Linux), for trying and testing: job manager, one
task manager, a pool of Python workers beside it, Beam's job server and ZooKeeper,
all on localhost, with some 3 GB of memory. The first `up` builds what it is made
of with Maven, and takes a minute and a half; Java 11 or 17 and Maven must be here.
For production, see deploy/flink/.

`up` starts what does not run, so it also brings back a part that has died. Jobs
outlive the job manager and `down`: at the next `up` they go on from their last
checkpoint, unless `down --forget` was asked for. State lies under FOLDER:
checkpoints/ and savepoints/, what jobs and parts say under logs/. A checkpoint
or savepoint that `status` or `stop` names is what a new job goes on from:
newsbeam run ... --savepoint_path PATH.
"""


def add_engine_commands(engine: argparse.ArgumentParser) -> None:
    """Add the subcommands."""
    commands = engine.add_subparsers(dest="subcommand", required=True, metavar="SUBCOMMAND", parser_class=type(engine))

    def add(name: str, meaning: str) -> argparse.ArgumentParser:
        command: argparse.ArgumentParser = commands.add_parser(name, help=meaning, description=meaning)
        _add_folder(command)
        return command

    add("up", "start the cluster, or what is missing of it; builds first what it is made of")
    down = add("down", "end all processes of the cluster, also of one that is half started")
    down.add_argument("--forget", action="store_true", help="delete its jobs, checkpoints, savepoints and logs as well")
    status = add("status", "show what runs, where it listens, and its jobs with their last checkpoints")
    status.add_argument("--json", action="store_true", help="print JSON")
    add("flags", "print the flags with which `newsbeam run` runs on the cluster")
    stop = add("stop", "stop a job with a savepoint, and print its path")
    stop.add_argument("job", metavar="JOB", help="the job's id, as status shows it")
    stop.add_argument(
        "--drain", action="store_true", help="send through what the job holds: for one that will never go on"
    )
    cancel = add("cancel", "end a job at once; its last checkpoint stays")
    cancel.add_argument("job", metavar="JOB", help="the job's id, as status shows it")
    meaning = "build Prism and what the cluster is made of, each unless it is there or a tool for it is missing"
    commands.add_parser("build", help=meaning, description=meaning)


def _add_folder(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--folder", metavar="FOLDER", help="of the cluster (default: cluster/ beside what was built; see status)"
    )
