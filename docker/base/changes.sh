#!/bin/sh
# Makes our changes to a library's sources: the patches that are named after it, in the order of their names.
#
#   changes.sh DIRECTORY LIBRARY [CHANGE ...]      each CHANGE is the name of a patch to leave out
set -eu

directory="$1" library="$2"
shift 2
for patch in "$(dirname "$0")"/patches/"$library"-*.patch; do
    name="$(basename "$patch" .patch)"
    case " $* " in *" $name "*) continue ;; esac
    if ! patch --quiet --no-backup-if-mismatch --strip=1 --directory="$directory" <"$patch"; then
        echo "changes.sh: $name does not apply; has a change been left out that it builds on?" >&2
        exit 1
    fi
done
