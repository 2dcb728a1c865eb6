#!/usr/bin/env bash
# `tenure probe` against servers whose settings are known: nginx, Apache httpd, Node and our own. The idle timeout that
# it measures is within 50 ms of the one configured, or the difference is the server's own and is named here; the
# number of requests a connection carries is exact. All are measured side by side, in about ten seconds.
# shellcheck source=interop/lib.sh
source "$(dirname "$0")/lib.sh"
need nginx apache2 node python3
find_tenure

read -r n1 n2 n3 a1 a2 a5 j1 j2 j3 own < <(free_ports 10)
modules=/usr/lib/apache2/modules
mkdir "$tmp/www"
printf 'hello\n' >"$tmp/www/index.html"

cat >"$tmp/nginx.conf" <<CONF
daemon off;
pid $tmp/nginx.pid;
error_log $tmp/nginx-error.log;
events { }
http {
    access_log off;
    root $tmp/www;
    $(for what in body proxy fastcgi uwsgi scgi; do name=$what; [[ $what != body ]] || name=client_body; echo "${name}_temp_path $tmp/nginx-$what;"; done)
    server { listen 127.0.0.1:$n1; keepalive_timeout 1s; keepalive_requests 7; }
    server { listen 127.0.0.1:$n2; keepalive_timeout 2s; }
    server { listen 127.0.0.1:$n3; keepalive_timeout 3s 2s; }
}
CONF
cat >"$tmp/httpd.conf" <<CONF
ServerRoot $tmp
ServerName localhost
PidFile $tmp/httpd.pid
DefaultRuntimeDir $tmp
ErrorLog $tmp/httpd-error.log
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule dir_module $modules/mod_dir.so
$( (( EUID != 0 )) || printf 'User www-data\nGroup www-data\n')
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

# measure NAME PORT: the report of what this script asks, as JSON.
measure() { tenure probe --only idle,requests --max-wait 9 --json "http://127.0.0.1:$2/" >"$tmp/$1.json" 2>"$tmp/$1.err"; }

probes=()
while read -r name port; do
    measure "$name" "$port" &
    probes+=($!)
done <<<"nginx-1 $n1
nginx-2 $n2
nginx-3 $n3
httpd-1 $a1
httpd-2 $a2
httpd-5 $a5
node-1 $j1
node-2 $j2
node-3 $j3
tenure-2 $own"
for pid in "${probes[@]}"; do wait "$pid"; done

# found NAME SUBJECT: the value, in words of its own kind: seconds, a count, or text.
found() {
    python3 - "$tmp/$1.json" "$2" <<'PY'
import json, sys
for finding in json.load(open(sys.argv[1]))["findings"]:
    if finding["subject"] == sys.argv[2]:
        value = finding["value"]
        print({"time": "{:.3f}", "longer_than": ">{:.3f}"}.get(value["kind"], "{}").format(
            value.get("seconds", value.get("count", value.get("text")))))
PY
}

# idle NAME CONFIGURED [OWN [TICK]]: within 50 ms of what is configured and of what the server adds by itself, and no more
# than a tick later than that.
idle() {
    local measured
    measured=$(found "$1" "idle timeout")
    check "$1: idle timeout ${2} s configured${3:+, $3 s added by the server}: measured ${measured:-nothing}" \
        awk -v m="$measured" -v c="$2" -v own="${3:-0}" -v tick="${4:-0}" \
        'BEGIN { d = m - c - own; exit !(m != "" && d > -0.05 && d < 0.05 + tick) }'
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

equal "nginx: keepalive_requests 7" 7 "$(found nginx-1 "requests per connection")"
equal "nginx: keepalive_requests 1000, its default" 1000 "$(found nginx-2 "requests per connection")"
# MaxKeepAliveRequests counts those after the first.
equal "httpd: MaxKeepAliveRequests 100" 101 "$(found httpd-2 "requests per connection")"
equal "tenure: --max-requests 7" 7 "$(found tenure-2 "requests per connection")"
equal "nginx: keepalive_timeout 3s 2s announces 2" 2.000 "$(found nginx-3 "idle timeout announced")"
finish
