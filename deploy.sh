#!/usr/bin/env bash
# The image machine's commands; `./deploy.sh` alone prints them.
set -Eeuo pipefail

here="$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)"
readonly here
trap 'printf "deploy.sh stopped at line %s: %s\n" "${LINENO}" "${BASH_COMMAND}" >&2' ERR

usage() {
  cat <<'TEXT'
Image Machine: an upload lands in a bucket, seconds later its variants are there.

  ./deploy.sh local [PATH ...] [--out DIR] [--processes | --containers] [--keep]
      Run the whole machine on this computer, on pictures and folders of yours; no AWS account is needed.

  ./deploy.sh up [--stack NAME] [SETTING=VALUE ...]
      Build the images, push them to ECR, create or update the stack. Run again, it changes only what changed.

  ./deploy.sh push [--stack NAME] [VARIANT ...]
      Build, push and update only these functions; all of them if none is named.

  ./deploy.sh destroy [--stack NAME] [--yes] [--delete-pictures]
      Take the stack away again, after asking; buckets with pictures in them are kept.

`./deploy.sh COMMAND --help` says more about a command.
TEXT
}

fail() {
  printf '%s\n' "$1" >&2
  exit "${2:-1}"
}

wrong_usage() {
  fail "$1 \`./deploy.sh\` lists the commands." 2
}

# shellcheck source=docker/local/python.sh
source "${here}/docker/local/python.sh"

# Prints the Python of .machine/, which has boto3, the emulator and awscli; makes it at first use.
machine_python() {
  local python
  python="$(python::find)" || exit
  "${python}" -E -s "${here}/docker/local/environment.py" || exit
}

run_local() {
  local python
  python="$(python::find)" || exit
  exec "${python}" -E -s "${here}/docker/local/main.py" "$@"
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
    '' | -h | --help | help) usage ;;
    local) run_local "${@:2}" ;;
    up | push | destroy) run_deploy "$@" ;;
    *) wrong_usage "There is no command \"$1\"." ;;
  esac
}

main "$@"
