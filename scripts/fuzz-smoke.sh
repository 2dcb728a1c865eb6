#!/usr/bin/env bash
# Runs each fuzz target over the corpus in the tree, and on for a few seconds: SECONDS_EACH (default 5), from SEED
# (default 1: a check of a change shall not fail by chance; 0 takes another one each time).
# What it finds goes to a temporary folder, so the tree's corpus stays as it is; a crash fails and is kept.
set -euo pipefail
cd "$(dirname "$0")/.."

[[ -f fuzz/Cargo.toml ]] || { echo "skipped: there is no fuzz/Cargo.toml"; exit 0; }
if ! cargo fuzz --version >/dev/null 2>&1; then
    echo "skipped: cargo-fuzz is not installed (cargo install --locked cargo-fuzz)"
    [[ ${CI:-} != true ]] || exit 1
    exit 0
fi

# The fuzzer's instrumentation is an unstable compiler flag. No sanitizer: the code under test has no unsafe code,
# and without one the targets run several times as often.
export RUSTC_BOOTSTRAP=1
fuzz() { cargo fuzz "$1" --sanitizer none "${@:2}"; }

# What cargo and libFuzzer say on every run; panics and the statistics that matter stay.
noise='^(INFO|WARNING: Failed to find function|stat::(new_units|slowest|average)|###### |".*" # Uses: | +(Finished|Running|Blocking) )'

found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT
fuzz build
for target in $(cargo fuzz list); do
    mkdir -p "$found/$target" "fuzz/corpus/$target"
    echo "fuzz-smoke: $target"
    fuzz run "$target" "$found/$target" "fuzz/corpus/$target" -- \
        -max_total_time="${SECONDS_EACH:-5}" -seed="${SEED:-1}" -timeout=10 -rss_limit_mb=2048 -verbosity=0 -print_final_stats=1 2>&1 |
        grep -vE "$noise" || { echo "fuzz-smoke: $target failed"; exit 1; }
done
