# From the folders of images/ to digests in ECR. Sourced; bash 3.2, which macOS has, knows no associative arrays.
# shellcheck shell=bash
# shellcheck disable=SC2034,SC2154 # the parts share deploy.sh's variables and set each other's

# shellcheck source=docker/base/engine.sh
source "${here}/docker/base/engine.sh"

# How many images stay in the repository besides those that run, to go back to.
readonly IMAGES_KEPT=25

# One repository for all variants: what their images share is pushed and kept once. Sets repository, its address.
images::repository() {
  if ! aws ecr describe-repositories --repository-names "${stack}" >/dev/null 2>&1; then
    output::step "Making the repository ${stack}"
    # A tag stands for what the image was made of: it must never come to mean another image.
    aws ecr create-repository --repository-name "${stack}" --image-tag-mutability IMMUTABLE \
      --image-scanning-configuration scanOnPush=true --tags Key=image-machine,Value="${stack}" >/dev/null
  fi
  # Every deployed image has a tag, so this never takes one; old tags are taken by images::prune, which knows what runs.
  aws ecr put-lifecycle-policy --repository-name "${stack}" --lifecycle-policy-text '{"rules": [{"rulePriority": 1,
    "description": "What an interrupted push left", "action": {"type": "expire"}, "selection": {
    "tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1}}]}' >/dev/null
  if [[ -n ${AWS_ENDPOINT_URL:-} ]]; then
    # An emulator names the real AWS as its repositories' address, and is not there.
    repository="${AWS_ENDPOINT_URL#*://}"
    repository="${repository%%/*}/${stack}"
  else
    repository="$(aws ecr describe-repositories --repository-names "${stack}" \
      --query 'repositories[0].repositoryUri' --output text)"
  fi
}

# The digest, without its "sha256:", of the image with tag $1 in the listing $2; nothing if there is none.
images::digest() {
  awk -v tag="$1" '$1 == tag { sub("sha256:", "", $2); print $2; exit }' <<<"$2"
}

# A line with tag and digest for each image.
images::listing() {
  aws ecr describe-images --repository-name "${stack}" --filter tagStatus=TAGGED --output text \
    --query 'imageDetails[?imageTags].[imageTags[0], imageDigest]'
}

# Variant $1's tag: its name and a fingerprint of all that its image is made of.
images::tag() {
  printf '%s-%s\n' "$1" "$("${aws_python}" -I "${here}/docker/deploy/fingerprint.py" \
    "${platform} ${PILLOW:-} ${SIMD:-}" docker/base shared/imagemachine "images/$1")"
}

# Sees to it that the images of the variants given are in ECR, and sets digests to VARIANT=DIGEST words. What is there
# is not built again: the same content has the same tag.
images::ensure() {
  local variant tag listing tags=() missing=()
  listing="$(images::listing)"
  for variant in "$@"; do
    tag="$(images::tag "${variant}")"
    tags+=("${tag}")
    if [[ -z "$(images::digest "${tag}" "${listing}")" ]]; then missing+=("${tag}"); fi
  done
  if ((${#missing[@]})); then
    images::push "${missing[@]}"
    listing="$(images::listing)"
  else
    output::line "The images are in ECR already; nothing to build or push."
  fi
  local digest
  digests=()
  for tag in "${tags[@]}"; do
    digest="$(images::digest "${tag}" "${listing}")"
    if [[ -z ${digest} ]]; then fail "ECR does not have the image ${tag} that was just pushed."; fi
    digests+=("${tag%-*}=${digest}")
  done
}

# Builds and pushes the images with the tags given.
images::push() {
  preflight::engine
  output::step "Building the base image"
  PLATFORM="${platform}" images::quietly "${here}/docker/base/build.sh" "${stack}-base"
  images::login
  local tag
  for tag in "$@"; do
    output::step "Building and pushing ${tag%-*}"
    images::quietly engine::build --platform "${platform}" --build-arg "BASE=${stack}-base" \
      --tag "${repository}:${tag}" "${here}/images/${tag%-*}"
    images::quietly docker push "${repository}:${tag}"
  done
}

# Runs a command whose output matters only if it fails.
images::quietly() {
  local log status=0
  log="$(mktemp)"
  "$@" >"${log}" 2>&1 || status=$?
  if ((status)); then
    tail -n 30 "${log}" >&2
    rm -f "${log}"
    fail "This failed: $*"
  fi
  rm -f "${log}"
}

images::login() {
  if [[ -n ${AWS_ENDPOINT_URL:-} ]]; then return; fi
  aws ecr get-login-password | docker login --username AWS --password-stdin "${repository%%/*}" >/dev/null 2>&1 ||
    fail "Docker cannot log in to ${repository%%/*}: you need the permission ecr:GetAuthorizationToken."
}

# The stack's parameter Digests from the VARIANT=DIGEST words given: shortest name first, as the template wants it.
images::parameter() {
  local word name
  for word in "$@"; do
    name="${word%%=*}"
    printf '%s %s\n' "${#name}" "${word}"
  done | sort -k1,1n -k2 | while read -r _ word; do printf '%s;' "${word}"; done
}

# Deletes the oldest images beyond IMAGES_KEPT, but never one whose digest is in $1, the stack's parameter Digests.
images::prune() {
  local digest old=()
  while read -r _ digest; do
    if [[ $1 != *"${digest#sha256:}"* ]]; then old+=("imageDigest=${digest}"); fi
  done < <(aws ecr describe-images --repository-name "${stack}" --output text \
    --query 'sort_by(imageDetails, &imagePushedAt)[].[imagePushedAt, imageDigest]')
  local surplus=$((${#old[@]} - IMAGES_KEPT))
  if ((surplus > 0)); then
    aws ecr batch-delete-image --repository-name "${stack}" --image-ids "${old[@]:0:${surplus}}" >/dev/null
  fi
}
