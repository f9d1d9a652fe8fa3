#!/usr/bin/env bash
# usage: run.sh JOB_NAME NAME=VALUE...
#
# Start a job from the template that build.sh has written. The parameters stand in metadata.json:
#
#   run.sh newsbeam output=gs://my-bucket/lake feeds=gs://my-bucket/feeds.txt streaming=true contact=me@outlet.example
#   run.sh backfill-2026 output=gs://my-bucket/old 'input=gs://my-bucket/pages gs://my-bucket/articles.jsonl.gz'
#
#   PROJECT, REGION, BUCKET  as for build.sh
#   TEMPLATE                 the template (default: BUCKET/templates/newsbeam.json)
#   SERVICE_ACCOUNT          whom launcher and workers act as (default: as the project has it)
#   MAX_WORKERS              how many workers there may be

set -euo pipefail
# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
if asks_for_help "$@"; then usage; exit 0; fi
[[ $# -ge 2 ]] || fail "JOB_NAME and parameters are needed; --help tells more"
need_project
check_job_name "$1"
launch "$1" -- "${@:2}"
