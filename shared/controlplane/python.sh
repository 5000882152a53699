# Finding a Python. Sourced.
# shellcheck shell=bash

# Prints the first Python on PATH for which the pinned packages exist; fails with a sentence where there is none.
python::find() {
  local candidate
  for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if "${candidate}" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null; then
      printf '%s\n' "${candidate}"
      return
    fi
  done
  if command -v python3 >/dev/null; then
    echo "$(python3 --version 2>&1) is on PATH, and Python 3.11 to 3.14 is needed: install one of them beside it." >&2
  else
    echo 'No python3 is on PATH: install Python 3.11 to 3.14 (Debian and Ubuntu: sudo apt install python3 python3-venv).' >&2
  fi
  return 1
}
