#!/usr/bin/env bash
# tenure's client against Apache httpd: PUT by mod_dav_fs, POST to a CGI script, GET of files and of content whose
# length nobody knows beforehand; and connections that Apache ends after five requests or one idle second.
# shellcheck source=interop/client.sh
source "$(dirname "$0")/client.sh"
need apache2
find_tenure

read -r long few short < <(free_ports 3)
mkdir -p "$tmp/www" "$tmp/cgi" "$tmp/posted" "$tmp/locks"
cat >"$tmp/cgi/store" <<'CGI'
#!/bin/sh
# Stores what was posted under the last part of the path.
cat >"$STORE/$(basename "$PATH_INFO")" && printf 'Status: 201 Created\r\nContent-Type: text/plain\r\n\r\nstored\n'
CGI
cat >"$tmp/cgi/slowly" <<'CGI'
#!/bin/sh
# Content without a length, more than Apache would gather to find it out.
printf 'Content-Type: text/plain\r\n\r\n'
seq 1 20000
CGI
chmod 755 "$tmp"/cgi/*
httpd_conf alias env cgid dav dav_fs >"$tmp/httpd.conf" <<CONF
StartServers 1
ThreadsPerChild 8
ServerLimit 1
MaxRequestWorkers 8
ScriptSock $tmp/cgid.sock
DAVLockDB $tmp/locks/dav
# The client's port names the connection; %k counts the requests on it before this one.
LogFormat "%{local}p %{remote}p %k %m %s te=%{Transfer-Encoding}i connection=%{Connection}i" life
CustomLog $tmp/access.log life
DocumentRoot $tmp/www
<Directory $tmp/www>
    Require all granted
    DAV on
</Directory>
SetEnv STORE $tmp/posted
ScriptAlias /cgi/ $tmp/cgi/
<Directory $tmp/cgi>
    Require all granted
</Directory>
Listen 127.0.0.1:$long
Listen 127.0.0.1:$few
Listen 127.0.0.1:$short
KeepAlive on
MaxKeepAliveRequests 1000
KeepAliveTimeout 30
<VirtualHost 127.0.0.1:$few>
    MaxKeepAliveRequests 5
</VirtualHost>
<VirtualHost 127.0.0.1:$short>
    KeepAliveTimeout 1
</VirtualHost>
CONF

# DAV makes no folders by itself: a PUT into one that is not there is refused.
for dir in in few; do mkdir -p "$tmp/www/$dir/sub/deep"; done
(( EUID != 0 )) || chown -R www-data:www-data "$tmp/www" "$tmp/posted" "$tmp/locks"
: >"$tmp/access.log"
start "$long" "$tmp/httpd.log" apache2 -f "$tmp/httpd.conf" -DFOREGROUND

echo "# Apache as it is"
send_and_get "http://127.0.0.1:$long" "$long" in 1

echo "# a CGI script: POST with a length and in chunks, an answer without a length"
post() { tenure send "$tmp/files/small-01.txt" "$tmp/files/big.bin" --to "http://127.0.0.1:$long/cgi/store/{name}"; }
forget
check "send posts two files" post
check "the first is stored" cmp "$tmp/files/small-01.txt" "$tmp/posted/small-01.txt"
check "the second is stored" cmp "$tmp/files/big.bin" "$tmp/posted/big.bin"
equal "over one connection" 1 "$(life "$long" 2 | connections)"
forget
check "send posts a pipe" send_pipe "http://127.0.0.1:$long/cgi/store/piped"
equal "in chunks" 1 "$(life "$long" 1 | grep -c 'te=chunked')"
check "all of it is stored" cmp <(head -c 200000 "$tmp/files/big.bin") "$tmp/posted/piped"
check "get takes chunked content" tenure get "http://127.0.0.1:$long/cgi/slowly" -o "$tmp/slowly"
check "all of it" cmp <(seq 1 20000) "$tmp/slowly"
check "get asks for it by HTTP/1.0" tenure get --http1.0 "http://127.0.0.1:$long/cgi/slowly" -o "$tmp/slowly10"
check "and takes it until the close" cmp <(seq 1 20000) "$tmp/slowly10"

# Five requests on a connection that was kept alive, after the one that opened it.
echo "# MaxKeepAliveRequests 5: Apache ends each connection after its sixth request"
send_and_get "http://127.0.0.1:$few" "$few" few $(( (files + 5) / 6 ))
equal "no connection carried more (the log counts from 0)" 5 "$(life "$few" "$files" | most_requests)"

echo "# KeepAliveTimeout 1: Apache closes while the reader dawdles"
dawdle "$short"

finish
