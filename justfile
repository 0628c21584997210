# faus: common tasks as commands. `just` alone lists them; without just: sh scripts/just.sh COMMAND

set positional-arguments
set ignore-comments

# For ck_plus, ck_plus_six_class and tfd; also accepted after the command: just ck_plus variant=cnn_a preset=quick
variant := "cnn_ad"
data := ""
preset := ""

run := "sh scripts/run.sh"
settings := quote(variant) + " " + quote(data) + " " + quote(preset) + " " + quote(invocation_directory())
binary := env_var_or_default("CARGO_TARGET_DIR", "target") / "release/faus"

# The crates that do not need libtorch
plain_crates := "faus-base faus-data faus-synth faus-fau faus-report"

[private]
default:
    @{{ quote(just_executable()) }} --justfile {{ quote(justfile()) }} --list --unsorted

# CK+ with eight classes: trains, evaluates, visualises, reports [variant= data= preset=, then flags of `faus run`]
[no-exit-message]
ck_plus *arguments: setup
    @{{ run }} ck_plus {{ settings }} "$@"

# Every variant of CK+ with eight classes, then the table that compares them [data= preset=, then flags of `faus run`]
[no-exit-message]
ck_plus_all *arguments: setup
    @sh scripts/run_all.sh ck_plus {{ quote(data) }} {{ quote(preset) }} {{ quote(invocation_directory()) }} "$@"

# CK+ under both protocols: the gain from choosing checkpoints on the test fold [variant= data= preset=, then flags of `faus run`]
[no-exit-message]
ck_plus_protocols *arguments: setup
    @sh scripts/run_protocols.sh ck_plus {{ settings }} "$@"

# CK+ with six classes [variant= data= preset=, then flags of `faus run`]
[no-exit-message]
ck_plus_six_class *arguments: setup
    @{{ run }} ck_plus_six_class {{ settings }} "$@"

# CK+ with six classes under both protocols [variant= data= preset=, then flags of `faus run`]
[no-exit-message]
ck_plus_six_class_protocols *arguments: setup
    @sh scripts/run_protocols.sh ck_plus_six_class {{ settings }} "$@"

# The Toronto Face Database [variant= data= preset=, then flags of `faus run`]
[no-exit-message]
tfd *arguments: setup
    @{{ run }} tfd {{ settings }} "$@"

# TFD under both protocols [variant= data= preset=, then flags of `faus run`]
[no-exit-message]
tfd_protocols *arguments: setup
    @sh scripts/run_protocols.sh tfd {{ settings }} "$@"

# Example: an experiment with its own network [flags of its program]
[no-exit-message]
swap_model *flags: setup
    cargo run --release --package swap-model -- "$@"

# Example: an experiment with its own data source [--data FOLDER, flags of its program]
[no-exit-message]
swap_source *flags: setup
    cargo run --release --package swap-source -- "$@"

# Example: an experiment with its own explanation method [flags of its program]
[no-exit-message]
swap_method *flags: setup
    cargo run --release --package swap-method -- "$@"

# Example: an experiment with its own association measure [flags of its program]
[no-exit-message]
swap_measure *flags: setup
    cargo run --release --package swap-measure -- "$@"

# Writes the synthetic CK+ [folder, then flags of `faus synth`]
[no-exit-message]
synth output="data/synthetic-ck" *flags: build
    @shift $(( $# > 0 ? 1 : 0 )); {{ binary }} synth --out {{ quote(output) }} "$@"

# Versions, threads, libtorch, CUDA or the reason why it is unavailable
[no-exit-message]
doctor: build
    @{{ binary }} doctor

# Finds or fetches libtorch 2.11.0; prints its size and destination first
[no-exit-message]
setup:
    @sh scripts/check_tools.sh
    @python3 scripts/setup_libtorch.py

# The release binary, target/release/faus
[no-exit-message]
build: setup
    cargo build --release --package faus-runner --bin faus

# All tests, compiling everything once
[no-exit-message]
test: setup test-scripts
    cargo test --workspace

# The tests of the set-up itself
[no-exit-message]
test-scripts:
    python3 -m unittest discover --start-directory scripts/tests

# The report in a real browser: needs chromium and chromedriver; fetches axe-core (3 MB) with npm
[no-exit-message]
test-report:
    npm ci --silent --prefix tests/axe
    cargo test --package faus-tests --test browser

# The crates that need no libtorch, tested separately: slower than `test`, since each selects its own features
[no-exit-message]
test-crates:
    # LIBTORCH=none: fails if one of them starts to depend on tch
    @for crate in {{ plain_crates }}; do echo "== $crate"; LIBTORCH=none cargo test --package "$crate" || exit; done

# Formatting and clippy, warnings are errors
[no-exit-message]
lint: setup
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# Formats the code
fmt:
    cargo fmt --all

# Fuzzes every reader of external files; needs cargo-fuzz [inputs for each]
[no-exit-message]
fuzz runs="1000000":
    sh scripts/fuzz.sh {{ quote(runs) }}

# What the CI runs: lint, then every test once, the crates without libtorch separately
[no-exit-message]
ci: lint test-scripts test-crates
    cargo test --workspace {{ replace_regex(plain_crates, '(\S+)', '--exclude $1') }}

# Speed compared with PyTorch and other Python libraries, on this machine [train|viz|data|all, then flags of the benchmark]
[no-exit-message]
bench-peers work="all" *flags: setup
    @shift $(( $# > 0 ? 1 : 0 )); sh scripts/bench_peers.sh {{ quote(work) }} "$@"

# Removes cargo's build; keeps runs/, data/ and the libtorch in the cache
clean:
    cargo clean

# Removes libtorch and just from the user's cache, for all checkouts
clean-cache:
    rm -rf "${XDG_CACHE_HOME:-$HOME/.cache}/faus" .libtorch
