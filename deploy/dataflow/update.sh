#!/usr/bin/env bash
# usage: update.sh JOB_NAME NAME=VALUE...
#
# Replace a running stream by one of the template as it is now, which takes its memory over: build.sh first, then this,
# with all the parameters that the job had. Dataflow refuses an update whose stages do not fit; the old job then runs on.
#
#   PROJECT, REGION, BUCKET, TEMPLATE, SERVICE_ACCOUNT, MAX_WORKERS  as for run.sh
#   TRANSFORM_NAMES  old=new names of stages that were renamed, with commas between

set -euo pipefail
# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
if asks_for_help "$@"; then usage; exit 0; fi
[[ $# -ge 2 ]] || fail "JOB_NAME and parameters are needed; --help tells more"
need_project
check_job_name "$1"
flags=(--update)
[[ -z "${TRANSFORM_NAMES:-}" ]] || flags+=("--transform-name-mappings=$TRANSFORM_NAMES")
# The lake is another job's, whose memory comes with the update: the launcher, which does not see that, is told so.
launch "$1" "${flags[@]}" -- "${@:2}" start_anew=true
