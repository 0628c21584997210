#!/bin/sh
# scripts/run_all.sh FOLDER DATA PRESET FROM [ARGUMENT…]: runs the variants cnn, cnn_a, cnn_d and cnn_ad of an experiment, then
# sets them side by side. What is finished is not done again. The arguments are those of scripts/run.sh.
set -eu

folder=$1 data=$2 preset=$3 from=$4
shift 4
for argument in "$@"; do
    case $argument in
    variant=*) echo "this runs every variant; leave $argument out" >&2 && exit 2 ;;
    --out | --out=*) echo "every variant has its own run folder; leave --out out" >&2 && exit 2 ;;
    esac
done
runs= failed=0
for variant in cnn cnn_a cnn_d cnn_ad; do
    # The last line is where the report lies; a run with a failed fold has one as well.
    report=$(sh scripts/run.sh "$folder" "$variant" "$data" "$preset" "$from" "$@") || failed=1
    report=$(printf '%s\n' "$report" | tail -n 1)
    case $report in
    */report/index.html) runs="$runs${runs:+ }${report%/report/index.html}" ;;
    *) echo "$folder/$variant has no result" >&2 && exit 1 ;;
    esac
done
# Made by `faus run` from the experiment's name and the preset: no spaces in them.
# shellcheck disable=SC2086
"${CARGO_TARGET_DIR:-target}/release/faus" compare $runs
exit "$failed"
