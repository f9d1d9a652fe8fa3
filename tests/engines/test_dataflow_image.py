"""The lines that install Dataflow's image, run in an empty folder; the base images are not to be had here."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.test_dataflow import CLOUD, IMAGE, offline

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "dataflow" / "Dockerfile"


def _lines() -> Iterator[tuple[str, str]]:
    """Yield (instruction, rest) of the image itself."""
    last = DOCKERFILE.read_text(encoding="utf-8").rpartition("\nFROM ")[2]
    yield from re.findall(r"^(RUN|COPY|ENV|ARG) (?!--from)(.+)$", last, re.MULTILINE)


def _copy(rest: str, folder: Path) -> None:
    *sources, target = shlex.split(rest)
    for source in sources:
        to = folder / target
        to = to / Path(source).name if target.endswith("/") else to
        to.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, to, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, to)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """The image's working folder, and the environment in which its commands run: a Python with nothing in it."""
    folder = tmp_path_factory.mktemp("image")
    template, python = folder / "template", folder / "python"
    template.mkdir()
    made = subprocess.run([sys.executable, "-m", "venv", str(python)], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        pytest.skip(f"no environment with pip can be made here: {(made.stdout + made.stderr)[-300:]}")
    passed_on = {name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "PYTHONPATH")}
    environment = passed_on | {"PATH": f"{python / 'bin'}:{os.environ['PATH']}", "IMAGE": IMAGE}
    for instruction, rest in _lines():
        if instruction == "COPY":
            _copy(rest, template)
        if instruction == "RUN":
            done = subprocess.run(
                ["sh", "-c", rest],
                cwd=template,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=900,
            )
            assert done.returncode == 0, f"{rest}\n{(done.stdout + done.stderr)[-2_000:]}"
    return template, environment


def test_the_image_has_newsbeam_with_its_models_and_nothing_of_this_folder(
    image: tuple[Path, dict[str, str]],
) -> None:
    template, environment = image
    assert sorted(path.name for path in template.iterdir()) == [
        "LICENSE", "README.md", "deploy", "main.py", "metadata.json", "pyproject.toml", "requirements.txt", "uv.lock",
    ]  # fmt: skip
    text = "The minister met the mayor of Paris, Anne Hidalgo, on Monday. The talks were about the budget of the city."
    (template / "one.txt").write_text(text)
    done = subprocess.run(
        [*offline(), "newsbeam", "tag", "one.txt", "--language", "en", "--json"],
        cwd=template, env=environment, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "Anne Hidalgo" in done.stdout
    where = subprocess.run(
        ["python", "-c", "import pipeline; print(pipeline.__file__)"],
        cwd=template, env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert where.stdout.startswith(str(template.parent / "python"))


@pytest.mark.parametrize("streaming", ["false", "true"])
def test_the_launcher_of_the_image_builds_a_job(image: tuple[Path, dict[str, str]], streaming: str) -> None:
    template, environment = image
    given = ["--input=gs://my-bucket/pages", "--output=gs://my-bucket/lake", f"--streaming={streaming}"]
    done = subprocess.run(
        [*offline(), "python", "main.py", *CLOUD, *given, "--dry_run=True"],
        cwd=template, env=environment | {"NEWSBEAM_IMAGE": IMAGE},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "dry run: the job was built (" in done.stderr


def test_the_image_tells_the_launcher_what_to_run_and_workers_which_image() -> None:
    settings = [rest for instruction, rest in _lines() if instruction == "ENV"]
    assert "FLEX_TEMPLATE_PYTHON_PY_FILE=/template/main.py" in settings
    assert "NEWSBEAM_IMAGE=$IMAGE" in settings
    assert not any("REQUIREMENTS_FILE" in one or "SETUP_FILE" in one for one in settings)
