#!/usr/bin/env bash
# tenure's client over TLS against nginx: trusted only by the certificate given with --cacert, kept alive all the same.
# shellcheck source=interop/client.sh
source "$(dirname "$0")/client.sh"
need nginx openssl
find_tenure

# A private authority and a server certificate it signed, for 127.0.0.1 and localhost.
key() { openssl ecparam -name prime256v1 -genkey -noout -out "$1"; }
{
    key "$tmp/ca.key" && key "$tmp/server.key" && key "$tmp/other.key" &&
        openssl req -x509 -new -key "$tmp/ca.key" -days 2 -subj '/CN=interop authority' -out "$tmp/ca.pem" &&
        openssl req -x509 -new -key "$tmp/other.key" -days 2 -subj '/CN=some other authority' -out "$tmp/other.pem" &&
        openssl req -new -key "$tmp/server.key" -subj '/CN=interop server' -out "$tmp/server.csr" &&
        openssl x509 -req -in "$tmp/server.csr" -CA "$tmp/ca.pem" -CAkey "$tmp/ca.key" -set_serial 2 -days 2 \
            -extfile <(printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=serverAuth\n') \
            -out "$tmp/server.pem"
    # The other way people do it: one certificate that signs itself and is its own authority's only child.
    key "$tmp/self.key" && openssl req -x509 -new -key "$tmp/self.key" -days 2 -subj '/CN=localhost' \
        -addext 'subjectAltName=IP:127.0.0.1,DNS:localhost' -addext 'basicConstraints=critical,CA:FALSE' -out "$tmp/self.pem"
} >"$tmp/openssl.log" 2>&1 || { fail "openssl makes the certificates" "$tmp/openssl.log"; finish; }

read -r signed few self new plain < <(free_ports 5)
storing_nginx >"$tmp/nginx.conf" <<CONF
ssl_certificate $tmp/server.pem;
ssl_certificate_key $tmp/server.key;
server { listen 127.0.0.1:$signed ssl; listen 127.0.0.2:$signed ssl; ssl_protocols TLSv1.2; }
server { listen 127.0.0.1:$new ssl; ssl_protocols TLSv1.3; }
server { listen 127.0.0.1:$few ssl; keepalive_requests 3; }
server { listen 127.0.0.1:$self ssl; ssl_certificate $tmp/self.pem; ssl_certificate_key $tmp/self.key; }
server { listen 127.0.0.1:$plain; }
CONF
start "$signed" "$tmp/nginx.log" nginx -p "$tmp" -c "$tmp/nginx.conf"

options=(--cacert "$tmp/ca.pem")
echo "# TLS 1.2 and 1.3"
send_and_get "https://127.0.0.1:$signed" "$signed" tls12 1
equal "it was TLS 1.2" TLSv1.2 "$(life "$signed" "$files" | grep -o 'TLS.*' | sort -u)"
send_and_get "https://localhost:$new" "$new" tls13 1
equal "it was TLS 1.3" TLSv1.3 "$(life "$new" "$files" | grep -o 'TLS.*' | sort -u)"
check "send takes a pipe" send_pipe "https://127.0.0.1:$new/piped" --method PUT
check "all of it is stored" cmp <(head -c 200000 "$tmp/files/big.bin") "$tmp/www/piped"

echo "# keepalive_requests 3: new connections, new handshakes"
send_and_get "https://127.0.0.1:$few" "$few" few $(( (files + 2) / 3 ))

echo "# a certificate that signs itself"
check "get trusts it when it is given" tenure get --cacert "$tmp/self.pem" -o "$tmp/one" "https://127.0.0.1:$self/tls12/small-01.txt"
check "and has the file" cmp "$tmp/files/small-01.txt" "$tmp/one"

echo "# refusals: nothing may be sent, nothing written"
forget
refused_get() { refuse "get refuses $1" tenure get "${@:3}" -o "$tmp/refused" "$2/tls12/small-01.txt"; }
refused_send() { refuse "send refuses $1" tenure send "${@:3}" --method PUT --to "$2/refused/{name}" "$tmp/files/small-01.txt"; }
for refused in refused_get refused_send; do
    "$refused" "an unknown authority" "https://127.0.0.1:$signed"
    "$refused" "another authority" "https://127.0.0.1:$signed" --cacert "$tmp/other.pem"
    "$refused" "a certificate for another name" "https://127.0.0.2:$signed" --cacert "$tmp/ca.pem"
    "$refused" "a server that does not speak TLS" "https://127.0.0.1:$plain" --cacert "$tmp/ca.pem"
done
check "no file was written" test ! -e "$tmp/refused"
check "no file was stored" test ! -e "$tmp/www/refused"
equal "no request arrived (but for a TLS hello where none was expected)" 0 "$(grep -vc "^$plain " "$tmp/access.log")"

finish
