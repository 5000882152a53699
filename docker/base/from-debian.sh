#!/usr/bin/env bash
# Makes the Debian that the base image stands on from Debian's own packages, for networks in which no image registry
# can be reached. Needs mmdebstrap, and root or user namespaces.
#
#   docker/base/from-debian.sh [MIRROR]     MIRROR as in sources.list; Debian's own unless given
#
# The packages' signatures are checked with debian-archive-keyring; http_proxy is respected.
set -euo pipefail

here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
# shellcheck source=docker/base/versions.env
source "$here/versions.env"

if ! type -p mmdebstrap >/dev/null; then
  echo "mmdebstrap is not installed; on Debian and Ubuntu: apt-get install mmdebstrap" >&2
  exit 1
fi
suite="${DEBIAN#*:}"
echo "Making $DEBIAN_OF_PACKAGES from Debian's packages ..." >&2
mmdebstrap --quiet --variant=minbase "${suite%-slim}" - "$@" | docker import - "$DEBIAN_OF_PACKAGES" >/dev/null
