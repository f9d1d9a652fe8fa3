from __future__ import annotations

from types import SimpleNamespace
from typing import NoReturn

import pytest
from apache_beam.runners.dataflow.dataflow_runner import DataflowRuntimeException
from apache_beam.runners.runner import PipelineState

from pipeline.commands.run_on_engine import _check_end
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


def test_what_is_no_end_of_a_job_is_not_taken_for_one() -> None:
    def broken() -> NoReturn:
        raise ValueError("no answer")

    with pytest.raises(ValueError, match="no answer"):
        _check_end(broken)
