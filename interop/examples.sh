#!/usr/bin/env bash
# The library's examples with an axum Router, driven by curl and Chromium: the peer's address, server-sent events that
# arrive when they are made, a WebSocket; and the reverse proxy before one of them. Without Chromium its checks are left out, and that is said.
# shellcheck source=interop/lib.sh
source "$(dirname "$0")/lib.sh"
need curl python3

(cd "$root" && cargo build --quiet -p tenure --examples) || { fail "cargo build -p tenure --examples"; finish; }
examples=${CARGO_TARGET_DIR:-$root/target}/debug/examples
read -r axum sse websocket reverse_proxy nobody <<<"$(free_ports 5)"
for name in axum sse websocket; do
    start "${!name}" "$tmp/$name.log" "$examples/$name" "127.0.0.1:${!name}"
done
start "$reverse_proxy" "$tmp/reverse_proxy.log" "$examples/reverse_proxy" "127.0.0.1:$reverse_proxy" "127.0.0.1:$axum"
most=900 # milliseconds from the making of an event to its arrival: held back for the next one it would take 1000

# The example's peer is this curl, whose port is its own to choose.
port=$(free_ports 1)
equal "axum: ConnectInfo is the peer" "hello, 127.0.0.1:$port" \
    "$(curl -sS -m 20 --local-port "$port" "http://127.0.0.1:$axum/")"

behind=$(curl -sS -m 20 -w ' %{http_code} %header{via}' "http://127.0.0.1:$reverse_proxy/")
equal "reverse_proxy: what the application said, with its Via" "hello, 127.0.0.1 200 1.1 tenure" \
    "$(sed -E ':a;N;$!ba;s/:[0-9]+\n//' <<<"$behind")"
start "$nobody" "$tmp/nobody.log" "$examples/reverse_proxy" "127.0.0.1:$nobody" "127.0.0.1:1"
equal "reverse_proxy: 502 where no application is" 502 "$(curl -sS -m 20 -o /dev/null -w '%{http_code}' "http://127.0.0.1:$nobody/")"
check "and its log says what became of the request" grep -q '502 Bad Gateway: .*(fate: not-sent)$' "$tmp/nobody.log"

# arrived: notes when each event came, and ends after the fifth.
arrived() {
    python3 -c '
import sys, time
for line in iter(sys.stdin.readline, ""):
    if line.startswith("data: "):
        number, made = line.split()[1:]
        print(f"event {number} took {int(time.time() * 1000) - int(made)} ms", flush=True)
        if number == "5":
            break'
}

# in_time FILE: five events in order, none of them late. The first may wait for its reader, which has just been started.
in_time() {
    awk -v most="$most" '
        match($0, /event [0-9]+ took -?[0-9]+ ms/) {
            split(substr($0, RSTART, RLENGTH), word, " ")
            if (word[2] != ++events || events > 1 && word[4] > most) late = 1
        }
        END { exit events < 5 || late }' "$1"
}

timeout 30 curl -sSN "http://127.0.0.1:$sse/events" 2>"$tmp/curl.err" | arrived >"$tmp/curl.out"
if in_time "$tmp/curl.out"; then ok "sse: five events, one by one, by curl -N"; else fail "sse: curl" "$tmp/curl.out"; fi

# seen FILE TEXT: the browser's console has said so.
seen() { grep -q "$2" "$1"; }

# browse URL TEXT FILE: opens a page without a window until its console says TEXT; the output goes to FILE. Everything
# but loopback goes to a proxy that is not there.
browse() {
    local browser status
    HOME=$tmp "$chromium" --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run \
        --user-data-dir="$tmp/chromium" --disable-background-networking --disable-component-update --disable-sync \
        --disable-extensions --proxy-server=127.0.0.1:9 --enable-logging=stderr "$1" >"$3" 2>&1 </dev/null &
    browser=$!
    pids+=("$browser")
    status=1
    for _ in {1..4}; do # a browser takes its time to start
        await seen "$3" "$2" && { status=0; break; }
    done
    kill "$browser"
    await gone "$browser" || kill -KILL "$browser"
    return "$status"
}

chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome)
if [[ -n $chromium ]]; then
    browse "http://127.0.0.1:$sse/" 'event 5 took' "$tmp/browser.out"
    if in_time "$tmp/browser.out"; then ok "sse: five events, one by one, in Chromium"; else fail "sse: Chromium" "$tmp/browser.out"; fi
    check "websocket: an echo in Chromium" browse "http://127.0.0.1:$websocket/" 'echo: hello' "$tmp/socket.out"
else
    echo "left out: Chromium is not installed"
fi
equal "websocket: who asks for none is told so" "426 websocket" \
    "$(curl -sS -m 20 -o /dev/null -w '%{http_code} %header{upgrade}' "http://127.0.0.1:$websocket/socket")"

for pid in "${pids[@]:0:5}"; do kill -INT "$pid"; done
for pid in "${pids[@]:0:5}"; do check "an example ends well by Ctrl-C" ends_well "$pid"; done
finish
