#!/bin/sh
# scripts/run_all.sh FOLDER DATA PRESET FROM [ARGUMENT…]: runs the variants cnn, cnn_a, cnn_d and cnn_ad of an experiment, then
# compares them. Finished runs are not repeated. The arguments are those of scripts/run.sh.
set -eu
. scripts/gather.sh

folder=$1 data=$2 preset=$3 from=$4
shift 4
for argument in "$@"; do
    case $argument in
    variant=*) echo "this runs every variant; leave $argument out" >&2 && exit 2 ;;
    --out | --out=*) echo "every variant has its own run folder; leave --out out" >&2 && exit 2 ;;
    esac
done
for variant in cnn cnn_a cnn_d cnn_ad; do
    gather "$folder/$variant" sh scripts/run.sh "$folder" "$variant" "$data" "$preset" "$from" "$@"
done
compare_gathered
