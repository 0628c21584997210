#!/bin/sh
# scripts/run_protocols.sh FOLDER VARIANT DATA PRESET FROM [ARGUMENT…]: runs an experiment under both of the authors' protocols, then
# sets them side by side: what is it worth to choose checkpoints on the test fold? What is finished is not done again. The
# arguments are those of scripts/run.sh.
set -eu
. scripts/gather.sh

for argument in "$@"; do
    case $argument in
    --out | --out=*) echo "each protocol has its own run folder; leave --out out" >&2 && exit 2 ;;
    esac
done
for protocol in paper-2017 paper-2015; do
    gather "$protocol" sh scripts/run.sh "$@" --set "train.protocol=$protocol"
done
compare_gathered
