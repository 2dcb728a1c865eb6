# shellcheck shell=bash
# What the scripts share that test the client, `tenure send` and `tenure get`, against somebody's server. The server
# stores below $tmp/www and writes an access log $tmp/access.log whose lines begin with its port, a name for the
# connection, and the number of the request on it.

# shellcheck source=interop/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

make_files "$tmp/files"
files=$(count_files "$tmp/files")
mapfile -t paths < <(cd "$tmp/files" && find . -type f | cut -c3- | sort | encode_paths)
options=() # of the client, in every run

# send ORIGIN PREFIX
send() { (cd "$tmp/files" && tenure send "${options[@]}" . --method PUT --to "$1/$2/{path}" --json >"$tmp/report"); }
# send_pipe URL [OPTION…]: 200,000 bytes whose number the client cannot know beforehand
send_pipe() { head -c 200000 "$tmp/files/big.bin" | tenure send "${options[@]}" "${@:2}" - --to "$1"; }
# get ORIGIN PREFIX DIR
get() { tenure get "${options[@]}" --output-dir "$3" "${paths[@]/#/$1/$2/}" --json >"$tmp/report"; }
# What the client says it opened, to be held against the server's log.
reported() { sed -n 's/.*"connections_opened":\([0-9]*\).*/\1/p' "$tmp/report"; }

# life PORT LINES: the access log's lines for a port. A server writes one when it is done with a request, which may be
# after the client is, so this waits for as many as are expected.
life() {
    await enough_life "$1" "$2"
    grep "^$1 " "$tmp/access.log"
}
enough_life() { (( $(grep -c "^$1 " "$tmp/access.log") >= $2 )); }
connections() { awk '{ print $2 }' | sort -u | wc -l; }
most_requests() { awk '{ print $3 }' | sort -n | tail -n 1; }
forget() { : >"$tmp/access.log"; }

# send_and_get ORIGIN PORT PREFIX CONNECTIONS: all files there and back, each way over so many connections.
send_and_get() {
    local origin=$1 port=$2 prefix=$3 expected=$4
    forget
    check "send puts $files files" send "$origin" "$prefix"
    check "every digest is equal" same_files "$tmp/files" "$tmp/www/$prefix"
    life "$port" "$files" >"$tmp/life"
    equal "no file was sent twice" "$files" "$(wc -l <"$tmp/life")"
    equal "connections it took" "$expected" "$(connections <"$tmp/life")"
    equal "and said it took" "$expected" "$(reported)"
    forget
    check "get fetches $files files" get "$origin" "$prefix" "$tmp/got-$prefix"
    check "every digest is equal" same_files_by_name "$tmp/files" "$tmp/got-$prefix"
    equal "connections it took" "$expected" "$(life "$port" "$files" | connections)"
    equal "and said it took" "$expected" "$(reported)"
}

# dawdle PORT: the server there closes a connection that was idle for a second. The reader of `get` pauses at the first
# bytes; the rest of the file waits in buffers, the server is done with it, finds the connection idle and closes it.
# `get` must see that and open another for the second file.
dawdle() {
    local port=$1 getting
    forget
    head -c 400000 "$tmp/files/big.bin" >"$tmp/www/first"
    printf second >"$tmp/www/second"
    mkfifo "$tmp/fifo"
    tenure get "http://127.0.0.1:$port/first" "http://127.0.0.1:$port/second" >"$tmp/fifo" 2>"$tmp/get.err" &
    getting=$!
    exec 4<"$tmp/fifo"
    check "the server closes the idle connection" await server_closed "$port"
    cat <&4 >"$tmp/both"
    exec 4<&-
    check "get succeeds" wait "$getting"
    check "with both files whole" cmp "$tmp/both" <(cat "$tmp/www/first" "$tmp/www/second")
    equal "over two connections" 2 "$(life "$port" 2 | connections)"
}

# storing_nginx <SERVERS: a configuration of nginx's with the server blocks given, which stores and logs as said above.
storing_nginx() {
    mkdir -p "$tmp/www"
    access_log="$tmp/access.log life" nginx_conf <<CONF
    log_format life '\$server_port \$connection \$connection_requests \$request_method \$status te=\$http_transfer_encoding connection=\$http_connection \$server_protocol \$ssl_protocol';
    client_max_body_size 0;
    root $tmp/www;
    dav_methods PUT;
    create_full_put_path on;
$(cat)
CONF
}
