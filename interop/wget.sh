#!/usr/bin/env bash
# `tenure serve` with wget as its client: it follows the listings and says how many connections it needed.
# shellcheck source=interop/server.sh
source "$(dirname "$0")/server.sh"
need wget
serve
rmdir "$www/in" # so that the copy must equal the folder

fetch() { wget --tries=1 --timeout=30 "$@" 2>"$tmp/wget.log"; }

echo "# a whole folder by its listings"
check "wget -r fetches it" fetch -r -np -nH -e robots=off --restrict-file-names=unix,nocontrol -P "$tmp/copy" "$url/"
find "$tmp/copy" -name 'index.html*' -delete # the listings
check "every digest is equal" same_files "$www" "$tmp/copy"
equal "over one connection" 1 "$(grep -c '^Connecting to .* connected' "$tmp/wget.log")"
check "reused for the rest" test "$(grep -c '^Reusing existing connection' "$tmp/wget.log")" -ge "$files"

echo "# the rest of a file"
mkdir "$tmp/rest"
head -c 1000 "$www/big.bin" >"$tmp/rest/big.bin"
check "wget -c fetches it" fetch -c -P "$tmp/rest" "$url/big.bin"
check "with 206" grep -q '206 Partial Content' "$tmp/wget.log"
check "and the file is whole" cmp "$www/big.bin" "$tmp/rest/big.bin"
check "wget -c of a whole file" fetch -c -P "$tmp/rest" "$url/big.bin"
check "fetches nothing" grep -q 'fully retrieved; nothing to do' "$tmp/wget.log"
check "wget -N of an unchanged file" fetch -N -P "$tmp/rest" "$url/big.bin"
check "fetches nothing" grep -qE '304 Not Modified|not modified on server' "$tmp/wget.log"

finish
