# shellcheck shell=bash
# The clients, each with its rows. Everything a function prints before its last line is shown when the row fails.
# shellcheck source=interop/clients/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# differing FOLDER: how many of the served files are not in it, or not the same.
differing() {
    local name wrong=0
    while read -r name; do
        cmp "$www/$name" "$1/$name" >&2 || wrong=$(( wrong + 1 ))
    done <"$tmp/names"
    echo "$wrong"
}

# --- curl

client_curl() {
    local name
    name="curl $(curl --version | awk '{ print $2; exit }')"
    row "$name" "one by one" 1 curl_files @URL@
    row "$name" "6 at once (\`--parallel\`)" 6 curl_files @URL@ --parallel --parallel-immediate --parallel-max 6
    row "$name" "HTTP/1.0 with keep-alive (\`-0\`)" 1 curl_files @URL@ -0 -H 'Connection: keep-alive'
    row "$name" "uploads that wait for 100 (\`--expect100-timeout 30\`)" 1 curl_uploads @URL@
}

# curl_files URL OPTION…: each file of the folder, thrice, compared.
curl_files() {
    local url=$1 encoded name turn wrong arguments=()
    shift
    rm -rf "$tmp/got"
    for turn in 1 2 3; do
        while IFS=$'\t' read -r encoded name; do
            arguments+=(-o "$tmp/got/$turn/$name" "$url/$encoded")
        done <"$tmp/paths"
    done
    curl_told --create-dirs "$@" "${arguments[@]}"
    wrong=$(grep -vc ^200 "$tmp/told")
    for turn in 1 2 3; do wrong=$(( wrong + $(differing "$tmp/got/$turn") )); done
    echo "requests=$(wc -l <"$tmp/told") wrong=$wrong opened=$(sum_opened)"
}

curl_told() { curl --silent --show-error --fail-early --max-time 40 -w '%{http_code} %{num_connects}\n' "$@" >"$tmp/told"; }
sum_opened() { awk '{ n += $2 } END { print n + 0 }' "$tmp/told"; }

# Three files of 3 MB. Without the 100 each would take half a minute.
curl_uploads() {
    local url=$1 n arguments=() wrong
    for n in 1 2 3; do arguments+=(-T "$www/big.bin" "$url/in/$n" -o /dev/null); done
    curl_told -v -H 'Expect: 100-continue' --expect100-timeout 30 --max-time 20 "${arguments[@]}"
    wrong=$(grep -vc ^201 "$tmp/told")
    for n in 1 2 3; do cmp "$www/big.bin" "$www/in/$n" >&2 || wrong=$(( wrong + 1 )); done
    n=$(grep -c '^< HTTP/1.1 100' "$tmp/client.err")
    (( n == 3 )) || { echo "100 came $n times"; wrong=$(( wrong + 1 )); }
    echo "requests=$(wc -l <"$tmp/told") wrong=$wrong opened=$(sum_opened)"
}

# --- bytes by hand

client_pipelined() {
    has python3 || { absent "Bytes by hand" python3; return; }
    row "Bytes by hand" "all requests at once, in one write (pipelined)" 1 pipelined @URL@
}

pipelined() {
    local address=${1#http://} encoded name names=()
    while IFS=$'\t' read -r encoded name; do
        printf 'GET /%s HTTP/1.1\r\nHost: %s\r\n\r\n' "$encoded" "$address"
        names+=("$www/$name")
    done <"$tmp/paths" >"$tmp/requests"
    printf 'GET /empty HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$address" >>"$tmp/requests"
    exec 3<>"/dev/tcp/${address/://}" || return
    cat "$tmp/requests" >&3
    bounded cat <&3 >"$tmp/answers"
    exec 3>&-
    python3 "$clients/pipelined.py" "${names[@]}" "$www/empty" <"$tmp/answers"
}

# --- wget, ab, wrk

client_wget() {
    has wget || { absent wget wget; return; }
    row "wget $(wget --version | awk '{ print $3; exit }')" "one by one (\`-i\`)" 1 wget_files @URL@
}

wget_files() {
    local url=$1
    rm -rf "$tmp/got"
    sed "s|^|$url/|" <(cut -f1 "$tmp/paths") >"$tmp/urls"
    bounded wget --no-verbose --no-proxy --tries 1 --timeout 20 --force-directories --no-host-directories \
        --restrict-file-names=unix,nocontrol -P "$tmp/got" -i "$tmp/urls" || return
    echo "requests=$(wc -l <"$tmp/urls") wrong=$(differing "$tmp/got")"
}

client_ab() {
    has ab || { absent ab ab; return; }
    how="by length" row "ab $(ab -V | awk 'NR == 1 { print $5 }')" "8 at once, HTTP/1.0 (\`-k\`)" 8 ab_file @URL@
}

ab_file() {
    bounded ab -q -k -n 10000 -c 8 "$1/medium.bin" >"$tmp/ab.out" || return
    awk -v size="$(stat -c %s "$www/medium.bin")" '
        { print }
        /^Complete requests:/ { complete = $3 }
        /^Keep-Alive requests:/ { kept = $3 }
        /^Failed requests:/ || /^Non-2xx responses:/ { wrong += $3 }
        /^HTML transferred:/ { bytes = $3 }
        END {
            if (bytes != complete * size || kept != complete) wrong++
            print "requests=" complete " wrong=" wrong + 0
        }' "$tmp/ab.out"
}

client_wrk() {
    has wrk || { absent wrk wrk; return; }
    local name script=(bounded wrk -t 1 -c 8 -d 2 --timeout 10 -s "$clients/wrk.lua")
    name="wrk $(wrk --version 2>&1 | awk '{ print $2; exit }' | sed 's/^debian.//')"
    # It tries the address with a connection of its own, and stops in the middle of requests.
    spare=1 stray=8 row "$name" "8 at once, for 2 s" 8 "${script[@]}" @URL@/medium.bin -- "$www/medium.bin" 1
    spare=1 stray=128 row "$name" "8 at once, 16 pipelined each, for 2 s" 8 "${script[@]}" @URL@/medium.bin -- "$www/medium.bin" 16
}

# --- clients that do plans

client_java() {
    local version
    has javac || { absent "Java" javac; return; }
    version=$(java -version 2>&1 | awk -F'"' '{ print $2; exit }')
    bounded javac -d "$tmp/java" "$clients"/*.java || { fail "javac"; return; }
    local java=(java -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -cp "$tmp/java")
    # Its own default is five connections that are kept.
    planned "HttpURLConnection, Java $version" "${java[@]}" -Dhttp.maxConnections=8 UrlConnection
    planned "java.net.http, Java $version" "${java[@]}" JavaHttpClient
    row "java.net.http, Java $version" "one by one, without asking for h2c" 1 \
        bounded "${java[@]}" -Dversion=HTTP_1_1 JavaHttpClient "$tmp/one-by-one" @URL@ "$www" 1
}

client_python() {
    local module python version
    for module in requests aiohttp; do
        python=$(with_module "$module") || { absent "Python $module" "python3 with $module"; continue; }
        version=$("$python" -c "import $module; print($module.__version__)")
        planned "Python $module $version" "$python" -B "$clients/${module}_session.py"
    done
}

with_module() {
    local python
    for python in "${PYTHON:-python3}" python3 /usr/bin/python3; do
        "$python" -c "import $1" 2>/dev/null && { echo "$python"; return; }
    done
    return 1
}

client_node() {
    has node || { absent "Node" node; return; }
    local version
    version=$(node -p process.versions.node)
    # fetch ends a connection after HEAD, of which the plan has three.
    closing=3 planned "Node $version, fetch" node "$clients/fetch.mjs"
    # Its own pool has no limit and takes a connection for busy until a moment after the answer is there.
    row "Node $version, fetch" "8 at once, its default pool" 40 bounded node "$clients/fetch.mjs" "$tmp/at-once" @URL@ "$www" 8 default
    planned "Node $version, http.Agent" node "$clients/agent.mjs"
}

client_go() {
    has go || { absent "Go net/http" go; return; }
    GO111MODULE=off GOFLAGS='' GOCACHE=$tmp/go-cache timeout 120 go build -o "$tmp/nethttp" "$clients/nethttp.go" || { fail "go build"; return; }
    planned "net/http, $(go version | awk '{ print $3 }' | sed 's/^go/Go /')" "$tmp/nethttp"
}
