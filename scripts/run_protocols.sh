#!/bin/sh
# scripts/run_protocols.sh FOLDER VARIANT DATA PRESET FROM [ARGUMENT…]: runs an experiment under both of the authors' protocols, then
# sets them side by side: what is it worth to choose checkpoints on the test fold? What is finished is not done again. The
# arguments are those of scripts/run.sh.
set -eu

for argument in "$@"; do
    case $argument in
    --out | --out=*) echo "each protocol has its own run folder; leave --out out" >&2 && exit 2 ;;
    esac
done
runs= failed=0
for protocol in paper-2017 paper-2015; do
    # The last line is where the report lies; a run with a failed fold has one as well.
    report=$(sh scripts/run.sh "$@" --set "train.protocol=$protocol") || failed=1
    report=$(printf '%s\n' "$report" | tail -n 1)
    case $report in
    */report/index.html) runs="$runs${runs:+ }${report%/report/index.html}" ;;
    *) echo "$protocol has no result" >&2 && exit 1 ;;
    esac
done
# Made by `faus run` from the experiment's name, the preset and the protocol: no spaces in them.
# shellcheck disable=SC2086
"${CARGO_TARGET_DIR:-target}/release/faus" compare $runs
exit "$failed"
