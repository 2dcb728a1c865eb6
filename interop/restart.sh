#!/usr/bin/env bash
# A restart under load: SIGUSR2 to `tenure serve`, four times in a row, while wrk, ab, curl and our own client ask as fast as they
# can. Not one request may fail, on TCP and on a Unix socket.
# shellcheck source=interop/lib.sh
source "$(dirname "$0")/lib.sh"
# shellcheck source=interop/load.sh
source "$here/load.sh"

need curl wrk ab
find_tenure
www=$tmp/www
make_files "$www"

start_tenure "$www" --listen "unix:$tmp/socket" --drain-deadline 20
old=()
loads curl_loop unix_loop get_loop ab_loop wrk_run

for round in 1 2 3 4; do
    sleep 1.5 # the load goes on meanwhile
    before=$server
    kill -USR2 "$before"
    await grep -q "^process [0-9]* serves from now on" "$tmp/serve.log" || { fail "restart $round" "$tmp/serve.log"; finish; }
    server=$(sed -n 's/^process \([0-9]*\) serves.*/\1/p' "$tmp/serve.log" | tail -n 1)
    pids+=("$server")
    equal "restart $round: another process serves" yes "$([[ $server != "$before" ]] && echo yes)"
    cp "$tmp/serve.log" "$tmp/serve.log.$round" # it is looked at from here on for the next round
    : >"$tmp/serve.log"
    old+=("$before")
done
sleep 1
end_loads
for pid in "${old[@]}"; do
    check "a process that handed over has ended" await gone "$pid"
done
check "the last one serves on" curl -sf -o /dev/null "$url/small-01.txt"

# A new process that cannot start changes nothing.
mv "$www" "$tmp/moved"
kill -USR2 "$server"
check "a restart that fails says so" await grep -q 'this process serves on' "$tmp/serve.log"
mv "$tmp/moved" "$www"
check "and the process serves on" curl -sf -o /dev/null "$url/small-01.txt"

kill -TERM "$server"
check "it ends at SIGTERM" await gone "$server"
check "and removes its Unix socket" test ! -e "$tmp/socket"
finish
