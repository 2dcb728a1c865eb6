# shellcheck shell=bash disable=SC2154
# Loads that run until they are told to stop, and count what failed: for the scripts that end or restart a server under
# them. Source after lib.sh. $url is asked for /small-01.txt; a load writes `asked=N failed=N` as its last line.

load_pids=() load_names=()

# loads NAME…: starts these functions.
loads() {
    local name
    : >"$tmp/loading"
    for name in "$@"; do
        "$name" >"$tmp/$name.out" 2>"$tmp/$name.err" </dev/null &
        load_pids+=($!)
        load_names+=("$name")
    done
    pids+=("${load_pids[@]}")
}

# end_loads: stops them, and checks that each asked and none failed.
end_loads() {
    local i name line
    rm -f "$tmp/loading"
    for i in "${!load_pids[@]}"; do
        name=${load_names[i]}
        wait "${load_pids[i]}"
        line=$(tail -n 1 "$tmp/$name.out")
        if [[ $line =~ ^asked=[1-9][0-9]*\ failed=0$ ]]; then ok "${name%_*}: $line"; else fail "${name%_*}: $line" "$tmp/$name.err"; fi
    done
}

loading() { [[ -e $tmp/loading ]]; }

# curl_loop: three requests on a fresh connection each time.
curl_loop() {
    local asked=0 failed=0
    while loading; do
        asked=$(( asked + 3 ))
        curl -sSf -o /dev/null -o /dev/null -o /dev/null --max-time 10 "$url"/small-0{1,2,3}.txt || failed=$(( failed + 1 ))
    done
    echo "asked=$asked failed=$failed"
}

# unix_loop: the same over the Unix socket $tmp/socket.
unix_loop() {
    local asked=0 failed=0
    while loading; do
        asked=$(( asked + 3 ))
        curl -sSf -o /dev/null -o /dev/null -o /dev/null --max-time 10 --unix-socket "$tmp/socket" http://h/small-0{1,2,3}.txt ||
            failed=$(( failed + 1 ))
    done
    echo "asked=$asked failed=$failed"
}

# get_loop: our own client, many requests over one connection, and no second try.
get_loop() {
    local asked=0 failed=0 urls=()
    for _ in {1..40}; do urls+=("$url/small-01.txt" "$url/big.bin"); done
    while loading; do
        asked=$(( asked + ${#urls[@]} ))
        mkdir -p "$tmp/got"
        tenure get "${urls[@]}" --output-dir "$tmp/got" >"$tmp/get.last" 2>&1 || { failed=$(( failed + 1 )); cat "$tmp/get.last" >&2; }
    done
    echo "asked=$asked failed=$failed"
}

# ab_loop: eight connections, kept; ab ends at the first error of a socket.
ab_loop() {
    local asked=0 failed=0 done_now
    while loading; do
        if ab -q -k -s 10 -c 8 -n 2000 "$url/small-01.txt" >"$tmp/ab.last" 2>&1 && grep -q '^Failed requests: *0$' "$tmp/ab.last" &&
            ! grep -q '^Non-2xx' "$tmp/ab.last"; then
            done_now=$(sed -n 's/^Complete requests: *//p' "$tmp/ab.last")
            asked=$(( asked + done_now ))
        else
            failed=$(( failed + 1 ))
            cat "$tmp/ab.last" >&2
        fi
    done
    echo "asked=$asked failed=$failed"
}

# wrk_run: sixteen connections, for a second at a time.
wrk_run() {
    local asked=0 failed=0 done_now
    while loading; do
        wrk -t1 -c16 -d1s "$url/small-01.txt" >"$tmp/wrk.last" 2>&1
        done_now=$(sed -n 's/^ *\([0-9]*\) requests in.*/\1/p' "$tmp/wrk.last")
        asked=$(( asked + ${done_now:-0} ))
        if [[ -z $done_now ]] || grep -qE 'Socket errors|Non-2xx' "$tmp/wrk.last"; then
            failed=$(( failed + 1 ))
            cat "$tmp/wrk.last" >&2
        fi
    done
    echo "asked=$asked failed=$failed"
}
