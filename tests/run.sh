#!/usr/bin/env bash
# Every test this computer can run: fast ones first. Says what it could not run and why.
set -Eeuo pipefail

cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

# shellcheck source=shared/controlplane/python.sh
source shared/controlplane/python.sh

usage() {
  cat <<'TEXT'
tests/run.sh [--checks | --quick] [PYTEST ARGUMENT ...]
tests/run.sh eye [PYTEST ARGUMENT ...]
tests/run.sh mutants [--seed N] [--count 200] [--only PATH] [--wide]
tests/run.sh aws [--yes]
tests/run.sh fuzz [--seconds 3600]

  Checks the code, then runs the tests: unit, contract, integration on the emulated account, and with a Docker
  engine the containers. The first use makes an environment below .machine/ from pinned, hashed packages.

  --checks    the checks of the code only
  --quick     checks, unit and contract tests only
  eye         every kind of picture that is claimed, in every variant, as libvips sees it; all variants against each other
  mutants     deliberate mistakes, one at a time in a copy of the code: says which of them no test notices
  aws         the life of a stack on a real account, yours: says what it will make and what it costs, and asks
  fuzz        our changes to C that reads uploads, beside the unchanged libraries; what is found is kept in tests/native
  anything else goes to pytest, and replaces the choice of tests: tests/run.sh tests/unit -k keys
TEXT
}

step() {
  printf '\n== %s\n' "$1"
}

# Modules, not scripts: an environment's scripts remember the path it was made at.
lint() {
  step 'ruff'
  "${python}" -m ruff check .
  "${python}" -m ruff format --check --quiet .
  step 'mypy --strict'
  "${python}" -m mypy shared/imagemachine docker/base shared/controlplane tests
  local variant
  for variant in images/*/app.py; do "${python}" -m mypy "${variant}"; done
  step 'import order'
  PYTHONPATH=shared "${python}" -c 'import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())' \
    | tail -n 4
  step 'cfn-lint'
  "${python}" -c 'from cfnlint.runner import main; main()' shared/stack.yaml
  step 'shellcheck'
  git ls-files -z -- '*.sh' .ci/run .ci/engine | xargs -0 "$(dirname -- "${python}")/shellcheck" --external-sources
}

# Why our changes to C cannot be fuzzed here, as a sentence; says nothing where they can.
no_fuzz() {
  # shellcheck source=docker/base/engine.sh
  source docker/base/engine.sh
  engine::answers 2>&1 || return 0
  if ! grep --quiet --word-regexp avx2 /proc/cpuinfo 2>/dev/null; then
    echo 'Our changes to C are made for x86 processors with AVX2, and this is none.'
  fi
}

# The fuzzers of tests/native, for so many seconds in all; from a seed, so that a run finds what the last one would have.
fuzz() {
  TARGET=fuzz docker/base/build.sh image-machine-fuzz
  docker run --rm --init --network none --user "$(id -u):$(id -g)" \
    --volume "${PWD}/tests/native/findings:/findings" image-machine-fuzz "$@"
}

# tests/run.sh fuzz [--seconds N]
fuzz_asked() {
  local why
  why="$(no_fuzz)"
  if [[ -n ${why} ]]; then echo "${why}" >&2 && exit 1; fi
  case "${1:-}" in
    '') fuzz 3600 ;;
    --seconds) fuzz "${2:?takes a number}" ;;
    *) usage >&2 && exit 2 ;;
  esac
}

main() {
  local quick='' checks=''
  case "${1:-}" in
    -h | --help) usage && return ;;
    --checks) checks=yes && shift ;;
    --quick) quick=yes && shift ;;
    fuzz)
      fuzz_asked "${@:2}"
      return
      ;;
  esac
  python="$(python::find)" || exit 1
  python="$("${python}" -E -s shared/controlplane/environment.py tests tests/requirements.txt)" || exit 1
  export PYTHONDONTWRITEBYTECODE=1
  case "${1:-}" in
    eye) exec "${python}" -m pytest --numprocesses 2 tests/eye "${@:2}" ;;
    mutants)
      local changer
      changer="$("$(python::find)" -E -s shared/controlplane/environment.py mutants tests/mutants/requirements.txt)" || exit 1
      exec "${changer}" tests/mutants/mutants.py --python "${python}" "${@:2}"
      ;;
    aws) PYTHONPATH=tests:shared exec "${python}" tests/real.py "${@:2}" ;;
  esac
  if (($# > 0)); then
    exec "${python}" -m pytest "$@"
  fi
  lint
  if [[ -n ${checks} ]]; then return; fi
  step 'unit and contract tests'
  "${python}" -m pytest --numprocesses 2 tests/unit tests/contract
  if [[ -n ${quick} ]]; then return; fi
  step 'the eyes of another library'
  "${python}" -m pytest --numprocesses 2 tests/eye
  step 'hostile files'
  "${python}" -m pytest --numprocesses 2 tests/hostile
  "${python}" tests/hostile/fuzz.py --seconds 10 --seed 1
  step 'our changes to C, fuzzed'
  local why
  why="$(no_fuzz)"
  if [[ -n ${why} ]]; then echo "Not fuzzed. ${why}"; else fuzz 60 1; fi
  step 'integration tests on the emulated account'
  "${python}" -m pytest --numprocesses 4 --dist loadfile -m 'not docker' tests/integration
  step 'integration tests with containers'
  "${python}" -m pytest -m docker tests/integration
}

main "$@"
