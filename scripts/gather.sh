# scripts/gather.sh, to be sourced: collects runs and compares them when all have ended.

runs= failed=0

# gather NAME COMMAND…: runs the command, whose last line is the path of the report (even if a fold failed), and
# remembers its folder.
gather() {
    name=$1
    shift
    report=$("$@") || failed=1
    report=$(printf '%s\n' "$report" | tail -n 1)
    case $report in
    */report/index.html) runs="$runs${runs:+ }${report%/report/index.html}" ;;
    *) echo "$name has no result" >&2 && exit 1 ;;
    esac
}

# Compares the collected runs; the exit status is 1 if a run had a failed fold.
compare_gathered() {
    # Folder names from `faus run` (experiment, preset, protocol) contain no spaces.
    # shellcheck disable=SC2086
    "${CARGO_TARGET_DIR:-target}/release/faus" compare $runs
    exit "$failed"
}
