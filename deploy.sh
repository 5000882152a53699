#!/usr/bin/env bash
# The image machine's commands; `./deploy.sh` alone prints them. Finds a Python and hands over to shared/controlplane.
set -Eeuo pipefail

here="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)"
# shellcheck source=shared/controlplane/python.sh
source "${here}/shared/controlplane/python.sh"

python="$(python::find)" || exit
# That of .machine/, which has what the control plane needs; it is made at first use.
python="$("${python}" -E -s "${here}/shared/controlplane/environment.py")" || exit
exec "${python}" -E -s -P "${here}/shared/controlplane/__main__.py" "$@"
