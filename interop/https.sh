#!/usr/bin/env bash
# Our server over TLS against curl and openssl: a connection that is used again, a session that is resumed, and the closure alert
# at every end, as OpenSSL sees it.
# shellcheck source=interop/lib.sh
source "$(dirname "$0")/lib.sh"
need curl openssl
find_tenure
www=$tmp/www
make_files "$www"

self_signed
start_tenure "$www" --uploads "$www/in" --cert "$tmp/cert.pem" --key "$tmp/key.pem" --idle-timeout 2 --no-announce -v
where=${url#https://}
equal "it says that it speaks https" https "${url%%:*}"

# asks ARGUMENTS…: curl, which trusts the certificate; a line of status and new connections for each request.
asks() { curl -sS --max-time 20 --cacert "$tmp/cert.pem" -w '%{http_code} %{num_connects}\n' "$@"; }

echo "# curl: one connection for all, also for uploads, by both versions"
for version in 1.2 1.3; do
    equal "TLS $version: three requests over one connection" "200 1 200 0 200 0" \
        "$(asks --tls-max "$version" -o "$tmp/1" -o "$tmp/2" -o "$tmp/3" "$url"/small-0{1,2,3}.txt | xargs)"
    check "TLS $version: the right answers" cmp "$tmp/3" "$www/small-03.txt"
    equal "TLS $version: stored, then fetched over the same connection" "201 1 200 0" \
        "$(asks --tls-max "$version" -T "$www/big.bin" "$url/in/$version.bin" -o /dev/null \
            --next --tls-max "$version" --cacert "$tmp/cert.pem" -sS -w '%{http_code} %{num_connects}\n' -o "$tmp/big" "$url/in/$version.bin" | xargs)"
    check "TLS $version: byte by byte" cmp "$tmp/big" "$www/big.bin"
done
asks -v -o /dev/null "$url/small-01.txt" >"$tmp/curl.log" 2>&1
check "of h2 and http/1.1 it chooses http/1.1" grep -q 'ALPN.*accepted.*http/1.1' "$tmp/curl.log"
refuse_untrusted() { ! curl -sS --max-time 20 -o /dev/null "$url/small-01.txt"; }
check "who does not trust the certificate asks nothing" refuse_untrusted

# talk OUT ARGUMENTS…: openssl sends what is on standard input and reads until the server closes.
talk() {
    local out=$1
    shift
    timeout 20 openssl s_client -connect "$where" -servername localhost -CAfile "$tmp/cert.pem" -verify_return_error -ign_eof -msg "$@" \
        >"$out" 2>&1
}
last='GET /small-01.txt HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n'
stays='GET /small-01.txt HTTP/1.1\r\nHost: localhost\r\n\r\n'
# Received, told to be the end, and no end without it.
farewell() { grep -q '^<<< .*Alert.*close_notify' "$1" && ! grep -q 'unexpected eof' "$1"; }

for version in tls1_2 tls1_3; do
    echo "# openssl, $version"
    # shellcheck disable=SC2059 # the escapes are the point
    printf "$last" | talk "$tmp/first" "-$version" -sess_out "$tmp/session"
    check "a full handshake, and the answer" grep -q '^file 01' "$tmp/first"
    check "it is a new session" grep -q '^New, TLSv1' "$tmp/first"
    check "a response that says close ends with the closure alert" farewell "$tmp/first"
    # shellcheck disable=SC2059
    printf "$last" | talk "$tmp/again" "-$version" -sess_in "$tmp/session"
    check "the session is resumed" grep -q '^Reused, TLSv1' "$tmp/again"
    check "with the answer" grep -q '^file 01' "$tmp/again"
    # shellcheck disable=SC2059
    printf "$stays" | talk "$tmp/idle" "-$version"
    check "an idle connection, parked by then, ends with the closure alert" farewell "$tmp/idle"
done
check "the server's word for it" grep -q 'closed after 1 request: idle for too long' "$tmp/serve.log"

echo "# a drain"
# shellcheck disable=SC2059
printf "$stays" | talk "$tmp/drained" &
talking=$!
pids+=("$talking")
check "openssl has its answer" await grep -qs '^file 01' "$tmp/drained"
kill -TERM "$server"
check "the server ends by itself, with 0" ends_well "$server"
wait "$talking"
check "and took its leave of the idle connection" farewell "$tmp/drained"
finish
