# scripts/gather.sh, to be sourced: runs that are set side by side when all have ended.

runs= failed=0

# gather NAME COMMAND…: runs the command, whose last line is where the report lies (a run with a failed fold has one as well), and
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

# Sets what was gathered side by side, and ends with 1 where a run had a failed fold.
compare_gathered() {
    # Made by `faus run` from the experiment's name, the preset and the protocol: no spaces in them.
    # shellcheck disable=SC2086
    "${CARGO_TARGET_DIR:-target}/release/faus" compare $runs
    exit "$failed"
}
