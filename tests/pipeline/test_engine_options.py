from __future__ import annotations

import socket
import time
from pathlib import Path

import pytest
from apache_beam.io.filesystems import FileSystems

from pipeline import cli, runners
from pipeline.options import command_parser, run_settings
from pipeline.runners import calls_finalizers, check_job_server, engine_options, goes_on_from_state
from pipeline.settings import RunSettings
from schemas.errors import EngineError, UsageError


def _settings(*arguments: str) -> RunSettings:
    parsed, others = command_parser().parse_known_args(["run", "--input", "pages", *arguments])
    return run_settings(parsed, others)


def _flags(*arguments: str) -> dict[str, object]:
    settings = _settings(*arguments)
    assert settings.engine is not None
    options = engine_options(settings, settings.engine)
    unknown = options.get_all_options(retain_unknown_options=True)
    return {name: value for name, value in unknown.items() if value not in (None, False)}


FLINK = ("--runner", "PortableRunner", "--job_endpoint=localhost:1")


def test_without_an_engine_a_run_is_local() -> None:
    assert _settings().engine is None
    assert _settings("--runner", "DirectRunner").engine is None


def test_on_an_engine_a_worker_has_one_process() -> None:
    assert _settings(*FLINK).processes == 1
    assert _settings(*FLINK, "--processes", "3").processes == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--runner", "SparkRunner"], "newsbeam runs on DirectRunner, FlinkRunner"),
        (["--streaming"], "--streaming needs an engine"),
        (["--shards", "2"], "--shards goes with an engine"),
        (["--start-anew"], "--start-anew goes with an engine"),
        (["--flush", "5s"], "--flush goes with an engine"),
        ([*FLINK, "--feeds", "list.txt"], "--feeds on PortableRunner needs --streaming"),
        ([*FLINK, "--flush", "5s"], "goes with --streaming"),
        ([*FLINK, "--streaming", "--shards", "0"], "--shards 0"),
        ([*FLINK, "--streaming", "--flush", "soon"], "--flush soon"),
    ],
)
def test_flags_that_do_not_go_together_are_refused(arguments: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        _settings(*arguments)


@pytest.mark.parametrize("interval", ["0", "-1", "soon"])
def test_a_stream_on_flink_without_checkpoints_is_refused(interval: str) -> None:
    with pytest.raises(UsageError, match="needs checkpoints"):
        _flags(*FLINK, "--streaming", f"--checkpointing_interval={interval}")


def test_a_stream_on_flink_has_checkpoints_that_outlive_it() -> None:
    flags = _flags(*FLINK, "--streaming")
    assert flags["streaming"] is True
    assert str(flags["checkpointing_interval"]) == str(runners.CHECKPOINT_MILLISECONDS)
    assert flags["externalized_checkpoints_enabled"]
    assert flags["finish_bundle_before_checkpointing"]
    given = _flags(*FLINK, "--streaming", "--checkpointing_interval=2000")
    assert str(given["checkpointing_interval"]) == "2000"
    assert "checkpointing_interval" not in _flags(*FLINK)


def test_file_systems_know_the_options_before_a_pipeline_is_made() -> None:
    _flags(*FLINK, "--s3_endpoint_url=http://localhost:1")
    assert FileSystems._pipeline_options.get_all_options()["s3_endpoint_url"] == "http://localhost:1"


def test_a_portable_runner_without_a_job_server_is_refused() -> None:
    with pytest.raises(UsageError, match="--job_endpoint"):
        _flags("--runner", "PortableRunner")


def _check_job_server(endpoint: str) -> None:
    settings = _settings("--runner", "PortableRunner", f"--job_endpoint={endpoint}")
    assert settings.engine is not None
    check_job_server(engine_options(settings, settings.engine))


def test_a_job_server_that_listens_is_taken_and_one_that_does_not_is_told_of() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        endpoint = f"localhost:{server.getsockname()[1]}"
        _check_job_server(endpoint)
    with pytest.raises(EngineError, match=f"nothing listens at {endpoint} .*newsbeam engine up"):
        _check_job_server(endpoint)
    _check_job_server("embed")


@pytest.mark.parametrize("endpoint", ["localhost", "localhost:", ":8099", "localhost:http", "localhost:70000"])
def test_an_endpoint_that_is_no_address_is_wrong_usage(endpoint: str) -> None:
    with pytest.raises(UsageError, match="give HOST:PORT"):
        _check_job_server(endpoint)


@pytest.mark.parametrize("streaming", [[], ["--streaming"]])
def test_a_cluster_that_is_down_is_told_of_at_once(
    streaming: list[str], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_text("a text")
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    flags = ["--runner=PortableRunner", f"--job_endpoint=localhost:{port}", "--environment_type=EXTERNAL", *streaming]
    started = time.monotonic()
    assert cli.main(["run", "--input", str(tmp_path), "--output", str(tmp_path / "lake"), *flags]) == 1
    assert time.monotonic() - started < 30
    errors = capfd.readouterr().err
    assert errors.count("\n") == 1
    assert f"nothing listens at localhost:{port}" in errors
    assert not (tmp_path / "lake").exists()


def test_flink_without_java_is_refused_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match=r"(?i)java"):
        _flags("--runner", "FlinkRunner")


def test_prism_runs_with_the_options_that_keep_its_state() -> None:
    flags = _flags("--runner", "PrismRunner", "--prism_location=/bin/true")
    assert "prism_disable_sdf_split" in flags["experiments"]  # type: ignore[operator]
    assert int(str(flags["job_server_timeout"])) > 10**7
    assert flags["prism_location"] == "/bin/true"


def test_prism_that_is_not_built_is_refused_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEWSBEAM_ENGINES", str(tmp_path))
    with pytest.raises(UsageError, match=r"(?i)prism.*(build|test-engines|go)"):
        _flags("--runner", "PrismRunner")


def test_who_tells_that_state_is_durable_and_who_goes_on_from_it() -> None:
    flink, prism = _settings(*FLINK), _settings("--runner", "PrismRunner")
    assert flink.engine is not None
    assert prism.engine is not None
    assert calls_finalizers(flink.engine)
    assert not calls_finalizers(prism.engine)
    assert not goes_on_from_state(flink)
    assert goes_on_from_state(_settings(*FLINK, "--savepoint_path", "/s"))
    assert goes_on_from_state(_settings("--runner", "DataflowRunner", "--update"))


def test_the_refusal_is_one_line_and_exit_code_2(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("a text")
    arguments = ["run", "--input", str(tmp_path), "--output", str(tmp_path / "lake"), "--runner", "PortableRunner"]
    assert cli.main(arguments) == 2
    assert capfd.readouterr().err.count("\n") == 1
    assert not (tmp_path / "lake").exists()
