"""Names of metrics that alerts may ask for: `tests/engines/test_flink_metrics.py` sees each of them on a cluster."""

from __future__ import annotations

from typing import Final

SINK: Final = "flink_taskmanager_job_task_operator_transforms_write_stream_WriteStream"

SEEN_ON_FLINK: Final = frozenset(
    {
        "flink_jobmanager_numRunningJobs",
        "flink_jobmanager_job_lastCheckpointDuration",
        "flink_jobmanager_job_numRestarts",
        "flink_jobmanager_job_numberOfCompletedCheckpoints",
        "flink_jobmanager_job_uptime",
        "flink_taskmanager_job_task_operator_currentOutputWatermark",
        f"{SINK}_articles",
        f"{SINK}_copies",
        f"{SINK}_rejects",
    }
)
