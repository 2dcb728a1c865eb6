#!/usr/bin/env bash
# The classic 502: an application that closes idle connections behind a proxy that uses them again, and requests that come
# just when it does. examples/reverse_proxy.rs beside nginx, HAProxy and Apache httpd, in the same run: a table.
#     interop/bad_gateway.sh           20 seconds, the application closes after 250 ms
#     interop/bad_gateway.sh --full    10 minutes, it closes after 5 s, as Node and uvicorn do
# Ours must answer no request by 502, leave none without an answer and have none processed twice; the others are only shown.
# shellcheck source=interop/lib.sh
source "$(dirname "$0")/lib.sh"
need python3 nginx
find_tenure
(cd "$root" && cargo build --quiet -p tenure --example reverse_proxy) || { fail "cargo build"; finish; }

# Milliseconds, but for the last. The application takes `work` for each answer, so that the requests of a burst meet.
idle=250 jitter=5 work=20 seconds=20 lanes=32
[[ ${1:-} != --full ]] || { idle=5000 jitter=5 seconds=600 lanes=64; }
path="/idle-close?after=${idle}ms&delay=${work}ms"
in_seconds() { awk -v ms="$1" 'BEGIN { print ms / 1000 }'; }
period=$(in_seconds $(( idle + work + 1 )))

names=(tenure nginx)
! command -v haproxy >/dev/null || names+=(haproxy)
[[ ! -e $httpd_modules/mod_proxy_http.so ]] || names+=(apache)
read -ra ports <<<"$(free_ports $(( 2 * ${#names[@]} )))"

# Each with its defaults for connections to applications; what is set is what a deployment with persistent ones sets.
configure_nginx() {
    nginx_conf >"$tmp/nginx.conf" <<CONF
    upstream application { server 127.0.0.1:$2; keepalive 100; }
    server {
        listen 127.0.0.1:$1;
        location / { proxy_pass http://application; proxy_http_version 1.1; proxy_set_header Connection ""; }
    }
CONF
    start "$1" "$tmp/nginx.err" nginx -e stderr -p "$tmp" -c "$tmp/nginx.conf"
}
configure_haproxy() {
    cat >"$tmp/haproxy.cfg" <<CONF
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
listen front
    bind 127.0.0.1:$1
    server application 127.0.0.1:$2
CONF
    start "$1" "$tmp/haproxy.log" haproxy -db -f "$tmp/haproxy.cfg"
}
configure_apache() {
    httpd_conf proxy proxy_http >"$tmp/httpd.conf" <<CONF
Listen 127.0.0.1:$1
KeepAliveTimeout 60
MaxKeepAliveRequests 0
ServerLimit 4
StartServers 4
ThreadsPerChild 25
MaxRequestWorkers 100
ProxyPass / http://127.0.0.1:$2/
CONF
    start "$1" "$tmp/apache.err" apache2 -DFOREGROUND -d "$tmp" -f "$tmp/httpd.conf"
}
configure_tenure() {
    start "$1" "$tmp/tenure.log" "${CARGO_TARGET_DIR:-$root/target}/debug/examples/reverse_proxy" "127.0.0.1:$1" "127.0.0.1:$2"
}

applications=() loads=()
for i in "${!names[@]}"; do
    application=${ports[2 * i + 1]}
    start "$application" "$tmp/${names[i]}.app" "$TENURE" misbehave --listen "127.0.0.1:$application" --json
    applications+=("${pids[-1]}")
    "configure_${names[i]}" "${ports[2 * i]}" "$application"
done
for i in "${!names[@]}"; do
    python3 "$here/bad_gateway.py" "${ports[2 * i]}" "$path" "$lanes" "$period" "$(in_seconds "$jitter")" "$seconds" \
        >"$tmp/${names[i]}.out" 2>"$tmp/${names[i]}.said" &
    loads+=($!)
    pids+=($!)
done
for i in "${!names[@]}"; do
    wait "${loads[i]}"
    kill -INT "${applications[i]}"
    check "${names[i]}: the application ends and tells" ends_well "${applications[i]}"
done

# told NAME FIELD: a number of the application's account of this scenario.
told() { grep -o "\"$2\": *[0-9]*" "$tmp/$1.app" | tail -n 1 | grep -o '[0-9]*$'; }

echo "| proxy | requests | GET: 502 | POST: 502 | without an answer | other | processed twice | of these POST | connections to the application |"
echo "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
for name in "${names[@]}"; do
    read -r asked gets posts unanswered other <"$tmp/$name.out"
    echo "| $name | $asked | $gets | $posts | $unanswered | $other | $(told "$name" processed_twice) |" \
        "$(told "$name" not_idempotent_twice) | $(told "$name" connections) |"
done
read -r _ rest <"$tmp/tenure.out"
equal "tenure: no 502, no request without an answer, no other status" "0 0 0 0" "$rest"
equal "tenure: no POST processed twice" 0 "$(told tenure not_idempotent_twice)"
echo "    tenure sent $(grep -c 'sent again' "$tmp/tenure.log") requests again"
finish
