#!/bin/sh
# scripts/bench_peers.sh WORK [ARGUMENT…]: benchmarks against Python libraries. WORK is train (a training step against
# PyTorch), viz (a layer's patches against captum), data (preparing and augmenting against OpenCV, scikit-image,
# albumentations, torchvision) or all. The libraries are installed into a virtual environment in the user's cache; the
# faces are synthetic. Arguments are passed on to the benchmark.
set -eu

work=$1
shift
case $work in
train | viz | data | predict | all) ;;
*) echo "just bench-peers train|viz|data|predict|all, not '$work'" >&2 && exit 2 ;;
esac
if [ "$work" = all ] && [ $# -gt 0 ]; then
    echo "flags need a single benchmark: just bench-peers train|viz|data|predict $*" >&2 && exit 2
fi
cache=${XDG_CACHE_HOME:-$HOME/.cache}/faus
target=${CARGO_TARGET_DIR:-target}
python=$cache/peers/bin/python
wanted=$(cksum <benches/peers/requirements.txt)
if [ "$(cat "$cache/peers/installed" 2>/dev/null)" != "$wanted" ]; then
    echo "Installing Python's libraries (about 2 GB to fetch, 6 GB on the disk) into $cache/peers" >&2
    python3 -m venv --clear "$cache/peers"
    "$python" -m pip install --quiet --requirement benches/peers/requirements.txt
    echo "$wanted" >"$cache/peers/installed"
fi
cargo build --release --package faus-runner --bin faus
faus=$target/release/faus
faces=data/synthetic-ck
[ -e "$faces" ] || "$faus" synth --out "$faces"
day=$(date +%Y-%m-%d)

if [ "$work" != data ] && [ "$work" != predict ]; then
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT
    for side in 48 96; do
        "$faus" data prepare --source ck_plus --input "$faces" --out "$scratch/$side" --size "$side"
    done
fi
if [ "$work" = train ] || [ "$work" = all ]; then
    cargo build --release --package faus-train --example peer_step
    "$python" benches/peers/train_pair.py --faus "$faus" --peer-step "$target/release/examples/peer_step" \
        --data "$faces" --prepared "$scratch/48" "$scratch/96" --csv "benches/peers/results/$day-train.csv" "$@"
fi
if [ "$work" = viz ] || [ "$work" = all ]; then
    cargo build --release --package faus-viz --example peer_patches
    "$python" benches/peers/viz_pair.py --peer-patches "$target/release/examples/peer_patches" \
        --prepared "$scratch/96" --csv "benches/peers/results/$day-viz.csv" "$@"
fi
if [ "$work" = data ] || [ "$work" = all ]; then
    cargo build --release --package faus-data --example peer_data
    "$python" benches/peers/pair.py --data "$faces" --target "$target" "$@"
fi
if [ "$work" = predict ] || [ "$work" = all ]; then
    run=runs/ck_plus-cnn_ad-quick
    [ -e "$run/summary.json" ] || "$faus" run experiments/ck_plus/cnn_ad.json --data "$faces" --preset quick --device cpu
    "$python" benches/peers/predict_pair.py --faus "$faus" --run "$run" --data "$faces" "$@"
fi
