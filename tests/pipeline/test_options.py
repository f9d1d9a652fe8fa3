from __future__ import annotations

from pathlib import Path

import pytest

from pipeline import cli
from pipeline.options import command_parser, run_settings
from pipeline.runners import beam_options
from pipeline.settings import MaxRejects, RunSettings
from schemas.errors import UsageError


def _settings(*flags: str) -> RunSettings:
    parsed, others = command_parser().parse_known_args(["run", "--input", "pages", *flags])
    return run_settings(parsed, others)


def test_all_inputs_are_taken_in_every_spelling() -> None:
    assert _settings("more", "--input", "x", "--output", "lake").inputs == ("pages", "more", "x")


def test_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEWSBEAM_LAKE", raising=False)
    settings = _settings()
    assert settings.output == "lake"
    assert settings.processes >= 1
    assert settings.time_limit == 30
    assert settings.max_rejects is None
    assert (settings.json, settings.quiet, settings.beam_flags) == (False, False, ())
    monkeypatch.setenv("NEWSBEAM_LAKE", "elsewhere")
    assert _settings().output == "elsewhere"


@pytest.mark.parametrize(
    ("text", "rejects", "inputs", "exceeded"),
    [
        ("0", 0, 10, False),
        ("0", 1, 10, True),
        ("5", 5, 10, False),
        ("5", 6, 1000, True),
        ("10%", 1, 10, False),
        ("10%", 2, 10, True),
        ("0.5%", 1, 199, True),
        ("0.5%", 1, 200, False),
        ("0%", 0, 0, False),
        ("100%", 10, 10, False),
        (" 2% ", 2, 100, False),
    ],
)
def test_max_rejects(text: str, rejects: int, inputs: int, exceeded: bool) -> None:
    assert MaxRejects.parse(text).is_exceeded(rejects, inputs) is exceeded


@pytest.mark.parametrize("text", ["-1", "x", "5.5", "101%", "%", "1e3", "5 %%", "½"])
def test_max_rejects_that_is_no_number_is_wrong_usage(text: str) -> None:
    with pytest.raises(UsageError, match="--max-rejects"):
        MaxRejects.parse(text)


@pytest.mark.parametrize(
    "flags",
    [
        ["--processes", "0"],
        ["--processes", "x"],
        ["--time-limit", "0"],
        ["--time-limit", "nan"],
        ["--time-limit", "-3"],
        ["--max-rejects", "lots"],
        ["--max-rejects", ""],
    ],
)
def test_a_value_that_cannot_be_used_is_wrong_usage(flags: list[str]) -> None:
    with pytest.raises(UsageError) as caught:
        _settings(*flags)
    assert flags[0] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_beams_flags_go_to_beam_and_others_are_refused_with_the_nearest() -> None:
    assert _settings("--direct_num_workers=1").beam_flags == ("--direct_num_workers=1",)
    options = beam_options(["--direct_num_workers=1", "--runner=DirectRunner"])
    assert options.get_all_options()["direct_num_workers"] == 1
    with pytest.raises(UsageError, match=r"--max-reject; perhaps --max-rejects"):
        beam_options(["--max-reject", "5"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["run"],
        ["run", "--input"],
        ["query"],
        ["query", "select 1", "--format", "xml"],
        ["query", "select 1", "--unknown"],
        ["sql", "--lake", "/nowhere"],
        ["query", "select 1", "--lake", "/nowhere"],
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main(arguments) == 2
    printed = capfd.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("newsbeam: ")
    assert printed.err.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("run --input pages --lake el", "given with --output LAKE. See newsbeam run --help"),
        ("run --lake=el", "given with --output LAKE"),
        ("run --input pages --runner PortableRunner --job_endpoint h:1 --lake el", "given with --output LAKE"),
        ("status --lake el", "without a flag: newsbeam status LAKE. See newsbeam status --help"),
        ("compact --lake=el --dry-run", "without a flag: newsbeam compact LAKE"),
        ("feeds list fl2", "newsbeam feeds list --lake fl2. See newsbeam feeds list --help"),
        ("sql el", "newsbeam sql --lake el. See newsbeam sql --help"),
        ("query select headline from articles", 'quotes: newsbeam query "select ...". See newsbeam query --help'),
        ("status lake --whole", "unrecognized arguments: --whole. See newsbeam status --help"),
        ("engine flags --jsn", "unrecognized arguments: --jsn. See newsbeam engine flags --help"),
    ],
)
def test_what_a_command_does_not_take_is_told_with_the_right_form(
    line: str, hint: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(line.split()) == 2
    errors = capfd.readouterr().err
    assert hint in errors
    assert errors.count("\n") == 1


@pytest.mark.parametrize("command", [[], ["run"], ["query"]])
def test_help_tells_the_exit_codes(command: list[str], capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([*command, "--help"])
    assert ended.value.code == 0
    assert "exit codes:" in capfd.readouterr().out


@pytest.mark.parametrize("command", [["replay"], ["erase"], ["memory"], ["memory", "rebuild"], ["query"]])
def test_no_help_tells_exit_codes_of_a_flag_that_its_command_lacks(
    command: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main([*command, "--help"])
    said = capfd.readouterr().out
    assert said.count("exit codes:") == 1
    assert "--max-rejects" not in said
    assert "goes on" in said.partition("exit codes:")[2] or command not in (["replay"], ["erase"])


def test_a_run_that_cannot_start_leaves_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_text("a text")
    lake = tmp_path / "lake"
    for code, flags in (
        (2, ["--input", str(tmp_path / "missing"), "--output", str(lake)]),
        (2, ["--input", str(tmp_path / "a.txt"), "--output", str(lake), "--not-a-flag"]),
        (2, ["--input", str(tmp_path / "a.txt"), "--output", str(lake), "--runner", "SparkRunner"]),
        (2, ["--input", str(tmp_path / "a.txt"), "--output", str(tmp_path)]),
        (1, ["--input", str(tmp_path / "a.txt"), "--output", str(tmp_path / "a.txt" / "lake")]),
    ):
        assert cli.main(["run", *flags, "--processes", "1"]) == code
        assert capfd.readouterr().err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_no_arguments_at_all_show_the_help(capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.main([]) == 2
    assert "start here:" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["run", "pages"], "--input PATH or --feeds LIST is needed; perhaps --input pages is meant"),
        (["run", "--inptu", "pages"], "perhaps --input is meant"),
    ],
)
def test_a_missing_input_comes_with_what_was_meant(
    arguments: list[str], hint: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(arguments) == 2
    assert hint in capfd.readouterr().err


@pytest.mark.parametrize("flag", ["--direct_num_workers=2", "--direct_running_mode=multi_processing"])
def test_beams_own_workers_are_refused(flag: str) -> None:
    with pytest.raises(UsageError, match="--processes"):
        beam_options([flag])


@pytest.mark.parametrize("percent", range(101))
def test_as_many_rejects_as_the_share_allows_are_not_too_many(percent: int) -> None:
    assert not MaxRejects.parse(f"{percent}%").is_exceeded(percent, 100)
    assert MaxRejects.parse(f"{percent}%").is_exceeded(percent + 1, 100)
