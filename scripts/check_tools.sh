#!/bin/sh
# Reports which of the three tools that set-up cannot install is missing, and where to get it.
set -eu

missing() {
    echo "set-up: $1" >&2
    exit 1
}

command -v cargo >/dev/null 2>&1 ||
    missing "cargo is not on PATH. Install Rust (https://rustup.rs), open a new shell and run again."
command -v python3 >/dev/null 2>&1 ||
    missing "python3 is not on PATH. Install Python 3.8 or newer with pip (Debian and Ubuntu: apt install python3-pip)."
python3 -c 'import sys; sys.exit(sys.version_info < (3, 8))' ||
    missing "python3 is $(python3 --version 2>&1), and 3.8 or newer is needed."
command -v "${CXX:-c++}" >/dev/null 2>&1 ||
    missing "there is no C++ compiler (${CXX:-c++}). Install one (Debian and Ubuntu: apt install g++; macOS: \
xcode-select --install)."
