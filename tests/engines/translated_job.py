"""Builds a job for Dataflow as `newsbeam run ... --dry_run=True` does, and prints as JSON what Dataflow would get.

Runs in the environment with Beam's parts for Google Cloud: `translated_job.py GRAPH.pb FLAGS...` also writes the graph
down; `translated_job.py --load GRAPH.pb` loads its functions as a worker does, which knows the modules and no more.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apache_beam.internal import pickler
from apache_beam.portability.api import beam_runner_api_pb2 as runner_api

PARDO = "beam:transform:pardo:v1"


def main(arguments: list[str]) -> None:
    if arguments[0] == "--load":
        pipeline = runner_api.Pipeline.FromString(Path(arguments[1]).read_bytes())
        loaded = [type(pickler.loads(payload.do_fn.payload)[0]).__name__ for _, payload in _functions(pipeline)]
        print(json.dumps(loaded))
        return
    job = _translate(arguments[1:])
    Path(arguments[0]).write_bytes(job.proto_pipeline.SerializeToString())
    print(json.dumps(_described(job)))


def _translate(flags: list[str]) -> Any:
    from pipeline.commands.run_on_engine import translate
    from pipeline.options import command_parser, run_settings
    from pipeline.runners import engine_options

    parsed, others = command_parser().parse_known_args(["run", "--runner=DataflowRunner", *flags])
    settings = run_settings(parsed, others)
    assert settings.engine is not None
    return translate(settings, settings.engine, engine_options(settings, settings.engine), "a-run")


def _described(job: Any) -> dict[str, Any]:
    pipeline = job.proto_pipeline
    environments = pipeline.components.environments.values()
    (images,) = [
        {runner_api.DockerPayload.FromString(one.payload).container_image for one in environments},
    ]
    return {
        "stages": {
            transform.unique_name: {
                "states": len(payload.state_specs),
                "timers": len(payload.timer_family_specs),
                "is_told_of_commits": payload.requests_finalization,
                "splits": bool(payload.restriction_coder_id),
            }
            for transform, payload in _functions(pipeline)
        },
        "requirements": sorted(pipeline.requirements),
        "unbounded": sum(
            one.is_bounded == runner_api.IsBounded.UNBOUNDED for one in pipeline.components.pcollections.values()
        ),
        "images": sorted(images),
        "staged": sum(len(one.dependencies) for one in environments),
        "type": job.proto.type_.name,
        "options": job.options.get_all_options(drop_default=True),
    }


def _functions(pipeline: Any) -> Iterator[tuple[Any, Any]]:
    for transform in pipeline.components.transforms.values():
        if transform.spec.urn == PARDO:
            yield transform, runner_api.ParDoPayload.FromString(transform.spec.payload)


if __name__ == "__main__":
    main(sys.argv[1:])
