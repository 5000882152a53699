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

# The first Python on PATH for which the pinned packages exist.
find_python() {
  local candidate
  for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if "${candidate}" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null; then
      printf '%s\n' "${candidate}"
      return
    fi
  done
  if command -v python3 >/dev/null; then
    fail "$(python3 --version 2>&1) is on PATH, and Python 3.11 to 3.14 is needed: install one of them beside it."
  fi
  fail 'No python3 is on PATH: install Python 3.11 to 3.14 (Debian and Ubuntu: sudo apt install python3 python3-venv).'
}

# Prints the Python of .machine/, which has boto3, the emulator and awscli; makes it at first use.
machine_python() {
  local python
  python="$(find_python)" || exit
  "${python}" -E -s "${here}/docker/local/environment.py" || exit
}

run_local() {
  local python
  python="$(find_python)" || exit
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
