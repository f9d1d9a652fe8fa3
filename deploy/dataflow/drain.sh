#!/usr/bin/env bash
# usage: drain.sh JOB_NAME
#
# End a running stream without loss: it takes nothing new up, and writes what it has. Its memory ends with it; to go on
# with another version, use update.sh instead.
#
#   PROJECT, REGION, BUCKET  as for build.sh

set -euo pipefail
# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
if asks_for_help "$@"; then usage; exit 0; fi
[[ $# -eq 1 ]] || fail "JOB_NAME is needed; --help tells more"
need_project
check_job_name "$1"
ids="$(gcloud dataflow jobs list \
    --project="$PROJECT" --region="$REGION" --status=active --filter="name=$1" --format='value(id)')"
[[ -n "$ids" ]] || fail "no active job is called $1"
while read -r id; do
    gcloud dataflow jobs drain "$id" --project="$PROJECT" --region="$REGION"
done <<< "$ids"
