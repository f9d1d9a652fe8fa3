#!/usr/bin/env bash
# usage: build.sh
#
# Build the image by Cloud Build, push it, and write the template that names it.
#
#   PROJECT     project of Google Cloud
#   REGION      its region, as europe-west1
#   BUCKET      bucket for templates, staging and temporary files, as gs://my-bucket
#   REPOSITORY  repository for images in Artifact Registry (in PROJECT and REGION)
#   TAG         tag of the image (default: newsbeam's version and the commit): never one that a running job uses
#   TEMPLATE    where to write the template (default: BUCKET/templates/newsbeam.json)

set -euo pipefail
# shellcheck source=common.sh
source "$(dirname "${BASH_SOURCE[0]}")/common.sh"
if asks_for_help "$@"; then usage; exit 0; fi
[[ $# -eq 0 ]] || fail "no arguments are taken; --help tells more"
need_project
need REPOSITORY '[a-z]([-a-z0-9]*[a-z0-9])?' news

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
cd "$root"
if [[ -z "${TAG:-}" ]]; then
    [[ -z "$(git status --porcelain)" ]] || fail "the work tree has changes that no commit holds; commit them, or set TAG"
    TAG="$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml)-$(git rev-parse --short=12 HEAD)"
fi
image="$REGION-docker.pkg.dev/$PROJECT/$REPOSITORY/newsbeam:$TAG"

gcloud builds submit "$root" \
    --project="$PROJECT" \
    --config="$here/cloudbuild.yaml" \
    --ignore-file=deploy/dataflow/gcloudignore \
    --substitutions="_IMAGE=$image"
gcloud dataflow flex-template build "${TEMPLATE:-$BUCKET/templates/newsbeam.json}" \
    --project="$PROJECT" \
    --image="$image" \
    --sdk-language=PYTHON \
    --metadata-file="$here/metadata.json"
echo "$image"
