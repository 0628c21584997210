#!/bin/sh
# scripts/fuzz.sh [RUNS [TARGET…]]: gives each fuzz target RUNS inputs (a million). A panic, ten seconds without a result,
# one allocation above 128 MB or 1 GB in total is a failure; its input is kept in fuzz/artifacts.
set -eu

cd "$(dirname "$0")/../fuzz"
runs=${1:-1000000}
[ $# -eq 0 ] || shift
[ $# -gt 0 ] || set -- emotion facs landmarks table mat archive layout image detector onnx
if ! cargo fuzz --version >/dev/null 2>&1; then
    echo "fuzz: needs cargo-fuzz (cargo install cargo-fuzz)" >&2
    exit 1
fi
# The sanitizers need a nightly compiler; this variable enables them in a stable one.
if cargo +nightly --version >/dev/null 2>&1; then
    nightly=+nightly
else
    nightly=
    export RUSTC_BOOTSTRAP=1
fi
for target in "$@"; do
    mkdir -p "corpus/$target"
    echo "== $target"
    # shellcheck disable=SC2086
    cargo $nightly fuzz run "$target" "corpus/$target" "seeds/$target" -- \
        -runs="$runs" -max_len=16384 -timeout=10 -malloc_limit_mb=128 -rss_limit_mb=1024 -verbosity=0 -print_final_stats=1
done
