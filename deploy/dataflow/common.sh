# What the scripts of this folder share; they source it.
# shellcheck shell=bash

fail() {
    printf '%s: %s\n' "$(basename "$0")" "$1" >&2
    exit 2
}

# Print the comment at the head of the script that runs: its usage.
usage() {
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
}

asks_for_help() {
    [[ "${1:-}" == "-h" || "${1:-}" == "--help" ]]
}

# need NAME PATTERN EXAMPLE: the variable is set, and looks like one.
need() {
    local value="${!1:-}"
    [[ -n "$value" ]] || fail "the variable $1 is not set (as in $1=$3); --help tells more"
    [[ "$value" =~ ^$2$ ]] || fail "$1=$value does not look right (as in $1=$3)"
}

need_project() {
    need PROJECT '[a-z][-a-z0-9:.]+[a-z0-9]' my-project
    need REGION '[a-z]+-[a-z]+[0-9]+' europe-west1
    need BUCKET 'gs://[a-z0-9][-_a-z0-9.]+[a-z0-9]' gs://my-bucket
    command -v gcloud > /dev/null || fail "gcloud is not installed (https://cloud.google.com/sdk)"
}

check_job_name() {
    [[ "$1" =~ ^[a-z]([-a-z0-9]*[a-z0-9])?$ ]] || fail "$1: a job's name has lower-case letters, digits and hyphens"
}

# launch JOB_NAME FLAGS -- NAME=VALUE...: run the template under a name.
launch() {
    local job="$1" flags=() parameter
    shift
    while [[ "$1" != "--" ]]; do
        flags+=("$1")
        shift
    done
    shift
    for parameter in "$@"; do
        [[ "$parameter" =~ ^[a-z_]+= ]] || fail "$parameter: a parameter is NAME=VALUE (metadata.json lists them)"
        [[ "$parameter" != *';;'* ]] || fail "$parameter: ;; cannot stand in a value"
        flags+=("--parameters=^;;^$parameter")  # values have commas: gcloud is to split at something else
    done
    [[ -z "${SERVICE_ACCOUNT:-}" ]] || flags+=("--service-account-email=$SERVICE_ACCOUNT")
    [[ -z "${MAX_WORKERS:-}" ]] || flags+=("--max-workers=$MAX_WORKERS")
    gcloud dataflow flex-template run "$job" \
        --project="$PROJECT" \
        --region="$REGION" \
        --template-file-gcs-location="${TEMPLATE:-$BUCKET/templates/newsbeam.json}" \
        --staging-location="$BUCKET/staging" \
        --temp-location="$BUCKET/temp" \
        "${flags[@]}"
}
