#!/usr/bin/env bash
# tcpdump watches while a client meets each way in which `tenure misbehave` ends connections; `tenure explain` then
# says from the packets alone what became of each request, and the server's own account (/report) has to confirm it.
#
# interop/captures.sh keep: also puts some of the captures, with what `tenure explain` says of them, among the test data.

# shellcheck source=interop/client.sh
source "$(dirname "${BASH_SOURCE[0]}")/client.sh"
need tcpdump python3 curl
find_tenure
data=$root/crates/cli/tests/data/captures

# story FILE: `GET 200 answered POST - likely-undelivered race`, one line.
story() {
    "$TENURE" explain "$1" --json >"$tmp/story.json"
    python3 - "$tmp/story.json" <<'PY'
import json, sys
report = json.load(open(sys.argv[1]))
words = []
for connection in report["connections"]:
    for e in connection["exchanges"]:
        words += [e["method"], str(e["status"] or "-"), e["fate"] or e["outcome"]] + (["race"] if e["race"] else [])
print(*words)
PY
}

tells() { [[ $(story "$1") == "$2" ]]; }

# claims FILE: how many requests were certainly processed, and how many at most, by the packets alone.
claims() {
    story "$1" >"$tmp/words"
    python3 - "$tmp/story.json" <<'PY'
import json, sys
exchanges = [e for c in json.load(open(sys.argv[1]))["connections"] for e in c["exchanges"]]
surely = sum(e["outcome"] == "answered" and e["status"] == 200 or e["fate"] == "answered-in-part" for e in exchanges)
refused = sum(e["processed"] == "not processed" for e in exchanges)
print(surely, len(exchanges) - refused)
PY
}

# case NAME TARGET WAIT PROCESSED STORY: GET, WAIT seconds of silence, POST, both for TARGET on one connection.
case_() {
    local name=$1 target=$2 wait=$3 expected=$4 story=$5 port misbehave surely most processed
    port=$(free_ports 1)
    start "$port" "$tmp/misbehave.log" "$TENURE" misbehave --listen "127.0.0.1:$port"
    misbehave=${pids[-1]}
    record "$tmp/$name.pcap" "tcp port $port" || exit 77 # also in CI
    python3 "$here/captures_client.py" "$port" "$target" "$wait"
    if await tells "$tmp/$name.pcap" "$story"; then
        ok "$name: $story"
    else
        "$TENURE" explain "$tmp/$name.pcap" >"$tmp/told"
        fail "$name: expected '$story', told '$(story "$tmp/$name.pcap")'" "$tmp/told"
    fi
    stop "$dump"
    processed=$(curl -s "http://127.0.0.1:$port/report" | python3 -c '
import json, sys
print(sum(scenario["processed"] for scenario in json.load(sys.stdin)["scenarios"].values()))')
    stop "$misbehave"
    equal "$name: the server processed" "$expected" "$processed"
    read -r surely most < <(claims "$tmp/$name.pcap")
    if (( surely <= processed && processed <= most )); then
        ok "$name: its account confirms what the packets say ($surely to $most)"
    else
        fail "$name: the packets say $surely to $most were processed, the server says $processed"
    fi
}

#     name           target                                    wait processed story
case_ idle-close     "/idle-close?after=50ms"                  0.2  1 "GET 200 answered POST - likely-undelivered race"
case_ close-after    "/close-after?at=1"                       0.05 1 "GET 200 answered POST - likely-undelivered race"
case_ request-limit  "/hint-max?max=1"                         0.05 1 "GET 200 answered POST - likely-undelivered race"
case_ lying-hint     "/hint-timeout?timeout=5&after=50ms"      0.2  1 "GET 200 answered POST - likely-undelivered race"
case_ half-close     "/half-close-process?at=1&after=20ms"     0.1  2 "GET 200 answered POST - unknown race"
case_ drop           "/drop?at=2"                              0.02 2 "GET 200 answered POST - unknown"
case_ drop-by-reset  "/drop?at=2&by=reset"                     0.02 2 "GET 200 answered POST - unknown"
case_ unread         "/unread?at=1"                            0.02 1 "GET 200 answered POST - unknown"
case_ early-408      "/early-408?at=2"                         0.02 1 "GET 200 answered POST 408 answered"
case_ truncated      "/truncate?at=2&where=content"            0.02 2 "GET 200 answered POST 200 answered-in-part"
case_ dead           "/dead?at=2&process=yes"                  0.02 2 "GET 200 answered POST - unknown"
case_ well           "/ok"                                     0.02 2 "GET 200 answered POST 200 answered"

# A client of somebody else's: nginx keeps connections to a server that closes them after 20 ms, and answers 502 when a
# request meets the close. Each 502 has to be a lost request in the capture, and no other request lost.
bad_gateways() {
    local front back misbehave lost bad i
    command -v nginx >/dev/null || { echo "skipped: nginx not installed"; return; }
    read -r front back < <(free_ports 2)
    start "$back" "$tmp/misbehave.log" "$TENURE" misbehave --listen "127.0.0.1:$back"
    misbehave=${pids[-1]}
    nginx_conf >"$tmp/nginx.conf" <<CONF
    upstream app { server 127.0.0.1:$back; keepalive 8; }
    server {
        listen 127.0.0.1:$front;
        location / { proxy_pass http://app; proxy_http_version 1.1; proxy_set_header Connection ""; }
    }
CONF
    start "$front" "$tmp/nginx.log" nginx -p "$tmp" -c "$tmp/nginx.conf"
    record "$tmp/nginx.pcap" "tcp port $back" || exit 77
    bad=0
    for (( i = 0; i < 3 && bad == 0; i++ )); do
        bad=$(python3 "$here/captures_client.py" "$front" "/idle-close?after=20ms" sweep)
    done
    stop "$dump"
    stop "$misbehave"
    if ! grep -q '^0 packets dropped by kernel' "$tmp/tcpdump.err"; then
        echo "skipped: tcpdump could not keep up, so 502s cannot be compared"
        return
    fi
    if (( bad == 0 )); then
        echo "skipped: no request of nginx's met a close this time"
        return
    fi
    story "$tmp/nginx.pcap" >/dev/null
    lost=$(grep -c '"outcome": "lost"' "$tmp/story.json")
    equal "nginx: each of $bad answers 502 is a lost request in the capture" "$bad" "$lost"
}
bad_gateways

if [[ ${1:-} == keep ]] && (( failed == 0 )); then
    mkdir -p "$data"
    for name in idle-close half-close drop request-limit; do
        cp "$tmp/$name.pcap" "$data/$name.pcap"
        "$TENURE" explain - <"$data/$name.pcap" >"$data/$name.txt"
    done
fi
finish
