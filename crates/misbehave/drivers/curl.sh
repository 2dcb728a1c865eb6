#!/usr/bin/env bash
# The command curl: one run of it for each lane, whose transfers share its connections. See README.md.
set -uo pipefail

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# lane LINES: one curl for these lines of the tour. A pause is a rate: transfers begin so far apart.
lane() {
    local id method url content pause slowest=0 options=(--silent --no-progress-meter)
    : >"$tmp/config"
    while IFS=$'\t' read -r _ id method url content pause; do
        [[ ! -s $tmp/config ]] || echo next
        (( pause <= slowest )) || slowest=$pause
        [[ $method == GET ]] || {
            head -c "$content" /dev/zero | tr '\0' c >"$tmp/$id"
            printf 'data-binary = "@%s"\n' "$tmp/$id"
        }
        printf 'request = "%s"\nurl = "%s"\nheader = "X-Request-Id: %s"\noutput = "/dev/null"\nmax-time = 2\nnoproxy = "*"\n' \
            "$method" "$url" "$id"
        # shellcheck disable=SC1003 # curl's own escapes
        printf '%s\n' 'write-out = "%{exitcode}\t%{http_code}\t%header{x-request-id}\t%{errormsg}\n"'
    done <<<"$1" >>"$tmp/config"
    (( slowest == 0 )) || options+=(--rate "$(( 60000 / slowest ))/m")
    curl -q "${options[@]}" --config "$tmp/config" >"$tmp/told"
    paste <(cut -f2-4 <<<"$1") "$tmp/told" | awk -F'\t' -v OFS='\t' '
        $4 == "" { print $1, $2, $3, "error", "no word of it"; next }
        $4 == 0 { print $1, $2, $3, $5, $6; next }
        { print $1, $2, $3, "error", $7 }' >>"$MISBEHAVE_OUTCOMES"
}

current='' lines=''
while read -r line; do
    if [[ ${line%%$'\t'*} != "$current" ]]; then
        [[ -z $lines ]] || lane "${lines%$'\n'}"
        current=${line%%$'\t'*} lines=''
    fi
    lines+=$line$'\n'
done <"$MISBEHAVE_TOUR"
lane "${lines%$'\n'}"
