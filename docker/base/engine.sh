#!/usr/bin/env bash
# Speaking with Docker. Sourced, or run for one of its functions.
# shellcheck shell=bash

# The docker client that can run BuildKit builds. Not always the first on PATH: one of version 23 or later needs its
# buildx plugin for them, an older one beside it has them built in.
engine::client() {
  local client version
  while read -r client; do
    if "$client" buildx version >/dev/null 2>&1; then
      echo "$client"
      return
    fi
    version="$("$client" version --format '{{.Client.Version}}' 2>/dev/null | head -n 1)"
    if [[ ${version%%.*} =~ ^[0-9]+$ && ${version%%.*} -lt 23 ]]; then
      echo "$client"
      return
    fi
  done < <(type -ap docker)
  echo "No docker client here can build with BuildKit: install Docker 23 or later with its buildx plugin." >&2
  return 1
}

# Lambda takes a single manifest. Newer builders wrap one in an index together with attestations, unless told not to;
# older ones know neither the attestations nor the options.
engine::build() {
  local client single=()
  client="$(engine::client)" || return
  if "$client" buildx version >/dev/null 2>&1; then single=(--provenance=false --sbom=false --load); fi
  DOCKER_BUILDKIT=1 "$client" build "${single[@]}" "$@"
}

# Whether a Docker engine answers; says what to do if not.
engine::answers() {
  if ! type -p docker >/dev/null; then
    echo "Docker is not installed: see https://docs.docker.com/engine/install/." >&2
    return 1
  fi
  if ! docker info >/dev/null 2>&1; then
    echo "No Docker engine answers: start it, or check that you may use it (docker info)." >&2
    return 1
  fi
}

# Run, not sourced: engine.sh build ARGUMENT ...
if [[ ${BASH_SOURCE[0]} == "$0" ]]; then
  set -euo pipefail
  "engine::${1:?}" "${@:2}"
fi
