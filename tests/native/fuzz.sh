#!/bin/sh
# Runs each fuzzer on what was found before, and then on what it thinks of itself, from seeds.
#
#   fuzz.sh FUZZERS SEEDS FINDINGS SECONDS [SEED]     SECONDS for all of them together; SEED where they are to think of
#                                                     the same each time
#
# A file that ends a fuzzer is left in FINDINGS/<fuzzer>/, where every later run begins with it: what was found once is
# tried always. Exit status: 0 nothing was found, else 1.
set -eu

fuzzers="$1" seeds="$2" findings="$3" seconds="$4" seed="${5:-0}"
share=$((seconds / 3))
found=0
work="$(mktemp -d)"
# What Python keeps until it ends is no leak of ours.
export ASAN_OPTIONS=detect_leaks=0:allocator_may_return_null=1
for name in jpeg png pixels; do
    mkdir -p "$findings/$name" "$work/$name"
    known=0
    for file in "$findings/$name"/*; do
        [ -f "$file" ] || continue
        known=$((known + 1))
        if ! "$fuzzers/$name" "$file" >"$work/log" 2>&1; then
            cat "$work/log"
            echo "fuzz.sh: $name still ends on $file" >&2
            found=1
        fi
    done
    if ! "$fuzzers/$name" -max_total_time="$share" -seed="$seed" -timeout=10 -rss_limit_mb=3000 -max_len=8192 -print_final_stats=1 \
        -artifact_prefix="$findings/$name/" "$work/$name" "$seeds/$name" >"$work/log" 2>&1; then
        tail -n 60 "$work/log"
        echo "fuzz.sh: $name has found something: see $findings/$name" >&2
        found=1
    fi
    tried="$(sed -n 's/^stat::number_of_executed_units: *//p' "$work/log")"
    reached="$(sed -n 's/.* cov: \([0-9]*\) .*/\1/p' "$work/log" | tail -n 1)"
    echo "$name: $known found before, ${tried:-no} inputs in $share s, ${reached:-no} edges reached"
done
rm -rf "$work"
exit "$found"
