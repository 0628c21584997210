#!/bin/sh
# scripts/run.sh FOLDER VARIANT DATA PRESET FROM [ARGUMENT…]: builds faus and runs experiments/FOLDER/VARIANT.json.
# Among the arguments, variant=, data= and preset= replace the values before them; the rest is passed to `faus run`.
# A relative data= is resolved against the folder FROM. Run in the checkout's root.
set -eu

folder=$1 variant=$2 data=$3 preset=$4 from=$5
shift 5
count=$#
while [ "$count" -gt 0 ]; do
    argument=$1
    shift
    case $argument in
    variant=*) variant=${argument#variant=} ;;
    data=*) data=${argument#data=} ;;
    preset=*) preset=${argument#preset=} ;;
    --) ;;
    *) set -- "$@" "$argument" ;;
    esac
    count=$((count - 1))
done

experiment=experiments/$folder/$variant.json
if [ ! -f "$experiment" ]; then
    names=$(cd "experiments/$folder" && for file in *.json; do printf ' %s' "${file%.json}"; done)
    echo "variant=$variant is unknown for $folder; there are:$names" >&2
    exit 2
fi
if [ -n "$data" ]; then
    case $data in /*) ;; *) data=$from/$data ;; esac
    set -- --data "$data" "$@"
fi
[ -z "$preset" ] || set -- --preset "$preset" "$@"
cargo build --release --package faus-runner --bin faus
exec "${CARGO_TARGET_DIR:-target}/release/faus" run "$experiment" "$@"
