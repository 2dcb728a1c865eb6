#!/usr/bin/env bash
# tenure's client against nginx: PUT by its dav module, GET of what was stored, and three lengths of a connection's
# life: nginx's default, three requests, one idle second.
# shellcheck source=interop/client.sh
source "$(dirname "$0")/client.sh"
need nginx
find_tenure

read -r long few short < <(free_ports 3)
storing_nginx >"$tmp/nginx.conf" <<CONF
server { listen 127.0.0.1:$long; }
server { listen 127.0.0.1:$few; keepalive_requests 3; }
server { listen 127.0.0.1:$short; keepalive_timeout 1; }
CONF
start "$long" "$tmp/nginx.log" nginx -p "$tmp" -c "$tmp/nginx.conf"

echo "# nginx as it is"
send_and_get "http://127.0.0.1:$long" "$long" in 1
forget
check "send puts the files again" send "http://127.0.0.1:$long" in
life "$long" "$files" >"$tmp/life"
equal "the last request says it is the last" "connection=close" "$(grep -o 'connection=close' <(tail -n 1 "$tmp/life"))"
equal "and no other does" 1 "$(grep -c 'connection=close' "$tmp/life")"
forget
check "send takes a pipe" send_pipe "http://127.0.0.1:$long/piped" --method PUT
equal "in chunks" 1 "$(life "$long" 1 | grep -c 'te=chunked')"
check "all of it is stored" cmp <(head -c 200000 "$tmp/files/big.bin") "$tmp/www/piped"

echo "# HTTP/1.0: kept alive because it asks, and never in chunks"
options=(--http1.0)
send_and_get "http://127.0.0.1:$long" "$long" http10 1
equal "it was HTTP/1.0" HTTP/1.0 "$(life "$long" "$files" | grep -o 'HTTP/[0-9.]*' | sort -u)"
forget
check "send takes a pipe" send_pipe "http://127.0.0.1:$long/spooled" --method PUT
equal "with a length" 'te=-' "$(life "$long" 1 | grep -o 'te=[^ ]*')"
check "all of it is stored" cmp <(head -c 200000 "$tmp/files/big.bin") "$tmp/www/spooled"
options=()

echo "# keepalive_requests 3: nginx ends each connection after its third request"
send_and_get "http://127.0.0.1:$few" "$few" few $(( (files + 2) / 3 ))
equal "no connection carried more" 3 "$(life "$few" "$files" | most_requests)"

echo "# keepalive_timeout 1: nginx closes while the reader dawdles"
dawdle "$short"

finish
