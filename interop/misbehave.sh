#!/usr/bin/env bash
# Other people's clients on a tour through `tenure misbehave`: what they do when a connection dies under them.
# `interop/misbehave.sh` takes all that are installed or can be, and writes the table of docs/misbehaving.md;
# `interop/misbehave.sh curl node` takes only those and tenure's own, prints their table, and leaves the document alone.
# It uses the release binary in $TENURE (default: built here), loopback, free ports and temporary folders; Python and
# npm packages go to target/misbehave-drivers.
# In CI it takes tenure, curl and Node's http.Agent.
# Ends with 1 if a driver did not run, tenure's own client had a fault, or one that is known for a fault had none.

# shellcheck source=interop/lib.sh
source "$(dirname "$0")/lib.sh"

all=(tenure curl requests urllib3 httpx aiohttp fetch undici http_agent url_connection java_http go reqwest hyper_util)
[[ ${1:-} != --help ]] || { sed -n '2,9s/^# //p' "$0"; echo "Clients: ${all[*]}"; exit; }
if (( $# > 0 )); then
    chosen=(tenure "$@")
elif [[ ${CI:-} == true ]]; then
    chosen=(tenure curl http_agent) # a minute, and nothing to install
else
    chosen=("${all[@]}")
fi
drivers=$root/crates/misbehave/drivers
kept=${CARGO_TARGET_DIR:-$root/target}/misbehave-drivers
mkdir -p "$kept" "$tmp/reports"
: >"$tmp/names"

# tour KEY NAME COMMAND…: the client NAME takes the tour; its report goes to $tmp/reports/KEY.json.
tour() {
    local key=$1 name=$2 status
    shift 2
    "$TENURE" misbehave --tls --json --max-time 240 -- "$@" >"$tmp/reports/$key.json" 2>"$tmp/$key.err" </dev/null
    status=$?
    if (( status > 1 )); then
        rm "$tmp/reports/$key.json"
        fail "$name: the driver did not do its tour (exit $status)" "$tmp/$key.err"
        return
    fi
    printf '%s\t%s\n' "$key" "$name" >>"$tmp/names"
    ok "$name took the tour"
}

# absent NAME WHAT: the client is left out.
absent() {
    echo "skipped: $1: $2"
    [[ ${CI:-} != true ]] || fail "$1: in CI nothing may be skipped"
}

# --- the clients, each a function of its name

client_tenure() {
    (cd "$root" && cargo build --quiet -p tenure-misbehave --example driver) || { fail "cargo build --example driver"; return; }
    tour tenure "$("$TENURE" --version)" "${CARGO_TARGET_DIR:-$root/target}/debug/examples/driver"
}

client_curl() {
    local version
    command -v curl >/dev/null || { absent curl "not installed"; return; }
    version=$(curl --version | awk '{ print $2; exit }')
    curl -q --help all | grep -q -- ' --rate ' || { absent "curl $version" "it has no --rate (7.84)"; return; }
    tour curl "curl $version" bash "$drivers/curl.sh"
}

# python_client MODULE FILE: in an environment of its own, made when it is not there.
python_client() {
    local module=$1 file=$2 python=$kept/python/bin/python version
    [[ -x $python ]] || python3 -m venv "$kept/python" >/dev/null 2>&1 || { absent "$module" "python3 has no venv"; return; }
    "$python" -c "import $module" 2>/dev/null || "$python" -m pip install -q --disable-pip-version-check "$module" >"$tmp/pip.out" 2>&1 ||
        { absent "$module" "pip could not install it"; return; }
    version=$("$python" -c "import $module; print($module.__version__)")
    tour "$module" "$module $version" "$python" -B "$drivers/$file"
}

client_requests() { python_client requests requests_session.py; }
client_urllib3() { python_client urllib3 urllib3_pool.py; }
client_httpx() { python_client httpx httpx_client.py; }
client_aiohttp() { python_client aiohttp aiohttp_session.py; }

# node_client KEY NAME FILE
node_client() {
    command -v node >/dev/null || { absent "$2" "node not installed"; return; }
    tour "$1" "$2, Node $(node -p process.versions.node)" node "$3"
}

client_fetch() { node_client fetch fetch "$drivers/fetch.mjs"; }
client_http_agent() { node_client http_agent http.Agent "$drivers/http_agent.mjs"; }

# Node looks for packages beside the script, so that lies where the package is.
client_undici() {
    command -v npm >/dev/null || { absent undici "npm not installed"; return; }
    [[ -d $kept/node/node_modules/undici ]] || npm install --silent --no-audit --no-fund --prefix "$kept/node" undici@7 >"$tmp/npm.out" 2>&1 ||
        { absent undici "npm could not install it"; return; }
    cp "$drivers/undici.mjs" "$drivers/tour.mjs" "$kept/node/"
    node_client undici "undici $(node -p "require('$kept/node/node_modules/undici/package.json').version")" "$kept/node/undici.mjs"
}

# java_client KEY NAME CLASS
java_client() {
    command -v javac >/dev/null || { absent "$2" "javac not installed"; return; }
    javac -d "$tmp/java" "$drivers"/java/*.java || { fail "javac"; return; }
    tour "$1" "$2, Java $(java -version 2>&1 | awk -F'"' '{ print $2; exit }')" \
        java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$tmp/java" "$3"
}

client_url_connection() { java_client url_connection HttpURLConnection UrlConnection; }
client_java_http() { java_client java_http java.net.http JavaHttpClient; }

client_go() {
    command -v go >/dev/null || { absent "net/http" "go not installed"; return; }
    GO111MODULE=off GOFLAGS='' GOCACHE=$tmp/go-cache go build -o "$tmp/nethttp" "$drivers/nethttp.go" || { fail "go build"; return; }
    tour go "net/http, $(go version | awk '{ print $3 }' | sed 's/^go/Go /')" "$tmp/nethttp"
}

# rust_client KEY CRATE
rust_client() {
    local binary=$kept/rust/debug/$2 manifest=$drivers/rust/Cargo.toml version
    CARGO_TARGET_DIR=$kept/rust cargo build --quiet --locked --manifest-path "$manifest" 2>"$tmp/cargo.out" ||
        { absent "$2" "cargo could not build it"; cat "$tmp/cargo.out"; return; }
    version=$(cargo tree --locked --manifest-path "$manifest" --depth 1 --prefix none | awk -v crate="$2" '$1 == crate { print substr($2, 2) }')
    tour "$1" "$2 $version" "$binary"
}

client_reqwest() { rust_client reqwest reqwest; }
client_hyper_util() { rust_client hyper_util hyper-util; }

# --- the run

for name in "${chosen[@]}"; do
    [[ $(type -t "client_$name") == function ]] || { echo "no client is called '$name'; there are: ${all[*]}" >&2; exit 2; }
done
need python3
find_tenure
for name in "${chosen[@]}"; do "client_$name"; done

# found KEY RULE SCENARIO: how many requests of that client broke that rule there; `-` for any rule that is a fault.
found() {
    python3 - "$tmp/reports/$1.json" "$2" "${3:-}" <<'END'
import json
import sys

report, rule, scenario = sys.argv[1:]
cases = [case for case in json.load(open(report))["cases"] if scenario in ("", case["scenario"])]
verdicts = [verdict for case in cases for verdict in case["verdicts"]]
print(sum(v["count"] for v in verdicts if (v["rule"] == rule or (rule == "-" and v["level"] == "fault"))))
END
}

[[ ! -f $tmp/reports/tenure.json ]] || equal "tenure: faults" 0 "$(found tenure -)"
# These repeat a POST on a fresh connection when the used one ends without an answer: if that is not found, the checks
# find nothing.
for key in curl url_connection; do
    [[ ! -f $tmp/reports/$key.json ]] || check "$key repeats a POST that was processed" test "$(found "$key" repeated-unsafe drop)" -gt 0
done

python3 "$here/misbehave_table.py" "$tmp/names" "$tmp/reports" >"$tmp/table" || fail "the table"
cat "$tmp/table"
if (( ${#chosen[@]} == ${#all[@]} && failed == 0 )); then
    replace_table "$root/docs/misbehaving.md" "$tmp/table"
fi
finish
