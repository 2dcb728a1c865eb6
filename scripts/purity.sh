#!/usr/bin/env bash
# The core, crates/proto, does no I/O and reads no clock: bytes and times are its arguments, events its results.
# Fails with each dependency or source line that breaks this. Tests and comments may mention what they like.
set -euo pipefail
cd "$(dirname "$0")/.."

core=${1:-crates/proto}
crates='tokio|mio|socket2|rustix|libc|async-io|async-std|smol|tracing|tracing-core|log|metrics|rand|getrandom'
modules='net|thread|fs|process|env' # of std; `core::net` has addresses as values and no sockets, so it may be used
line='^[^:]+:[0-9]+:'               # what rust-code.pl puts before the text
failed=0

tree=$(cargo tree --manifest-path "$core/Cargo.toml" --edges normal,build --all-features --target all --prefix none)
if found=$(grep -E "^($crates) v" <<<"$tree" | sort -u); then
    echo "purity: $core must not depend on:"
    printf '%s\n' "$found"
    failed=1
fi

mapfile -t files < <(find "$core/src" -name '*.rs' ! -name 'tests.rs' ! -path '*/tests/*' | sort)
(( ${#files[@]} > 0 )) || { echo "purity: no source found in $core/src"; exit 1; }
code=$(perl scripts/rust-code.pl "${files[@]}")
if found=$(grep -E \
    -e "$line.*\bstd::($modules)\b" \
    -e "$line.*\buse std::\{(.*[^a-z_])?($modules)\b" \
    -e "$line\s+($modules)(::|,)" \
    -e "$line.*\b(Instant|SystemTime)::now\b" \
    -e "$line.*\b(tokio|tracing|log)::" \
    -e "$line.*\b(e?println|e?print|dbg|thread_local)!" <<<"$code"); then
    echo "purity: $core must not mention I/O, clocks, threads or loggers:"
    printf '%s\n' "$found"
    failed=1
fi

(( failed == 0 )) || exit 1
echo "purity: ${#files[@]} files of $core and its dependencies are free of I/O, clocks, threads and loggers"
