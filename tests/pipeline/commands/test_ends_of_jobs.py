from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.dataflow.dataflow_runner import DataflowRuntimeException
from apache_beam.runners.runner import PipelineState

from pipeline import cli
from pipeline.commands.run_on_engine import _check_end, what_a_signal_does
from pipeline.stopping import stopping_on_signals
from schemas.errors import NewsbeamError


def _dataflow(state: str) -> NoReturn:
    raise DataflowRuntimeException(f"Dataflow pipeline failed. State: {state}", SimpleNamespace(state=state))


def _others() -> NoReturn:
    raise RuntimeError("Pipeline failed in state FAILED")


@pytest.mark.parametrize("state", [PipelineState.DONE, PipelineState.DRAINED])
def test_a_job_that_is_done_or_drained_has_ended(state: str) -> None:
    assert _check_end(lambda: state)


def test_dataflow_raises_for_a_drain_which_is_an_end_nevertheless() -> None:
    assert _check_end(lambda: _dataflow(PipelineState.DRAINED))


def test_a_job_that_was_updated_goes_on_elsewhere() -> None:
    assert not _check_end(lambda: _dataflow(PipelineState.UPDATED))


@pytest.mark.parametrize("state", [PipelineState.FAILED, PipelineState.CANCELLED])
def test_a_job_that_failed_is_an_error(state: str) -> None:
    with pytest.raises(NewsbeamError, match=state):
        _check_end(lambda: _dataflow(state))
    with pytest.raises(NewsbeamError, match=f"the job ended as {state}"):
        _check_end(lambda: state)
    with pytest.raises(NewsbeamError, match="the job failed: Pipeline failed"):
        _check_end(_others)


def test_a_job_server_that_beam_cannot_get_is_told_in_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def no_jar(_: Any) -> NoReturn:
        raise RuntimeError("Unable to fetch remote job server jar at https://a.example/b.jar: HTTP Error 404")

    monkeypatch.setattr(beam.Pipeline, "run", no_jar)
    (tmp_path / "a.txt").write_text("A text.")
    lake = tmp_path / "lake"
    command = ["run", "--input", str(tmp_path / "a.txt"), "--output", str(lake), "--runner", "FlinkRunner"]
    assert cli.main(command) == 1
    (line,) = capfd.readouterr().err.splitlines()
    assert "https://a.example/b.jar" in line
    assert "newsbeam engine up" in line


def test_what_is_no_end_of_a_job_is_not_taken_for_one() -> None:
    def broken() -> NoReturn:
        raise ValueError("no answer")

    with pytest.raises(ValueError, match="no answer"):
        _check_end(broken)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--runner=PrismRunner"], "ending the job after what is under way"),
        (["--runner=PortableRunner", "--environment_type=EXTERNAL"], "the job runs on, .*newsbeam engine status"),
        (["--runner=DataflowRunner"], "the job runs on, .*drain.sh"),
    ],
)
def test_a_signal_tells_what_becomes_of_the_job(
    flags: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with stopping_on_signals(what_a_signal_does(PipelineOptions(flags))) as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(5)
    errors = capsys.readouterr().err
    assert re.search(said, errors)
    assert "cycle" not in errors
