#!/usr/bin/env bash
# A drain under load: SIGTERM to `tenure serve` while clients ask. Those who keep to what was announced (Keep-Alive: timeout) lose no
# request, directly and behind HAProxy; the deadline is above the announced time.
# shellcheck source=interop/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=interop/load.sh
source "$here/load.sh"

need curl wrk python3 haproxy
find_tenure
www=$tmp/www
make_files "$www"

# Two seconds are announced, the server closes five later: a drain is over within seven and a moment.
serve=("$www" --idle-timeout 2 --drain-deadline 20 -v)

# Directly: fifty connections with pauses of up to the announced time, and an upload that is under way when it begins.
start_tenure "${serve[@]}" --uploads "$tmp/in"
timeout 60 python3 "$here/drain_load.py" "$url" /small-01.txt 50 30 >"$tmp/held.out" 2>"$tmp/held.err" </dev/null &
held=$!
pids+=("$held")
curl -sS -o /dev/null -w '%{http_code}' --limit-rate 500K -T "$www/big.bin" "$url/slow.bin" >"$tmp/upload.out" 2>"$tmp/upload.err" &
upload=$!
pids+=("$upload")
all_held() { (( $(grep -c ': opened by' "$tmp/serve.log") >= 51 )); }
check "50 clients and an upload are connected" await all_held
sleep 2
kill -TERM "$server"
check "the server ends by itself, with 0" ends_well "$server"
wait "$held"
equal "directly: no request failed and every connection ended by an announced close" "0 50" \
    "$(sed -n 's/^asked=[0-9]* failed=\([0-9]*\) closed=\([0-9]*\)$/\1 \2/p' "$tmp/held.out")"
[[ ! -s $tmp/held.err ]] || fail "directly" "$tmp/held.err"
echo "    $(cat "$tmp/held.out")"
wait "$upload"
equal "the upload under way was stored" 201 "$(cat "$tmp/upload.out")"
check "whole" cmp "$www/big.bin" "$tmp/in/slow.bin"

# Behind HAProxy: two servers, each drained in turn and started again while the load runs.
read -r front one two <<<"$(free_ports 3)"
cat >"$tmp/haproxy.cfg" <<CONF
global
    log stderr format raw local0 warning
defaults
    mode http
    timeout connect 2s
    timeout client 30s
    timeout server 30s
    # A connection that was refused has carried nothing: the other server is asked.
    retries 3
    option redispatch 1
frontend front
    bind 127.0.0.1:$front
    default_backend servers
backend servers
    balance roundrobin
    http-reuse always
    default-server check inter 200ms fall 1 rise 1
    server one 127.0.0.1:$one
    server two 127.0.0.1:$two
CONF
backend() { start "$1" "$tmp/serve.$1.log" "$TENURE" serve "${serve[@]}" --listen "127.0.0.1:$1"; }
served() { grep -o 'closed after [0-9]*' "$tmp/serve.$1.log" | awk '{ n += $3 } END { print n + 0 }'; }
backend "$one"
first=${pids[-1]}
backend "$two"
second=${pids[-1]}
start "$front" "$tmp/haproxy.log" haproxy -db -f "$tmp/haproxy.cfg"
url=http://127.0.0.1:$front
loads curl_loop wrk_run
sleep 2
kill -TERM "$first"
check "behind HAProxy: the first server ends by itself, with 0" ends_well "$first"
check "it had served" test "$(served "$one")" -gt 0
backend "$one"
sleep 1
kill -TERM "$second"
check "the second one too, while the first serves again" ends_well "$second"
check "it had served" test "$(served "$two")" -gt 0
sleep 1
end_loads
finish
