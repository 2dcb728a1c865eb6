#!/usr/bin/env bash
# `tenure serve` with Python requests as its client.
# shellcheck source=interop/server.sh
source "$(dirname "$0")/server.sh"
need_python requests
serve
python_checks requests "$url" "$www"
check "what was put is stored" cmp "$www/big.bin" "$www/in/put"
check "what a generator made is stored" cmp <(seq -f 'line %g' 1 2000) "$www/in/generated"
finish
