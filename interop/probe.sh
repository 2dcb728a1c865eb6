#!/usr/bin/env bash
# `tenure probe` against servers whose settings are known: nginx, Apache httpd, Node and our own. The idle timeout that
# it measures is within 50 ms of what a packet capture beside it shows, as `tenure explain` reads it; and of the one
# configured, or the difference is the server's own and is named here. The number of requests a connection carries is
# exact. What it says of TLS is what nginx and our own server were told to do.
# shellcheck source=interop/lib.sh
source "$(dirname "$0")/lib.sh"
need nginx apache2 node python3 openssl
find_tenure

read -r n1 n2 n3 a1 a2 a5 j1 j2 j3 own s1 s2 s3 secure < <(free_ports 14)
mkdir "$tmp/www"
printf 'hello\n' >"$tmp/www/index.html"
self_signed

nginx_conf >"$tmp/nginx.conf" <<CONF
    root $tmp/www;
    ssl_certificate $tmp/cert.pem;
    ssl_certificate_key $tmp/key.pem;
    server { listen 127.0.0.1:$n1; keepalive_timeout 1s; keepalive_requests 7; }
    server { listen 127.0.0.1:$n2; keepalive_timeout 2s; }
    server { listen 127.0.0.1:$n3; keepalive_timeout 3s 2s; }
    server { listen 127.0.0.1:$s1 ssl http2; ssl_protocols TLSv1.2 TLSv1.3; }
    server { listen 127.0.0.1:$s2 ssl; ssl_protocols TLSv1.2 TLSv1.3; ssl_session_tickets off; }
    server { listen 127.0.0.1:$s3 ssl; ssl_protocols TLSv1.2; ssl_session_tickets off; ssl_session_cache shared:sessions:1m; }
CONF
httpd_conf dir >"$tmp/httpd.conf" <<CONF
StartServers 1
ServerLimit 1
ThreadsPerChild 25
MaxRequestWorkers 25
DocumentRoot $tmp/www
DirectoryIndex index.html
KeepAlive on
$(for pair in "$a1 1" "$a2 2" "$a5 5"; do
    read -r port seconds <<<"$pair"
    printf 'Listen 127.0.0.1:%s\n<VirtualHost 127.0.0.1:%s>\nKeepAliveTimeout %s\nMaxKeepAliveRequests 100\n</VirtualHost>\n' "$port" "$port" "$seconds"
done)
CONF
cat >"$tmp/node.js" <<'JS'
const http = require('http')
process.argv.slice(2).forEach((port, i) => {
    const server = http.createServer((request, response) => response.end('hello\n'))
    server.keepAliveTimeout = (i + 1) * 1000
    server.listen(port, '127.0.0.1')
})
JS
start "$n1" "$tmp/nginx.log" nginx -p "$tmp" -c "$tmp/nginx.conf"
start "$a1" "$tmp/httpd.log" apache2 -d "$tmp" -f "$tmp/httpd.conf" -DFOREGROUND
start "$j3" "$tmp/node.log" node "$tmp/node.js" "$j1" "$j2" "$j3"
start "$own" "$tmp/own.log" "$TENURE" serve "$tmp/www" --listen "127.0.0.1:$own" --idle-timeout 2 --no-announce --max-requests 7
start "$secure" "$tmp/secure.log" "$TENURE" serve "$tmp/www" --listen "127.0.0.1:$secure" --cert "$tmp/cert.pem" --key "$tmp/key.pem"

# measure EXPERIMENT NAME URL [OPTION…]: the report, as JSON.
measure() { tenure probe --only "$1" --max-wait 9 --json "$3" "${@:4}" >"$tmp/$2.$1.json" 2>"$tmp/$2.$1.err"; }

# measure_all EXPERIMENT: side by side, of `NAME PORT` on standard input.
measure_all() {
    local name port probes=()
    while read -r name port; do
        measure "$1" "$name" "http://127.0.0.1:$port/" &
        probes+=($!)
    done
    wait "${probes[@]}"
}

# found NAME EXPERIMENT SUBJECT: the value, in words of its own kind: seconds, a count, or text.
found() {
    python3 - "$tmp/$1.$2.json" "$3" <<'PY'
import json, sys
for finding in json.load(open(sys.argv[1])).get("findings", []):
    if finding["subject"] == sys.argv[2]:
        value = finding["value"]
        print({"time": "{:.3f}", "longer_than": ">{:.3f}"}.get(value["kind"], "{}").format(
            value.get("seconds", value.get("count", value.get("text")))))
PY
}

ports=("$n1" "$n2" "$n3" "$a1" "$a2" "$a5" "$j1" "$j2" "$j3" "$own")
names=(nginx-1 nginx-2 nginx-3 httpd-1 httpd-2 httpd-5 node-1 node-2 node-3 tenure-2)
targets() { local i; for i in "${!ports[@]}"; do echo "${names[i]} ${ports[i]}"; done; }

echo "# idle timeouts, with a packet capture beside the probe"
captured=no
command -v tcpdump >/dev/null && record "$tmp/idle.pcap" "$(printf 'tcp port %s or ' "${ports[@]:1}")tcp port ${ports[0]}" && captured=yes
targets | measure_all idle
if [[ $captured == yes ]]; then
    stop "$dump"
    "$TENURE" explain "$tmp/idle.pcap" --json >"$tmp/idle.json" || fail "explain reads the capture" "$tmp/idle.json"
fi

# packets PORT: of the connections that the server there ended when they were idle, how many there are, and the time from
# the last packet of the last response to the server's FIN: the one in the middle, or the shortest if they differ by more
# than 100 ms, which is how the probe chooses.
packets() {
    python3 - "$tmp/idle.json" ":$1" <<'PY'
import json, statistics, sys
idle = sorted(
    connection["ending"]["at_seconds"] - connection["exchanges"][-1]["response_end_seconds"]
    for connection in json.load(open(sys.argv[1]))["connections"]
    if connection["server"].endswith(sys.argv[2]) and connection["exchanges"]
    and (connection["ending"] or {}).get("by") == "server" and connection["ending"]["idle_seconds"] is not None)
if idle:
    print(len(idle), "%.3f" % (idle[0] if idle[-1] - idle[0] > 0.1 else statistics.median(idle)))
PY
}

within() { awk -v a="$1" -v b="$2" -v more="${3:-0}" 'BEGIN { exit !(a != "" && b != "" && a - b > -0.05 && a - b < 0.05 + more) }'; }

# idle NAME CONFIGURED [OWN [TICK]]: within 50 ms of what the packets show, and of what is configured and the server adds
# by itself, and no more than a tick later than that.
idle() {
    local measured port i number shown
    measured=$(found "$1" idle "idle timeout")
    check "$1: idle timeout ${2} s configured${3:+, $3 s added by the server}: measured ${measured:-nothing}" \
        within "$measured" "$(awk -v a="$2" -v b="${3:-0}" 'BEGIN { print a + b }')" "${4:-0}"
    [[ $captured == yes ]] || return 0
    for i in "${!names[@]}"; do [[ ${names[i]} != "$1" ]] || port=${ports[i]}; done
    read -r number shown < <(packets "$port")
    equal "$1: the packets show so many idle connections ended" 4 "${number:-0}"
    check "$1: and for them ${shown:-nothing}" within "$measured" "$shown"
}

idle nginx-1 1
idle nginx-2 2
idle nginx-3 3
idle httpd-1 1
idle httpd-2 2
idle httpd-5 5
# Newer Nodes keep a connection a second longer than they announce: its own timer says by how much.
buffer=$(node -e '
    const http = require("http")
    let socket
    const server = http.createServer((request, response) => response.end())
    server.on("connection", (opened) => { socket = opened })
    server.listen(0, "127.0.0.1", () => {
        const agent = new http.Agent({ keepAlive: true })
        http.get({ host: "127.0.0.1", port: server.address().port, agent }, (response) => {
            response.resume().on("close", () => setImmediate(() => {
                console.log((socket.timeout - server.keepAliveTimeout) / 1000)
                process.exit()
            }))
        })
    })')
for seconds in 1 2 3; do idle "node-$seconds" "$seconds" "$buffer"; done
idle tenure-2 2 0 0.1 # it counts in tenths of a second
equal "nginx: keepalive_timeout 3s 2s announces 2" 2.000 "$(found nginx-3 idle "idle timeout announced")"

echo "# requests per connection"
targets | grep -E '^(nginx-[12]|httpd-2|tenure-2) ' | measure_all requests
equal "nginx: keepalive_requests 7" 7 "$(found nginx-1 requests "requests per connection")"
equal "nginx: keepalive_requests 1000, its default" 1000 "$(found nginx-2 requests "requests per connection")"
# MaxKeepAliveRequests counts those after the first.
equal "httpd: MaxKeepAliveRequests 100" 101 "$(found httpd-2 requests "requests per connection")"
equal "tenure: --max-requests 7" 7 "$(found tenure-2 requests "requests per connection")"

# secure NAME PORT RESUMES-1.2 RESUMES-1.3 ALPN-WITH-H2: what the server was told to do, and what is found.
secure() {
    measure tls "$1" "https://127.0.0.1:$2/" --cacert "$tmp/cert.pem" || fail "$1: measured" "$tmp/$1.tls.json"
    equal "$1: TLS 1.2 resumption" "$3" "$(found "$1" tls "TLS 1.2 resumption")"
    equal "$1: TLS 1.3 resumption" "$4" "$(found "$1" tls "TLS 1.3 resumption")"
    equal "$1: ALPN" http/1.1 "$(found "$1" tls ALPN)"
    equal "$1: ALPN where h2 is offered" "$5" "$(found "$1" tls "ALPN where h2 is offered")"
    equal "$1: the end is announced" sent "$(found "$1" tls "TLS close_notify")"
}
echo "# TLS"
secure nginx-tickets "$s1" yes yes h2
secure nginx-no-tickets "$s2" no no http/1.1
secure nginx-cache "$s3" yes "the version is refused" http/1.1
secure tenure-tls "$secure" yes yes http/1.1
finish
