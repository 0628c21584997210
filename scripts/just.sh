#!/bin/sh
# Runs `just` with the arguments given, on a machine that may not have it: sh scripts/just.sh ck_plus
# Uses the `just` on PATH if it can parse our justfile; else a copy in the user's cache (6 MB, from pip;
# where pip has none for this platform, built by cargo).
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
version=1.59.0
home=${XDG_CACHE_HOME:-$HOME/.cache}/faus/just-$version

install_just() {
    rm -rf "$home"
    mkdir -p "$(dirname "$home")"
    temporary=$(mktemp -d "$home.tmp-XXXXXX")
    trap 'rm -rf "$temporary"' EXIT
    echo "The command runner just is not installed yet: installing just $version (6 MB) into $home." >&2
    if ! python3 -m pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: --require-hashes \
        --target "$temporary" --requirement "$root/scripts/just-requirements.txt" 2>"$temporary/log"; then
        echo "pip has none for this machine; cargo builds it (2 minutes)." >&2
        if ! cargo install --quiet --locked just --version "$version" --root "$temporary"; then
            echo "set-up: just cannot be fetched. pip's message:" >&2
            cat "$temporary/log" >&2
            echo "Check the network and the proxy, or install just yourself, and run again." >&2
            exit 1
        fi
    fi
    rm -f "$temporary/log"
    mv "$temporary" "$home" 2>/dev/null || true # another set-up may have been first
    trap - EXIT
}

sh "$root/scripts/check_tools.sh"
just=$(command -v just || true)
if [ -z "$just" ] || ! "$just" --justfile "$root/justfile" --summary >/dev/null 2>&1; then
    just=$home/bin/just
    [ -x "$just" ] || install_just
fi
exec "$just" --justfile "$root/justfile" "$@"
