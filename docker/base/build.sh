#!/usr/bin/env bash
# Builds the image that every variant stands on.
#
#   docker/base/build.sh [TAG]        TAG is image-machine-base unless given
#
# Settings, in the environment:
#   PILLOW    simd: with pillow-simd's code and our changes, for x86_64 (its default) | stock: Pillow itself, as it is
#             published (default elsewhere)
#   SIMD      the instructions that pillow-simd's code may use: avx2, which every x86 Lambda has | sse4.2
#   WITHOUT   the names of changes to leave out, as in patches/: pillow-transpose-bytes, ...
#   PLATFORM  linux/amd64 | linux/arm64; this computer's own unless given
#   TARGET    base | test, the base with pytest | runtime, for a look at an image whose self-test fails
# Where the network is not the open internet these are handed in as build secrets, and none stays in the image:
#   CA_BUNDLE     certificates to trust, for a proxy that inspects TLS; the system's bundle unless given
#   PIP_CONFIG_FILE, PIP_INDEX_URL, PIP_EXTRA_INDEX_URL, PIP_TRUSTED_HOST   an index of your own, as pip reads them
#   http_proxy, https_proxy, no_proxy                                      as usual
# Where no registry can be reached, docker/base/from-debian.sh makes the Debian below it from Debian's packages.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
root="$(cd "$here/../.." && pwd)"
# shellcheck source=docker/base/versions.env
source "$here/versions.env"
# shellcheck source=docker/base/engine.sh
source "$here/engine.sh"

base::platform() {
  case "${PLATFORM:-$(uname -m)}" in
    linux/amd64 | x86_64 | amd64) echo linux/amd64 ;;
    linux/arm64 | aarch64 | arm64) echo linux/arm64 ;;
    *)
      echo "PLATFORM is linux/amd64 or linux/arm64, not '${PLATFORM:-$(uname -m)}'." >&2
      return 2
      ;;
  esac
}

# The version of the library, which the images of the variants carry on as a label.
base::version() {
  sed -n 's/^version = "\(.*\)"$/\1/p' "$root/pyproject.toml"
}

# pip's settings of this computer as one configuration file, so that the build finds its packages where we do.
base::pip_settings() {
  local file="${PIP_CONFIG_FILE:-/etc/pip.conf}" variable name
  [[ -r $file ]] && cat "$file"
  echo "[download]"
  for variable in PIP_INDEX_URL PIP_EXTRA_INDEX_URL PIP_TRUSTED_HOST; do
    name="$(tr '[:upper:]_' '[:lower:]-' <<<"${variable#PIP_}")"
    if [[ -n ${!variable:-} ]]; then echo "${name} = ${!variable}"; fi
  done
}

# Prints the name of Debian's image, once it is there: the pinned one from a registry, or else one of Debian's packages.
base::debian() {
  local pinned="$DEBIAN@$DEBIAN_DIGEST" image
  for image in "$pinned" "$DEBIAN_OF_PACKAGES"; do
    if docker image inspect "$image" >/dev/null 2>&1; then
      echo "$image"
      return
    fi
  done
  if docker pull --quiet --platform "$1" "$pinned" >/dev/null; then
    echo "$pinned"
    return
  fi
  echo "No registry gives us $pinned." >&2
  "$here/from-debian.sh" && echo "$DEBIAN_OF_PACKAGES"
}

base::build() {
  local tag="$1" platform debian bundle pillow pip_settings version
  platform="$(base::platform)"
  version="$(base::version)"
  case "$platform" in linux/amd64) pillow="${PILLOW:-simd}" ;; *) pillow="${PILLOW:-stock}" ;; esac
  debian="$(base::debian "$platform")"
  bundle="${CA_BUNDLE:-${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}}"
  pip_settings="$(mktemp)"
  # shellcheck disable=SC2064 # the name is known now and gone later
  trap "rm -f '$pip_settings'" EXIT
  base::pip_settings >"$pip_settings"

  local arguments=(
    --file "$here/Dockerfile" --target "${TARGET:-base}" --tag "$tag" --platform "$platform"
    --build-arg "DEBIAN=$debian" --build-arg "PYTHON=$PYTHON" --build-arg "DEBIAN_AS_OF=$DEBIAN_AS_OF"
    --build-arg "PILLOW=$pillow" --build-arg "SIMD=${SIMD:-avx2}" --build-arg "WITHOUT=${WITHOUT:-}"
    --secret "id=pip,src=$pip_settings"
    --label "org.opencontainers.image.version=$version" --label org.opencontainers.image.licenses=MIT
  )
  if [[ -r $bundle ]]; then arguments+=(--secret "id=ca,src=$bundle"); fi
  local variable
  for variable in http_proxy https_proxy no_proxy; do
    if [[ -n ${!variable:-} ]]; then arguments+=(--build-arg "$variable"); fi
  done
  engine::build "${arguments[@]}" "$root"
}

base::build "${1:-image-machine-base}"
