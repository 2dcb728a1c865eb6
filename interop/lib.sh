# shellcheck shell=bash
# What the interop scripts share: source it first. Each script is one peer; it starts the peer as its own process with
# its own configuration on loopback, prints `ok …` or `FAIL …` for each check, and ends with `finish`.

set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
PATH="$PATH:/usr/sbin:/sbin" # where Debian keeps its web servers

# A proxy would stand between the two ends of each test; NETRC and the like would change what is sent.
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY
export NO_PROXY='*' NO_COLOR=1 LC_ALL=C.UTF-8 RUST_BACKTRACE=0

peer=$(basename "$0" .sh)
tmp=$(mktemp -d "${TMPDIR:-/tmp}/interop-$peer.XXXXXX")
chmod 755 "$tmp" # a web server's workers may run as another user
pids=()
passed=0 failed=0

cleanup() {
    local pid
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
    for pid in "${pids[@]}"; do await gone "$pid" || kill -KILL "$pid"; done
    rm -rf "$tmp"
}
trap cleanup EXIT
trap 'exit 143' TERM INT HUP

# need COMMAND…: ends the script if one is not installed. That is a skip for a person (exit code 77, by which interop/run
# knows it) and a failure in CI.
need() {
    local command
    for command in "$@"; do
        command -v "$command" >/dev/null || skip "$command not installed"
    done
}

skip() {
    echo "skipped: $1"
    [[ ${CI:-} != true ]] || { echo "FAIL $peer: in CI nothing may be skipped"; exit 1; }
    exit 77
}

ok() { passed=$(( passed + 1 )); echo "ok $peer: $1"; }

# fail TEXT [FILE]: the first and last lines of FILE show why.
fail() {
    failed=$(( failed + 1 ))
    echo "FAIL $peer: $1"
    [[ -z ${2:-} ]] || awk '{ line[NR] = $0 } END { for (i = 1; i <= NR; i++) if (i <= 10 || i > NR - 10) print "    " line[i] }' "$2"
}

# check TEXT COMMAND…: ok if COMMAND succeeds; if not, its output is shown.
check() {
    local text=$1
    shift
    if "$@" >"$tmp/check.out" 2>&1; then ok "$text"; else fail "$text (exit $?: $*)" "$tmp/check.out"; fi
}

# refuse TEXT COMMAND…: ok if COMMAND ends with exit code 1, "something failed", and not by a panic or a signal.
refuse() {
    local text=$1 status
    shift
    "$@" >"$tmp/check.out" 2>&1
    status=$?
    if (( status == 1 )); then ok "$text"; else fail "$text (exit $status: $*)" "$tmp/check.out"; fi
}

# equal TEXT EXPECTED ACTUAL
equal() {
    if [[ $2 == "$3" ]]; then ok "$1"; else fail "$1: expected '$2', got '$3'"; fi
}

finish() {
    echo "$peer: $passed ok, $failed failed"
    (( failed == 0 && passed > 0 ))
    exit
}

# free_ports NUMBER: so many ports that nobody listens on, below the range the kernel gives to outgoing connections.
free_ports() {
    local port ports=()
    while (( ${#ports[@]} < $1 )); do
        port=$(( 20000 + RANDOM % 12000 ))
        [[ " ${ports[*]} " == *" $port "* ]] || listening "$port" || ports+=("$port")
    done
    echo "${ports[*]}"
}

listening() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# start PORT LOG COMMAND…: runs a server in the background until the script ends, and returns when PORT takes
# connections. Without that the script cannot go on, so it ends.
start() {
    local port=$1 log=$2 pid
    shift 2
    "$@" >"$log" 2>&1 </dev/null &
    pid=$!
    pids+=("$pid")
    for _ in {1..600}; do # a virtual machine takes its time
        listening "$port" && return
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.05
    done
    fail "$1 did not start on port $port" "$log"
    finish
}

# await COMMAND…: returns when COMMAND succeeds; fails after ten seconds.
await() {
    for _ in {1..200}; do
        "$@" && return 0 # said in full: in a trap a bare `return` gives the status from before it
        sleep 0.05
    done
    return 1
}

# Whether a process of ours has ended: it is no more, or a zombie until it is waited for.
gone() { ! grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$1/status"; }

# ends_well PID: it ends by itself, within ten seconds, with 0.
ends_well() { await gone "$1" && wait "$1"; }

# Whether the server at PORT has closed its side of a connection (FIN-WAIT-1 or 2 of the kernel's table).
server_closed() {
    awk -v port=":$(printf '%04X' "$1")" '$2 ~ port "$" && ($4 == "04" || $4 == "05") { found = 1 } END { exit !found }' /proc/net/tcp
}

# stop PID: ends a process of ours, and returns when it has ended.
stop() { kill -INT "$1" && await gone "$1"; }

# nginx_conf <HTTP: a configuration that needs nothing of the system's; what is given goes into its http block. It logs to
# $access_log, if that is set.
nginx_conf() {
    mkdir -p "$tmp/temp"
    cat <<CONF
daemon off;
pid $tmp/nginx.pid;
error_log stderr;
$( (( EUID != 0 )) || echo 'user root;')
events { }
http {
    client_body_temp_path $tmp/temp/body;
    proxy_temp_path $tmp/temp/proxy;
    fastcgi_temp_path $tmp/temp/fastcgi;
    uwsgi_temp_path $tmp/temp/uwsgi;
    scgi_temp_path $tmp/temp/scgi;
$(cat)
    access_log ${access_log:-off};
}
CONF
}

# httpd_conf MODULE… <REST: the same for Apache httpd, with these modules, as in `httpd_conf dir alias`.
httpd_modules=/usr/lib/apache2/modules
httpd_conf() {
    local module
    cat <<CONF
ServerRoot $tmp
ServerName localhost
PidFile $tmp/httpd.pid
DefaultRuntimeDir $tmp
ErrorLog $tmp/httpd-error.log
$(for module in mpm_event authz_core "$@"; do echo "LoadModule ${module}_module $httpd_modules/mod_$module.so"; done)
$( (( EUID != 0 )) || printf 'User www-data\nGroup www-data\n')
$(cat)
CONF
}

# self_signed: $tmp/key.pem and $tmp/cert.pem, for 127.0.0.1 and localhost.
self_signed() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$tmp/key.pem" -out "$tmp/cert.pem" -days 2 \
        -subj '/CN=localhost' -addext 'subjectAltName=IP:127.0.0.1,DNS:localhost' \
        -addext 'basicConstraints=critical,CA:FALSE' >"$tmp/openssl.log" 2>&1 ||
        { fail "openssl makes a certificate" "$tmp/openssl.log"; finish; }
}

# record FILE FILTER…: tcpdump on the loopback interface, in the background; sets $dump. It fails where tcpdump may not
# record: whether a machine lets one is not the project's to decide.
record() {
    local file=$1 as=()
    shift
    (( EUID != 0 )) || as=(-Z root) # it would give up being root, and then the folder is not its own
    tcpdump -i lo "${as[@]}" --immediate-mode -B 8192 -U -w "$file" "$@" 2>"$tmp/tcpdump.err" &
    dump=$!
    pids+=("$dump")
    for _ in {1..200}; do
        grep -qs '^tcpdump: listening on' "$tmp/tcpdump.err" && return
        kill -0 "$dump" 2>/dev/null || break
        sleep 0.05
    done
    echo "skipped: tcpdump may not record here: $(tail -n 1 "$tmp/tcpdump.err")"
    return 1
}

# The binary under test: $TENURE, or the release build of this tree.
find_tenure() {
    if [[ -z ${TENURE:-} ]]; then
        (cd "$root" && cargo build --release --quiet -p tenure-cli) || { fail "cargo build --release -p tenure-cli"; finish; }
        TENURE=${CARGO_TARGET_DIR:-$root/target}/release/tenure
    fi
    TENURE=$(realpath "$TENURE")
    [[ -x $TENURE ]] || { fail "no executable at TENURE=$TENURE"; finish; }
}

# Each run of the client is bounded: one that hangs is a failure, not a script without an end.
tenure() { timeout 120 "$TENURE" "$@"; }

# start_tenure ARGUMENTS…: `tenure serve` on a free port; sets $url and $server, its process. Its
# first line says where it listens.
start_tenure() {
    local log=$tmp/serve.log
    : >"$log"
    "$TENURE" serve --listen 127.0.0.1:0 "$@" >"$tmp/serve.out" 2>"$log" </dev/null &
    server=$!
    pids+=("$server")
    for _ in {1..200}; do
        url=$(sed -n '1s|^listening on \(https\{0,1\}://[^ ]*\).*|\1|p' "$log")
        url=${url%/}
        [[ -z $url ]] || return
        kill -0 "$server" 2>/dev/null || break
        sleep 0.05
    done
    fail "tenure serve did not say where it listens" "$log"
    finish
}

# make_files DIR: a small tree with what goes wrong first: an empty file, names that need percent-encoding, a folder
# in a folder, bytes that are no text, a file longer than any buffer.
make_files() {
    local dir=$1 i
    mkdir -p "$dir/sub/deep"
    for i in {01..12}; do printf 'file %s\n' "$i" >"$dir/small-$i.txt"; done
    : >"$dir/empty"
    printf 'a b' >"$dir/with space.txt"
    printf '100%%' >"$dir/100%.txt"
    printf 'u' >"$dir/größe.txt"
    printf 'q' >"$dir/what?#&+.txt"
    printf 'nested' >"$dir/sub/deep/nested.txt"
    printf 'GET / HTTP/1.1\r\nHost: x\r\n\r\n0\r\n\r\n' >"$dir/sub/looks-like-http"
    head -c 3000000 /dev/urandom >"$dir/big.bin"
}

count_files() { find "$1" -type f | wc -l; }

# same_files DIR DIR: the same names with the same SHA-256 digests, and at least one.
same_files() {
    digests "$1" >"$tmp/expected.sum" && digests "$2" >"$tmp/actual.sum" || return
    [[ -s $tmp/expected.sum ]] && diff "$tmp/expected.sum" "$tmp/actual.sum" | head -n 8
}

# The same, by the files' last names alone: what was fetched into one folder.
same_files_by_name() {
    digests "$1" | sed -E 's|^([0-9a-f]+ .).*/|\1|' | sort >"$tmp/expected.sum"
    digests "$2" | sed -E 's|^([0-9a-f]+ .).*/|\1|' | sort >"$tmp/actual.sum"
    [[ -s $tmp/expected.sum ]] && diff "$tmp/expected.sum" "$tmp/actual.sum" | head -n 8
}

digests() { (cd "$1" && find . -type f -print0 | sort -z | xargs -0 -r sha256sum); }

# percent-encodes the path names on standard input, one a line; slashes stay
encode_paths() {
    perl -pe 'chomp; s/([^A-Za-z0-9\/._~-])/sprintf "%%%02X", ord $1/ge; $_ .= "\n"'
}

# replace_table DOCUMENT TABLE: the lines between the document's markers become those of the file TABLE.
replace_table() {
    awk -v new="$2" '
        /<!-- table:end -->/ { inside = 0 }
        !inside { print }
        /<!-- table:begin -->/ { inside = 1; while ((getline line <new) > 0) print line }' "$1" >"$tmp/document" &&
        cp "$tmp/document" "$1"
}
