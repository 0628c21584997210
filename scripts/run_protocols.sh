#!/bin/sh
# scripts/run_protocols.sh FOLDER VARIANT DATA PRESET FROM [ARGUMENT…]: runs an experiment under both of the authors' protocols, then
# compares them: the gain from choosing checkpoints on the test fold. Finished runs are not repeated. The arguments are
# those of scripts/run.sh.
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
