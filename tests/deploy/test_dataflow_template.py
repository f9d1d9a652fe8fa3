"""The flex template: its parameters are the options of newsbeam, and its launcher says them as newsbeam takes them."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from types import ModuleType
from typing import Any

import pytest

from pipeline.options import command_parser, run_flags, run_settings
from schemas.errors import UsageError
from tests.deploy.places import DEPLOY

DATAFLOW = DEPLOY / "dataflow"

NOT_PARAMETERS = {
    "--help": "the console shows the parameters",
    "--runner": "it is a template of Dataflow's",
    "--json": "nobody reads what the launcher prints",
    "--quiet": "the same",
    "--max-rejects": "it is judged by a process that waits for the job's end; the launcher does not",
    "--log-format": "workers log to Cloud Logging",
    "--metrics-port": "of a local run; Dataflow has Cloud Monitoring",
    "--metrics-address": "the same",
}
"""Options of `newsbeam run` that the template does not have, and why."""

GIVEN = {
    "output": "gs://my-bucket/lake",
    "input": "gs://my-bucket/pages gs://my-bucket/articles.jsonl.gz",
    "feeds": "gs://my-bucket/feeds.txt https://outlet.example/feed?a=1,2",
    "streaming": "true",
    "contact": "me@outlet.example",
    "every": "20s",
    "flush": "1m",
    "shards": "4",
    "tags": "topics",
    "processes": "2",
    "time_limit": "20",
    "host_gap": "7.5",
    "poll_budget": "4s",
    "longest_interval": "6h",
    "allow_private": "false",
    "start_anew": "true",
}
"""A value for each parameter."""


def _parameters() -> dict[str, dict[str, Any]]:
    metadata = json.loads((DATAFLOW / "metadata.json").read_text(encoding="utf-8"))
    return {parameter["name"]: parameter for parameter in metadata["parameters"]}


@pytest.fixture(scope="module")
def launcher() -> ModuleType:
    spec = importlib.util.spec_from_file_location("newsbeam_launcher", DATAFLOW / "main.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["newsbeam_launcher"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _actions() -> dict[str, Any]:
    commands = next(action for action in command_parser()._actions if action.dest == "command")
    run = commands.choices["run"]  # type: ignore[index,call-overload]
    return {flag: action for action in run._actions for flag in action.option_strings if flag.startswith("--")}


def test_each_option_is_a_parameter_or_has_a_reason_not_to_be() -> None:
    parameters = {f"--{name.replace('_', '-')}" for name in _parameters()}
    assert parameters | set(NOT_PARAMETERS) == set(run_flags())
    assert not parameters & set(NOT_PARAMETERS)


def test_parameters_are_of_the_kind_that_the_options_are(launcher: ModuleType) -> None:
    actions = _actions()
    for name, parameter in _parameters().items():
        action = actions[f"--{name.replace('_', '-')}"]
        assert (parameter["paramType"] == "BOOLEAN") == (action.nargs == 0), name
        assert (parameter["paramType"] == "NUMBER") == (action.type in (int, float)), name
        assert (name in launcher.LISTS) == (action.nargs in ("*", "+")), name
        assert parameter["label"]
        assert parameter["helpText"]


def test_defaults_are_told_as_they_are() -> None:
    parsed = command_parser().parse_args(["run", "--input", "x"])
    told = {
        name: found[1]
        for name, parameter in _parameters().items()
        if (found := re.search(r"Default: (.+)\.$", parameter["helpText"]))
    }
    assert told["tags"] == parsed.tags
    assert float(told["time_limit"]) == parsed.time_limit
    assert int(told["shards"]) == parsed.shards
    settings = run_settings(
        command_parser().parse_args(
            ["run", "--runner=PrismRunner", "--streaming", "--feeds", "https://outlet.example/feed", "--output", "lake"]
        ),
        [],
    )
    assert settings.engine is not None
    assert settings.feeds is not None
    assert told["every"] == f"{settings.engine.seconds:g}s"
    assert told["flush"] == f"{settings.engine.flush_seconds:g}s"
    assert float(told["host_gap"]) == settings.feeds.host_gap
    assert int(told["processes"]) == settings.processes


@pytest.mark.parametrize("name", GIVEN)
def test_values_fit_their_patterns(name: str) -> None:
    for pattern in _parameters()[name].get("regexes", []):
        assert re.search(pattern, GIVEN[name])
        assert not re.search(pattern, "not; one of these")


def test_the_launcher_says_all_parameters_as_newsbeam_does(launcher: ModuleType) -> None:
    assert set(GIVEN) == set(_parameters())
    beam = ["--project=my-project", "--region=europe-west1", "--temp_location=gs://my-bucket/temp", "--job_name=news"]
    given = [f"--{name}={value}" for name, value in GIVEN.items()]
    command = launcher.command_line([*beam, *given, "--runner=DataflowRunner"], {"NEWSBEAM_IMAGE": "an/image:1"})
    parsed, others = command_parser().parse_known_args(command)
    settings = run_settings(parsed, others)
    assert others == ["--sdk_container_image=an/image:1", "--no_wait_until_finish", *beam]
    assert settings.output == GIVEN["output"]
    assert settings.inputs == tuple(GIVEN["input"].split())
    assert settings.tags == {"topics"}
    assert (settings.processes, settings.time_limit) == (2, 20.0)
    assert settings.feeds is not None
    assert settings.feeds.lists == tuple(GIVEN["feeds"].split())
    assert settings.feeds.contact == GIVEN["contact"]
    assert (settings.feeds.every, settings.feeds.budget, settings.feeds.host_gap) == (20.0, 4.0, 7.5)
    assert (settings.feeds.longest_interval, settings.feeds.allow_private) == (21_600.0, False)
    engine = settings.engine
    assert engine is not None
    assert (engine.runner, engine.streaming, engine.start_anew) == ("DataflowRunner", True, True)
    assert (engine.seconds, engine.flush_seconds, engine.shards) == (20.0, 60.0, 4)


def test_parameters_left_empty_are_not_given(launcher: ModuleType) -> None:
    command = launcher.command_line(["--output=gs://b/lake", "--input=gs://b/in", "--feeds=", "--streaming= "], {})
    assert command[2:] == ["--no_wait_until_finish", "--output=gs://b/lake", "--input=gs://b/in"]


def test_an_image_that_is_given_is_the_workers(launcher: ModuleType) -> None:
    command = launcher.command_line(["--sdk_container_image=other"], {"NEWSBEAM_IMAGE": "own"})
    assert [argument for argument in command if "image" in argument] == ["--sdk_container_image=other"]


def test_neither_true_nor_false_is_refused(launcher: ModuleType) -> None:
    with pytest.raises(UsageError, match="streaming=perhaps: give true or false"):
        launcher.command_line(["--streaming=perhaps"], {})


def test_the_image_takes_all_that_the_package_has() -> None:
    dockerfile = (DATAFLOW / "Dockerfile").read_text(encoding="utf-8")
    copied = {
        path for line in re.findall(r"^COPY (?!--from)(.+)$", dockerfile, re.MULTILINE) for path in line.split()[:-1]
    }
    allowed = set(re.findall(r"^!(\S+)$", (DATAFLOW / "Dockerfile.dockerignore").read_text(), re.MULTILINE))
    assert copied == allowed
    assert all((DEPLOY.parent / path).exists() for path in copied)
    assert not copied & set((DATAFLOW / "gcloudignore").read_text().split())
