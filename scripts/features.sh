#!/usr/bin/env bash
# Builds each library crate with every set of its features: a feature gates whole modules, so each set must stand
# alone and without warnings. Plain cargo, so that nothing needs installing.
set -euo pipefail
cd "$(dirname "$0")/.."

# The names in a manifest's [features] table, `default` left out.
features_of() {
    awk '/^\[/ { inside = ($0 == "[features]") }
         inside && /^[A-Za-z0-9_-]+ *=/ { sub(/ *=.*/, ""); if ($0 != "default") print }' "$1"
}

sets=0
for manifest in crates/*/Cargo.toml; do
    [[ -f ${manifest%Cargo.toml}src/lib.rs ]] || continue
    mapfile -t features < <(features_of "$manifest")
    (( ${#features[@]} <= 5 )) || { echo "features: $manifest has ${#features[@]} features; 2^n builds are too many"; exit 1; }
    for (( mask = 0; mask < 1 << ${#features[@]}; mask++ )); do
        set=""
        for (( i = 0; i < ${#features[@]}; i++ )); do
            (( mask & 1 << i )) && set+="${features[i]},"
        done
        echo "features: $manifest: ${set:-none}"
        cargo clippy --quiet --locked --manifest-path "$manifest" --lib --no-default-features --features "${set%,}" -- -D warnings
        sets=$(( sets + 1 ))
    done
done
(( sets > 0 )) || { echo "features: no library crate found"; exit 1; }
echo "features: $sets sets built"
