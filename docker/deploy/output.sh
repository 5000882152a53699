# What a person sees. Sourced.
# shellcheck shell=bash

output::step() {
  printf '%s\n' "$1 ..." >&2
}

output::line() {
  printf '  %s\n' "$1" >&2
}
