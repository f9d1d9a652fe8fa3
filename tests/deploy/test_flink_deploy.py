"""What stands in the files of deploy/flink must fit together, and be what newsbeam and Flink's settings here are."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from apache_beam.options.pipeline_options import DebugOptions, PipelineOptions, PortableOptions, StandardOptions
from apache_beam.runners.portability.stager import Stager

from pipeline.engines.flink_build import FLINK_LINE, FLINK_VERSION, FlinkJars
from pipeline.engines.flink_config import STREAM_FLAGS, Part, Ports, command_of, write_configuration
from pipeline.options import command_parser, run_settings
from pipeline.runners import CHECKPOINT_MILLISECONDS, engine_options, goes_on_from_state, is_left_alone
from pipeline.settings import RunSettings
from tests.deploy.places import DEPLOY, ROOT

FLINK = DEPLOY / "flink"
DOCKERFILE = (FLINK / "Dockerfile").read_text(encoding="utf-8")
JARS, PORTS = FlinkJars(Path("job-server.jar"), Path("libraries")), Ports(*range(1, 1 + len(Ports._fields)))
FILES = ("feeds.yaml", "flink-deployment.yaml", "job-server.yaml", "submit.yaml")


OF_THIS_MACHINE = (
    "high-availability.type",
    "high-availability.storageDir",
    "state.checkpoints.dir",
    "state.savepoints.dir",
    "io.tmp.dirs",
    "taskmanager.numberOfTaskSlots",
)
"""Settings of `newsbeam engine up` that cannot be those of a cluster of many machines."""


KNOWN_TO_THE_JOB_SERVER = ("parallelism",)
"""Flags that Beam's Python side learns from the job server; one of 2.62.0 has taken them."""


@cache
def _documents() -> dict[tuple[str, str], dict[str, Any]]:
    """All documents by kind and name; two of one name would not both be there on a cluster."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for name in FILES:
        for document in yaml.safe_load_all((FLINK / name).read_text(encoding="utf-8")):
            key = document["kind"], document["metadata"]["name"]
            assert document["apiVersion"]
            assert key not in found
            found[key] = document
    return found


def _cluster() -> dict[str, Any]:
    return _documents()["FlinkDeployment", "newsbeam-flink"]["spec"]  # type: ignore[no-any-return]


def _pods() -> dict[str, dict[str, Any]]:
    """The specification of each kind of pod."""
    return {
        "all": _cluster()["podTemplate"]["spec"],
        "task manager": _cluster()["taskManager"]["podTemplate"]["spec"],
        "job server": _documents()["Deployment", "newsbeam-job-server"]["spec"]["template"]["spec"],
        "submit": _documents()["Job", "newsbeam-submit"]["spec"]["template"]["spec"],
    }


def _containers() -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for pod in _pods().values():
        for container in (*pod.get("initContainers", ()), *pod["containers"]):
            yield pod, container


def _container(name: str) -> dict[str, Any]:
    (found,) = [one for _, one in _containers() if one["name"] == name and len(one) > 1]
    return found


def _submit_arguments() -> list[str]:
    submit = _container("submit")
    assert submit["command"] == ["newsbeam"]
    return list(submit["args"])


def _settings(arguments: list[str]) -> RunSettings:
    parsed, others = command_parser().parse_known_args(arguments)
    return run_settings(parsed, others)


def _settings_and_options(arguments: list[str]) -> tuple[RunSettings, PipelineOptions]:
    settings = _settings(arguments)
    assert settings.engine is not None
    return settings, engine_options(settings, settings.engine)  # refuses what newsbeam cannot do there


def _flags(arguments: list[str]) -> dict[str, str]:
    return dict(argument.partition("=")[::2] for argument in arguments if argument.startswith("--"))


def _local_settings(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """What `newsbeam engine up` writes for the cluster and for jobs, which is what ran here; as texts."""
    write_configuration(folder, PORTS)
    files = (folder / "conf" / "config.yaml", folder / "conf" / "jobs" / "config.yaml")
    cluster, jobs = (yaml.safe_load(file.read_text(encoding="utf-8")) for file in files)
    return _texts(cluster), _texts(jobs)


def _texts(settings: dict[str, Any]) -> dict[str, str]:
    return {key: str(value).lower() if isinstance(value, bool) else str(value) for key, value in settings.items()}


# The submit


def test_newsbeam_takes_the_submits_flags() -> None:
    settings, options = _settings_and_options(_submit_arguments())
    standard, portable = options.view_as(StandardOptions), options.view_as(PortableOptions)
    assert (standard.runner, standard.streaming) == ("PortableRunner", True)
    assert portable.environment_type == "EXTERNAL"
    assert is_left_alone(options)
    known = {*options.get_all_options(), *KNOWN_TO_THE_JOB_SERVER}
    assert [flag for flag in _flags(list(settings.beam_flags)) if flag.removeprefix("--") not in known] == []


def test_a_stream_gets_what_it_needs_on_flink() -> None:
    settings, options = _settings_and_options(_submit_arguments())
    given = [flag for flag in options._flags if flag not in settings.beam_flags]
    assert {*STREAM_FLAGS, f"--checkpointing_interval={CHECKPOINT_MILLISECONDS}"} <= set(given)


def test_nothing_has_to_be_handed_to_the_workers(tmp_path: Path) -> None:
    _, options = _settings_and_options(_submit_arguments())
    assert options.view_as(DebugOptions).lookup_experiment("disable_logging_submission_environment")
    assert Stager.create_job_resources(options, str(tmp_path)) == []
    package = tmp_path / "package.tar.gz"
    package.touch()
    _, options = _settings_and_options([*_submit_arguments(), f"--extra_package={package}"])
    assert Stager.create_job_resources(options, str(tmp_path)) != []


def test_a_path_for_going_on_is_taken() -> None:
    (flag,) = re.findall(r"# - (--savepoint_path=\S+)", (FLINK / "submit.yaml").read_text(encoding="utf-8"))
    settings, options = _settings_and_options([*_submit_arguments(), flag])
    assert goes_on_from_state(settings)
    assert flag in options._flags
    assert flag.startswith(f"--savepoint_path={_cluster()['flinkConfiguration']['state.savepoints.dir']}/")


def test_no_submit_is_repeated_by_itself() -> None:
    job = _documents()["Job", "newsbeam-submit"]
    assert (job["spec"]["backoffLimit"], job["spec"]["completions"], job["spec"]["parallelism"]) == (0, 1, 1)
    assert _pods()["submit"]["restartPolicy"] == "Never"
    assert "generateName" not in job["metadata"]
    assert "ttlSecondsAfterFinished" not in job["spec"]  # it would make room for the same name


def test_shards_are_enough_for_the_parallelism() -> None:
    settings = _settings(_submit_arguments())
    assert settings.engine is not None
    assert settings.engine.shards >= int(_flags(_submit_arguments())["--parallelism"])


def test_workers_find_the_list_where_the_submit_does() -> None:
    (given,) = _settings(_submit_arguments()).feeds.lists  # type: ignore[union-attr]
    (name,) = _documents()["ConfigMap", "newsbeam-feeds"]["data"]
    for pod, container in (("submit", "submit"), ("task manager", "worker-pool")):
        (volume,) = [one for one in _pods()[pod]["volumes"] if one.get("configMap", {}).get("name") == "newsbeam-feeds"]
        (mount,) = [one for one in _container(container)["volumeMounts"] if one["name"] == volume["name"]]
        assert f"{mount['mountPath']}/{name}" == given
        assert "subPath" not in mount  # such a mount never sees an edit


# Names and ports


def test_the_ports_are_those_that_are_listened_on() -> None:
    flags = _flags(_submit_arguments())
    server = _flags(_container("job-server")["args"])
    listened = {"jobs": int(server["--job-port"]), "artifacts": int(server["--artifact-port"])}
    service = _documents()["Service", "newsbeam-job-server"]["spec"]
    assert {one["targetPort"]: one["port"] for one in service["ports"]} == listened
    assert {one["name"]: one["containerPort"] for one in _container("job-server")["ports"]} == listened
    assert flags["--job_endpoint"] == f"newsbeam-job-server:{listened['jobs']}"
    assert flags["--artifact_endpoint"] == f"newsbeam-job-server:{listened['artifacts']}"
    (rule,) = _documents()["NetworkPolicy", "newsbeam-job-server"]["spec"]["ingress"]
    assert {one["port"] for one in rule["ports"]} == set(listened.values())
    assert server["--job-host"] == "0.0.0.0"  # noqa: S104  (else the service cannot reach it)
    assert f"--job-server={flags['--job_endpoint']}" in _container("wait-for-cluster")["command"]


def test_labels_lead_to_the_pods() -> None:
    labels = _documents()["Deployment", "newsbeam-job-server"]["spec"]["template"]["metadata"]["labels"]
    policy = _documents()["NetworkPolicy", "newsbeam-job-server"]["spec"]
    assert _documents()["Service", "newsbeam-job-server"]["spec"]["selector"] == labels
    assert _documents()["Deployment", "newsbeam-job-server"]["spec"]["selector"]["matchLabels"] == labels
    assert policy["podSelector"]["matchLabels"] == labels
    submit = _documents()["Job", "newsbeam-submit"]["spec"]["template"]["metadata"]["labels"]
    assert policy["ingress"][0]["from"] == [{"podSelector": {"matchLabels": submit}}]


def test_the_job_manager_is_called_by_the_operators_name() -> None:
    rest = "newsbeam-flink-rest:8081"  # the operator calls the service NAME-rest, Flink's port is 8081
    assert ("FlinkDeployment", rest.removesuffix("-rest:8081")) in _documents()
    assert _flags(_container("job-server")["args"])["--flink-master"] == rest
    for name in ("job-server", "wait-for-cluster", "confirm"):
        assert {"name": "FLINK_REST", "value": f"http://{rest}"} in _container(name)["env"]


def test_the_workers_are_asked_where_they_listen() -> None:
    command = _container("worker-pool")["command"]
    port = command[command.index("--port") + 1]
    assert _flags(_submit_arguments())["--environment_config"] == f"localhost:{port}"
    here = command_of(Part.WORKER_POOL, Path(), PORTS, JARS, "java")
    assert command[1:-1] == here[1:-1]
    for probe in ("livenessProbe", "readinessProbe"):
        assert f"('localhost', {port})" in _container("worker-pool")[probe]["exec"]["command"][-1]


def test_the_stream_is_confirmed_by_its_name() -> None:
    assert _container("confirm")["command"][-2:] == ["await-checkpoint", _flags(_submit_arguments())["--job_name"]]


def test_flink_gives_its_figures_where_they_are_asked_for() -> None:
    configuration, template = _cluster()["flinkConfiguration"], _cluster()["podTemplate"]
    port = configuration["metrics.reporter.prom.port"]
    assert template["metadata"]["annotations"]["prometheus.io/port"] == port
    (main,) = template["spec"]["containers"]
    assert [one["containerPort"] for one in main["ports"] if one["name"] == "metrics"] == [int(port)]


# Settings


def test_settings_are_those_that_were_run_here(tmp_path: Path) -> None:
    cluster, jobs = _local_settings(tmp_path)
    configuration = _cluster()["flinkConfiguration"]
    assert all(isinstance(value, str) for value in configuration.values())  # the operator's definition asks for texts
    told = yaml.safe_load(_documents()["ConfigMap", "newsbeam-job-settings"]["data"]["config.yaml"])
    assert set(told) == set(jobs)
    assert {key: configuration.get(key) for key in told} == told
    both = {
        key: value for key, value in (cluster | jobs).items() if key in configuration and key not in OF_THIS_MACHINE
    }
    assert {key: configuration[key] for key in both} == both
    strategy = {key for key in cluster if key.startswith("restart-strategy.")}
    assert strategy == {key for key in configuration if key.startswith("restart-strategy.")}


def test_what_must_outlive_a_pod_is_not_on_its_disk() -> None:
    kept = ("high-availability.storageDir", "state.checkpoints.dir", "state.savepoints.dir")
    paths = [*(_cluster()["flinkConfiguration"][key] for key in kept), _settings(_submit_arguments()).output]
    (scheme,) = {path.partition("://")[0] for path in paths}
    assert len(set(paths)) == len(paths)
    plugins = {"s3": f"flink-s3-fs-presto-{FLINK_VERSION}.jar", "gs": f"flink-gs-fs-hadoop-{FLINK_VERSION}.jar"}
    (plugin,) = [one["value"] for one in _container("flink-main-container")["env"]]
    assert plugin == plugins[scheme]


@pytest.mark.parametrize("part", [Part.JOB_SERVER, Part.JOB_MANAGER])
def test_java_is_opened_as_here(part: Part) -> None:
    command = command_of(part, Path(), PORTS, JARS, "java")
    opened = [word for word in command if word.startswith("--add-")]
    assert opened
    if part is Part.JOB_SERVER:
        assert [word for word in _container("job-server")["args"] if word.startswith("--add-")] == opened
    else:
        assert _cluster()["flinkConfiguration"]["env.java.opts.all"].split() == opened


def test_a_job_server_gets_the_flags_that_it_gets_here() -> None:
    here = _flags(command_of(Part.JOB_SERVER, Path(), PORTS, JARS, "java"))
    assert set(_flags(_container("job-server")["args"])) == set(here)


def test_pods_run_as_nobody_special() -> None:
    for pod, container in _containers():
        if len(container) == 1:  # only named: its template is another
            continue
        user = container["securityContext"].get("runAsUser", pod.get("securityContext", {}).get("runAsUser"))
        assert user == (9999 if container["name"] == "flink-main-container" else 10001)
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert not container["securityContext"]["allowPrivilegeEscalation"]


# Images


def test_images_and_versions_agree() -> None:
    images = {one["name"]: one["image"] for _, one in _containers() if "image" in one}
    assert set(images) == {"worker-pool", "job-server", "wait-for-cluster", "submit", "confirm"}
    (image,) = set(images.values())  # pickles go from one to the other
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    assert image.endswith(f":{version}")
    assert _cluster()["flinkVersion"] == f"v{FLINK_LINE.replace('.', '_')}"
    assert f"/flink:{FLINK_VERSION}-" in _cluster()["image"]


def test_the_image_is_built_of_what_was_run_here() -> None:
    pom = (FLINK / "job-server" / "pom.xml").read_text(encoding="utf-8")
    assert re.findall(r"^ARG JOB_SERVER_BEAM=(.+)$", DOCKERFILE, re.MULTILINE) == re.findall(
        r"<beam\.version>(.+)</beam\.version>", pom
    )
    jar = f"{re.findall('<finalName>(.+)</finalName>', pom)[0]}.jar"
    assert f"/build/target/{jar} /opt/newsbeam/{jar}" in DOCKERFILE
    assert f"/opt/newsbeam/{jar}" in _container("job-server")["args"]
    java = set(re.findall(r"openjdk-(\d+)-|temurin-(\d+)|", DOCKERFILE)) - {("", "")}
    assert {one or other for one, other in java} == set(re.findall(r"-java(\d+)$", _cluster()["image"]))


def test_the_image_takes_all_that_it_needs() -> None:
    allowed = (FLINK / "Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    sources = [
        source
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert sources
    for source in sources:
        assert (ROOT / source).exists(), source
        assert f"!{source}" in allowed, source
    build = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]
    assert {*build["wheel"]["packages"], *build["wheel"]["force-include"], "uv.lock"} <= set(sources)


def test_the_image_installs_as_the_local_one_with_the_file_systems_beside() -> None:
    def lines(text: str) -> list[str]:
        return re.findall(r"^RUN (pip install .*|uv sync .*)$", text, re.MULTILINE)

    local = (DEPLOY / "local" / "Containerfile").read_text(encoding="utf-8")
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    given = "".join(f" --extra {name}" for name in sorted(extras))
    assert given
    assert [line.replace(given, "") for line in lines(DOCKERFILE)] == lines(local)
    assert all(given in line for line in lines(DOCKERFILE) if line.startswith("uv sync"))


def test_the_readme_names_files_and_names_that_are_there() -> None:
    readme = (FLINK / "README.md").read_text(encoding="utf-8")
    for name in (*FILES, "Dockerfile", "flink_job.py"):
        assert name in readme, name
    for path in re.findall(r"\]\((?!http)([^)#]+)", readme):
        assert (FLINK / path).exists(), path
    for kind, name in re.findall(
        r"kubectl (?:exec|logs|rollout restart|wait|delete) .*?(deployment|job)[/ ]([-a-z]+)", readme
    ):
        assert (kind.capitalize(), name) in _documents(), (kind, name)
