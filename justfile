# faus: common tasks as commands. `just` alone lists them; without just: sh scripts/just.sh COMMAND

set positional-arguments
set ignore-comments

# For the experiments; also accepted after the command: just ck_plus variant=cnn_a preset=quick, then flags of `faus run`
variant := "cnn_ad"
data := ""
preset := ""

run := "sh scripts/run.sh"
settings := quote(variant) + " " + quote(data) + " " + quote(preset) + " " + quote(invocation_directory())
binary := env_var_or_default("CARGO_TARGET_DIR", "target") / "release/faus"

# The commit that a run records as its program's; empty without git
export FAUS_COMMIT := `git describe --always --dirty --abbrev=12 --match= 2>/dev/null || true`

# The crates that do not need libtorch
plain_crates := "faus-base faus-data faus-synth faus-fau faus-report"

[private]
default:
    @{{ quote(just_executable()) }} --justfile {{ quote(justfile()) }} --list --unsorted

# CK+, eight classes: training to report
[group('experiments [variant= data= preset=, flags of `faus run`]')]
[no-exit-message]
ck_plus *arguments: setup
    @{{ run }} ck_plus {{ settings }} "$@"

# CK+, all four variants and their comparison
[group('experiments [variant= data= preset=, flags of `faus run`]')]
[no-exit-message]
ck_plus_all *arguments: setup
    @sh scripts/run_all.sh ck_plus {{ quote(data) }} {{ quote(preset) }} {{ quote(invocation_directory()) }} "$@"

# CK+ under both of the authors' protocols
[group('experiments [variant= data= preset=, flags of `faus run`]')]
[no-exit-message]
ck_plus_protocols *arguments: setup
    @sh scripts/run_protocols.sh ck_plus {{ settings }} "$@"

# CK+, six classes
[group('experiments [variant= data= preset=, flags of `faus run`]')]
[no-exit-message]
ck_plus_six_class *arguments: setup
    @{{ run }} ck_plus_six_class {{ settings }} "$@"

# CK+, six classes, both protocols
[group('experiments [variant= data= preset=, flags of `faus run`]')]
[no-exit-message]
ck_plus_six_class_protocols *arguments: setup
    @sh scripts/run_protocols.sh ck_plus_six_class {{ settings }} "$@"

# The Toronto Face Database
[group('experiments [variant= data= preset=, flags of `faus run`]')]
[no-exit-message]
tfd *arguments: setup
    @{{ run }} tfd {{ settings }} "$@"

# The Toronto Face Database, both protocols
[group('experiments [variant= data= preset=, flags of `faus run`]')]
[no-exit-message]
tfd_protocols *arguments: setup
    @sh scripts/run_protocols.sh tfd {{ settings }} "$@"

# Example: your own network
[group('examples of your own parts')]
[no-exit-message]
swap_model *flags: setup
    cargo run --release --package swap-model -- "$@"

# Example: your own data source
[group('examples of your own parts')]
[no-exit-message]
swap_source *flags: setup
    cargo run --release --package swap-source -- "$@"

# Example: your own explanation method
[group('examples of your own parts')]
[no-exit-message]
swap_method *flags: setup
    cargo run --release --package swap-method -- "$@"

# Example: your own association measure
[group('examples of your own parts')]
[no-exit-message]
swap_measure *flags: setup
    cargo run --release --package swap-measure -- "$@"

# Draws the synthetic CK+ [folder, flags of `faus synth`]
[group('experiments [variant= data= preset=, flags of `faus run`]')]
[no-exit-message]
synth output="data/synthetic-ck" *flags: build
    @shift $(( $# > 0 ? 1 : 0 )); {{ binary }} synth --out {{ quote(output) }} "$@"

# Versions, threads, CUDA or the reason why there is none
[group('set-up')]
[no-exit-message]
doctor: build
    @{{ binary }} doctor

# Finds or fetches libtorch 2.11.0
[group('set-up')]
[no-exit-message]
setup:
    @sh scripts/check_tools.sh
    @python3 scripts/setup_libtorch.py

# The release binary, target/release/faus
[group('set-up')]
[no-exit-message]
build: setup
    cargo build --release --package faus-runner --bin faus

# All tests
[group('development')]
[no-exit-message]
test: setup test-scripts
    cargo test --workspace

# Tests of the set-up itself
[group('development')]
[no-exit-message]
test-scripts:
    python3 -m unittest discover --start-directory scripts/tests

# The report in chromium; fetches axe-core (3 MB) with npm
[group('development')]
[no-exit-message]
test-report:
    npm ci --silent --prefix tests/axe
    cargo test --package faus-tests --test browser

# The crates that need no libtorch, one by one
[group('development')]
[no-exit-message]
test-crates:
    # LIBTORCH=none: fails if one of them starts to depend on tch
    @for crate in {{ plain_crates }}; do echo "== $crate"; LIBTORCH=none cargo test --package "$crate" || exit; done

# Formatting and clippy, warnings are errors
[group('development')]
[no-exit-message]
lint: setup
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# Formats the code
[group('development')]
fmt:
    cargo fmt --all

# Fuzzes every reader; needs cargo-fuzz [inputs for each]
[group('development')]
[no-exit-message]
fuzz runs="1000000":
    sh scripts/fuzz.sh {{ quote(runs) }}

# What CI runs: lint and all tests
[group('development')]
[no-exit-message]
ci: lint test-scripts test-crates
    cargo test --workspace {{ replace_regex(plain_crates, '(\S+)', '--exclude $1') }}

# Speed against PyTorch and others [train|viz|data|predict|all]
[group('development')]
[no-exit-message]
bench-peers work="all" *flags: setup
    @shift $(( $# > 0 ? 1 : 0 )); sh scripts/bench_peers.sh {{ quote(work) }} "$@"

# Removes cargo's build, nothing else
[group('set-up')]
clean:
    cargo clean

# Removes libtorch and just from the user's cache
[group('set-up')]
clean-cache:
    rm -rf "${XDG_CACHE_HOME:-$HOME/.cache}/faus" .libtorch
