"""What is refused before a job is built, in an environment without Beam's parts for Google Cloud."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from pipeline.feed_list import check_feed_lists, read_feed_list
from pipeline.options import command_parser, run_settings
from pipeline.runners import engine_options, is_dry_run, is_left_alone
from pipeline.settings import RunSettings
from schemas.errors import UsageError


def _settings(*flags: str) -> RunSettings:
    parsed, others = command_parser().parse_known_args(["run", "--input", "in", "--output", "lake", *flags])
    return run_settings(parsed, others)


@pytest.mark.parametrize("runner", ["FlinkRunner", "PrismRunner", "PortableRunner"])
def test_a_dry_run_is_refused_where_the_job_would_run_all_the_same(runner: str) -> None:
    settings = _settings("--runner", runner, "--dry_run=True")
    assert settings.engine is not None
    with pytest.raises(UsageError, match=f"--dry_run goes with DataflowRunner: {runner} would run"):
        engine_options(settings, settings.engine)


@pytest.mark.skipif(find_spec("apitools") is not None, reason="newsbeam[gcp] is installed here")
def test_what_is_not_installed_is_told_with_the_command_that_installs_it() -> None:
    settings = _settings("--runner", "DataflowRunner")
    assert settings.engine is not None
    with pytest.raises(UsageError, match=r"needs newsbeam\[gcp\]: uv sync --extra gcp"):
        engine_options(settings, settings.engine)


def test_a_job_may_be_handed_over_and_left_alone() -> None:
    for flags, is_left in (([], False), (["--no_wait_until_finish"], True), (["--template_location=gs://b/t"], True)):
        settings = _settings("--runner", "FlinkRunner", *flags)
        assert settings.engine is not None
        options = engine_options(settings, settings.engine)
        assert (is_left_alone(options), is_dry_run(options)) == (is_left, False)


def test_lists_of_other_file_systems_are_looked_at_where_they_are_read() -> None:
    check_feed_lists(["gs://my-bucket/feeds.txt"])
    with pytest.raises(UsageError, match=r"--feeds nowhere://feeds\.txt: cannot be read"):
        read_feed_list(["nowhere://feeds.txt"])
