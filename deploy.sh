#!/usr/bin/env bash
# The image machine's commands; `./deploy.sh` alone prints them.
set -Eeuo pipefail

here="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)"
readonly here
trap 'printf "deploy.sh stopped at line %s: %s\n" "${LINENO}" "${BASH_COMMAND}" >&2' ERR

fail() {
  printf '%s\n' "$1" >&2
  exit "${2:-1}"
}

wrong_usage() {
  fail "$1 \`./deploy.sh\` lists the commands." 2
}

# shellcheck source=shared/controlplane/python.sh
source "${here}/shared/controlplane/python.sh"

# Prints the Python of .machine/, which has boto3, the emulator and awscli; makes it at first use.
machine_python() {
  local python
  python="$(python::find)" || exit
  "${python}" -E -s "${here}/shared/controlplane/environment.py" || exit
}

run_controlplane() {
  local python
  python="$(machine_python)" || exit
  exec "${python}" -E -s -P "${here}/shared/controlplane/__main__.py" "$@"
}

run_deploy() {
  local part
  for part in "${here}"/docker/deploy/*.sh; do
    # shellcheck source=/dev/null
    source "${part}"
  done
  "deploy::$1" "${@:2}"
}

main() {
  case "${1:-}" in
    up | push | destroy) run_deploy "$@" ;;
    *) run_controlplane "$@" ;;
  esac
}

main "$@"
