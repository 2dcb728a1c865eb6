#!/usr/bin/env bash
# Checks the `rust-version` of Cargo.toml as far as the toolchains on this machine allow, and says how far that was.
set -euo pipefail
cd "$(dirname "$0")/.."

stated=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' Cargo.toml)
[[ -n $stated ]] || { echo "msrv: Cargo.toml states no rust-version"; exit 1; }
here=$(rustc --version | awk '{ print $2 }')
not_above() { [[ $(printf '%s\n' "$1" "$2" | sort -V | head -n 1) == "$1" ]]; }

if ! not_above "$stated" "${here%%-*}"; then
    echo "msrv: Cargo.toml says rust-version $stated, but this toolchain is only $here"
    exit 1
fi

cargo=(cargo)
if [[ $here == "$stated"* ]]; then
    proves="this toolchain is that version, so the build proves it"
elif exact=$(rustup toolchain list 2>/dev/null | grep -oE "^$stated(\.[0-9]+)?-[^ ]+" | head -n 1) && [[ -n $exact ]]; then
    cargo=(cargo "+$exact")
    proves="toolchain $exact is installed and was used, so the build proves it"
else
    proves="only $here is here, so the build proves no more than that $stated is not too high; clippy's incompatible_msrv checks the library calls"
fi

"${cargo[@]}" check --workspace --all-targets --all-features --locked
echo "msrv: rust-version $stated: $proves"
