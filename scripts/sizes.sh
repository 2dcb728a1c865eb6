#!/usr/bin/env bash
# How long the Rust files are, in lines of code: comments, blank lines and tests not counted.
# Over 500 fails: such a file has more than one subject. Over 250 is listed, to be looked at.
set -euo pipefail
cd "$(dirname "$0")/.."
limit=500 look=250

mapfile -t files < <(git ls-files --cached --others --exclude-standard -- '*.rs' | grep -vE '(^|/)tests(/|\.rs$)|_tests?\.rs$' | sort -u)
existing=()
for file in "${files[@]}"; do [[ -f $file ]] && existing+=("$file"); done
(( ${#existing[@]} > 0 )) || { echo "sizes: no Rust files found"; exit 1; }

counts=$(perl scripts/rust-code.pl "${existing[@]}" | cut -d: -f1 | sort | uniq -c | sort -rn)
awk -v limit="$limit" -v look="$look" '
    $1 > limit { print "too long, split it: " $1 " lines of code in " $2; bad = 1; next }
    $1 > look  { print "over " look ": " $1 " lines of code in " $2 }
    { total += $1; files++ }
    END { if (!bad) print "sizes: " files " files, " total " lines of code, none over " limit; exit bad }' <<<"$counts"
