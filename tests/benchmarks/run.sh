#!/usr/bin/env bash
# The measurements, each by its name; what they need besides the project is created first, in .machine/bench.
#
#   tests/benchmarks/run.sh compare [PICTURE ...]   beside sharp, libvips and plain Pillow
#   tests/benchmarks/run.sh ablation                what each optimisation earns, beside its lines of code
#   tests/benchmarks/run.sh path                    the machine's own work around the codec, in CPU time
#   tests/benchmarks/run.sh batch                   a batch with a slow S3: how much of the waiting is hidden
#   tests/benchmarks/run.sh coldstart               from process start to ready, and to the first result
#   tests/benchmarks/run.sh memory                  peak memory, and the cheapest memory size
#   tests/benchmarks/run.sh throughput              deploy.sh local beside the bare codec
#   tests/benchmarks/run.sh capacity                what a burst takes and costs on AWS; needs nothing but Python
#   tests/benchmarks/run.sh audit                   an audit of many keys: its rate, and its memory
#
# Each prints its options with --help.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
export BENCH_HOME="${BENCH_HOME:-$root/.machine/bench}"
export PYTHONPATH="$root/tests:$root/shared"

case "${1-}" in
    capacity) exec "${PYTHON:-python3}" -m benchmarks.capacity "${@:2}" ;;
    audit)
        # On the control plane's own Python, which has the emulator.
        python=$("${PYTHON:-python3}" -E -s "$root/shared/controlplane/environment.py")
        exec "$python" -m benchmarks.audit "${@:2}"
        ;;
    compare | ablation | path | batch | coldstart | memory | throughput) ;;
    *)
        sed -n '2,/^set/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
        exit 2
        ;;
esac
"$here/setup.sh"
exec "$BENCH_HOME/stock/bin/python" -m "benchmarks.$1" "${@:2}"
