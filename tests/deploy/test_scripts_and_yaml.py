from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from yamllint import linter
from yamllint.config import YamlLintConfig

from tests.deploy.places import DEPLOY, ROOT

SCRIPTS = sorted(DEPLOY.rglob("*.sh"))
COMMANDS = [path for path in SCRIPTS if path.read_text(encoding="utf-8").startswith("#!")]
YAML = sorted([*DEPLOY.rglob("*.yml"), *DEPLOY.rglob("*.yaml"), *(ROOT / "tests" / "deploy").glob("*.yml")])
DATAFLOW = [path for path in COMMANDS if path.parent.name == "dataflow"]

RULES = YamlLintConfig(
    "{extends: default, rules: {line-length: {max: 200}, document-start: disable, "
    "comments: {min-spaces-from-content: 1}, truthy: {check-keys: false}}}"
)

SET = {"PROJECT": "my-project", "REGION": "europe-west1", "BUCKET": "gs://my-bucket", "REPOSITORY": "news", "TAG": "1"}
ARGUMENTS = {
    "build": [],
    "run": ["news", "output=gs://my-bucket/lake", "input=gs://a/b gs://c/d", "tags=topics,entities"],
    "update": ["news", "output=gs://my-bucket/lake", "input=gs://a/b gs://c/d", "tags=topics,entities"],
    "drain": ["news"],
}


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def _run(
    script: Path, arguments: list[str], variables: dict[str, str], folder: Path
) -> tuple[int, str, list[list[str]]]:
    """Run a script with a gcloud that only notes what it is asked; returns the exit code, errors and the calls."""
    calls = folder / "calls"
    gcloud = folder / "gcloud"
    gcloud.write_text(f'#!/bin/sh\nprintf "%s\\0" "$@" >> {calls}\nprintf "\\n\\0" >> {calls}\necho 2026-11-26_1\n')
    gcloud.chmod(0o755)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "HOME": str(folder), **variables}
    done = subprocess.run(
        [script, *arguments], capture_output=True, text=True, env=environment, check=False, timeout=30
    )
    asked: list[list[str]] = [[]]
    for word in calls.read_text().split("\0")[:-1] if calls.exists() else []:
        asked = [*asked, []] if word == "\n" else [*asked[:-1], [*asked[-1], word]]
    return done.returncode, done.stderr, asked[:-1]


@pytest.mark.parametrize("script", SCRIPTS, ids=_name)
def test_bash_can_read_the_scripts(script: Path) -> None:
    done = subprocess.run(["bash", "-n", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("script", COMMANDS, ids=_name)
def test_scripts_stop_at_the_first_error_and_may_be_run(script: Path) -> None:
    assert "set -euo pipefail" in script.read_text(encoding="utf-8")
    assert os.access(script, os.X_OK)


def test_shellcheck_has_nothing_to_say() -> None:
    command = [str(Path(sys.executable).with_name("shellcheck")), "--external-sources", "--source-path=SCRIPTDIR"]
    done = subprocess.run([*command, *map(str, SCRIPTS)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("path", YAML, ids=_name)
def test_yaml_can_be_read_and_is_tidy(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert any(document is not None for document in yaml.safe_load_all(text))
    assert [str(problem) for problem in linter.run(text, RULES)] == []


def test_there_is_something_to_check() -> None:
    assert {path.stem for path in DATAFLOW} == set(ARGUMENTS)
    assert DEPLOY / "alerts" / "newsbeam.rules.yml" in YAML


@pytest.mark.parametrize("script", DATAFLOW, ids=_name)
def test_scripts_explain_themselves(script: Path, tmp_path: Path) -> None:
    done = subprocess.run([script, "--help"], capture_output=True, text=True, check=True, timeout=30)
    assert done.stdout.startswith(f"usage: {script.name}")
    assert "PROJECT" in done.stdout


@pytest.mark.parametrize("script", DATAFLOW, ids=_name)
@pytest.mark.parametrize("missing", ["PROJECT", "REGION", "BUCKET"])
def test_scripts_say_which_variable_is_missing(script: Path, missing: str, tmp_path: Path) -> None:
    variables = {name: value for name, value in SET.items() if name != missing}
    code, errors, calls = _run(script, ARGUMENTS[script.stem], variables, tmp_path)
    assert (code, calls) == (2, [])
    assert f"the variable {missing} is not set" in errors


@pytest.mark.parametrize("script", DATAFLOW, ids=_name)
def test_scripts_refuse_what_is_no_bucket(script: Path, tmp_path: Path) -> None:
    code, errors, calls = _run(script, ARGUMENTS[script.stem], SET | {"BUCKET": "my-bucket"}, tmp_path)
    assert (code, calls) == (2, [])
    assert "BUCKET=my-bucket does not look right" in errors


@pytest.mark.parametrize("name", ["run", "update", "drain"])
def test_scripts_refuse_arguments_that_are_none(name: str, tmp_path: Path) -> None:
    for arguments in ([], ["News", *ARGUMENTS[name][1:]], ["news", "output"]):
        code, _, calls = _run(DEPLOY / "dataflow" / f"{name}.sh", arguments, SET, tmp_path)
        assert (code, calls) == (2, [])


def test_a_job_is_started_with_the_parameters_whole(tmp_path: Path) -> None:
    code, _, (call,) = _run(DEPLOY / "dataflow" / "run.sh", ARGUMENTS["run"], SET, tmp_path)
    assert code == 0
    assert call[:4] == ["dataflow", "flex-template", "run", "news"]
    assert "--update" not in call
    given = [word.removeprefix("--parameters=^;;^") for word in call if word.startswith("--parameters=")]
    assert given == ARGUMENTS["run"][1:]


def test_an_update_keeps_the_name_and_takes_the_lake_over(tmp_path: Path) -> None:
    variables = SET | {"TRANSFORM_NAMES": "old=new"}
    code, _, (call,) = _run(DEPLOY / "dataflow" / "update.sh", ARGUMENTS["update"], variables, tmp_path)
    assert code == 0
    assert {"news", "--update", "--transform-name-mappings=old=new", "--parameters=^;;^start_anew=true"} <= set(call)


def test_a_drain_finds_the_job_by_its_name(tmp_path: Path) -> None:
    code, _, (asked, drained) = _run(DEPLOY / "dataflow" / "drain.sh", ["news"], SET, tmp_path)
    assert code == 0
    assert "--filter=name=news" in asked
    assert drained[:4] == ["dataflow", "jobs", "drain", "2026-11-26_1"]


def test_a_build_names_one_image_for_both(tmp_path: Path) -> None:
    code, _, (built, template) = _run(DEPLOY / "dataflow" / "build.sh", [], SET, tmp_path)
    assert code == 0
    image = "europe-west1-docker.pkg.dev/my-project/news/newsbeam:1"
    assert f"--substitutions=_IMAGE={image}" in built
    assert f"--image={image}" in template
    files = [
        word.partition("=")[2]
        for word in (*built, *template)
        if re.match("--(config|ignore-file|metadata-file)=", word)
    ]
    assert len(files) == 3
    assert all((ROOT / file).is_file() for file in files)
