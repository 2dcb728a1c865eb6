#!/usr/bin/env bash
# Probes the servers that are installed here, each as it comes but for an idle timeout that is said, and writes the table
# of docs/servers.md: `interop/servers.sh > docs/servers.md`. Run by hand; a server that is missing has no row.
# shellcheck source=interop/lib.sh
source "$(dirname "$0")/lib.sh"
need python3
find_tenure

read -r p_nginx p_httpd p_tomcat p_stop p_node p_gunicorn p_uvicorn p_haproxy p_h2o p_lighttpd p_python p_tenure < <(free_ports 12)
mkdir "$tmp/www" "$tmp/app"
printf 'hello\n' >"$tmp/www/index.html"
chmod -R a+rX "$tmp/www"
rows=()

# row NAME PORT CONFIGURED VERSION COMMAND…: starts a server, if it is installed, and remembers to probe it.
row() {
    local name=$1 port=$2 idle=$3 version=$4
    shift 4
    command -v "$1" >/dev/null || { echo "$name is not installed" >&2; return; }
    start "$port" "$tmp/$name.log" "$@" >&2
    printf '%s\t%s\t%s\n' "$name" "$idle" "$version" >>"$tmp/rows"
    rows+=("$name $port")
}

# version COMMAND…: the first number with a point in what it prints.
version() { "$@" 2>&1 | grep -oE -m1 '[0-9]+\.[0-9]+(\.[0-9]+)*' | head -n 1; }

nginx_conf >"$tmp/nginx.conf" <<CONF
    root $tmp/www;
    server { listen 127.0.0.1:$p_nginx; keepalive_timeout 3s; }
CONF
httpd_conf dir >"$tmp/httpd.conf" <<CONF
DocumentRoot $tmp/www
DirectoryIndex index.html
Listen 127.0.0.1:$p_httpd
CONF
cat >"$tmp/node.js" <<JS
require('http').createServer((request, response) => response.end('hello\n')).listen($p_node, '127.0.0.1')
JS
cat >"$tmp/app/wsgi.py" <<'PY'
def app(environ, start_response):
    start_response("200 OK", [("Content-Length", "6"), ("Content-Type", "text/plain")])
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [b"hello\n"]
PY
cat >"$tmp/app/asgi.py" <<'PY'
async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"6")]})
    await send({"type": "http.response.body", "body": b"hello\n"})
PY
cat >"$tmp/haproxy.cfg" <<CONF
defaults
    mode http
    timeout client 30s
    timeout http-request 10s
    timeout http-keep-alive 3s
frontend probed
    bind 127.0.0.1:$p_haproxy
    http-request return status 200 content-type text/plain string hello
CONF
cat >"$tmp/h2o.conf" <<CONF
listen: { host: 127.0.0.1, port: $p_h2o }
http1-request-timeout: 3
error-log: $tmp/h2o-error.log
$( (( EUID != 0 )) || printf 'user: www-data\n')
hosts: { default: { paths: { /: { file.dir: $tmp/www } } } }
CONF
cat >"$tmp/lighttpd.conf" <<CONF
server.document-root = "$tmp/www"
server.bind = "127.0.0.1"
server.port = $p_lighttpd
server.errorlog = "$tmp/lighttpd-error.log"
index-file.names = ( "index.html" )
CONF
cat >"$tmp/server.py" <<PY
import http.server
class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(("127.0.0.1", $p_python), lambda *a: Handler(*a, directory="$tmp/www")).serve_forever()
PY

row nginx "$p_nginx" 3 "$(version nginx -v)" nginx -p "$tmp" -c "$tmp/nginx.conf"
row "Apache httpd" "$p_httpd" 5 "$(version apache2 -v)" apache2 -d "$tmp" -f "$tmp/httpd.conf" -DFOREGROUND
export CATALINA_BASE=$tmp/tomcat
if command -v tomcat10-instance-create >/dev/null; then
    tomcat10-instance-create -p "$p_tomcat" -c "$p_stop" "$CATALINA_BASE" >"$tmp/tomcat-create.log"
    sed -i 's/connectionTimeout="20000"/& keepAliveTimeout="3000"/' "$CATALINA_BASE/conf/server.xml"
    mkdir -p "$CATALINA_BASE/webapps/ROOT"
    cp "$tmp/www/index.html" "$CATALINA_BASE/webapps/ROOT/"
fi
tomcat=/usr/share/tomcat10/bin
row Tomcat "$p_tomcat" 3 "$(version sh -c "$tomcat/version.sh | grep '^Server number'")" "$tomcat/catalina.sh" run
row Node "$p_node" 5 "$(version node -v)" node "$tmp/node.js"
row gunicorn "$p_gunicorn" 2 "$(version gunicorn --version), gthread" \
    gunicorn --chdir "$tmp/app" --bind "127.0.0.1:$p_gunicorn" --worker-class gthread --threads 16 wsgi:app
row uvicorn "$p_uvicorn" 5 "$(version uvicorn --version)" uvicorn --app-dir "$tmp/app" --port "$p_uvicorn" --log-level warning asgi:app
row HAProxy "$p_haproxy" 3 "$(version haproxy -v)" haproxy -db -f "$tmp/haproxy.cfg"
row h2o "$p_h2o" 3 "$(version h2o --version)" h2o -c "$tmp/h2o.conf"
row lighttpd "$p_lighttpd" 5 "$(version lighttpd -v)" lighttpd -D -f "$tmp/lighttpd.conf"
row "Python http.server" "$p_python" none "$(version python3 --version)" python3 "$tmp/server.py"
row "tenure serve" "$p_tenure" 2 "$(version "$TENURE" --version)" \
    "$TENURE" serve "$tmp/www" --listen "127.0.0.1:$p_tenure" --idle-timeout 2 --no-announce

# Four at a time, so that the servers do not wait for each other's turn on a small machine.
probes=()
for row in "${rows[@]}"; do
    name=${row% *} port=${row##* }
    tenure probe --intrusive --max-wait 9 --json "http://127.0.0.1:$port/" >"$tmp/$name.json" 2>"$tmp/$name.err" &
    probes+=($!)
    if (( ${#probes[@]} == 4 )); then
        for pid in "${probes[@]}"; do wait "$pid"; done
        probes=()
    fi
done
for pid in "${probes[@]}"; do wait "$pid"; done

python3 "$here/servers_table.py" "$tmp"
