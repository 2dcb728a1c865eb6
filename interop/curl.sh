#!/usr/bin/env bash
# `tenure serve` with curl as its client.
# shellcheck source=interop/server.sh
source "$(dirname "$0")/server.sh"
need curl
serve

# What curl says of a transfer, a line for each: status, connections it had to open, bytes of content each way.
facts='%{http_code} opened=%{num_connects} down=%{size_download} up=%{size_upload}\n'
fetch() { curl --silent --show-error --max-time 60 --no-progress-meter --write-out "$facts" "$@" 2>"$tmp/curl.err"; }
size() { stat -c %s "$1"; }
big=$(size "$www/big.bin")

echo "# GET and HEAD"
equal "GET of a long file" "200 opened=1 down=$big up=0" "$(fetch -o "$tmp/big" "$url/big.bin")"
check "is the file" cmp "$www/big.bin" "$tmp/big"
equal "GET of an empty file" "200 opened=1 down=0 up=0" "$(fetch -o "$tmp/empty" "$url/empty")"
equal "HEAD has the fields and no content" "200 opened=1 down=0 up=0" "$(fetch --head -o "$tmp/head" "$url/big.bin")"
equal "its Content-Length is the file's" "$big" "$(tr -d '\r' <"$tmp/head" | awk 'tolower($1) == "content-length:" { print $2 }')"
equal "GET after HEAD on one connection" "200 opened=1 down=0 up=0 200 opened=0 down=$big up=0" \
    "$(fetch --head -o "$tmp/head" "$url/big.bin" --next --silent -w "$facts" -o "$tmp/big" "$url/big.bin" | paste -sd ' ')"
equal "a missing file does not end the connection" "404 opened=1 200 opened=0" \
    "$(fetch -o "$tmp/none" -o "$tmp/empty" "$url/none" "$url/empty" | cut -d' ' -f1,2 | paste -sd ' ')"
equal "nor does a path that leads out, and it leads nowhere" "4 opened=1 200 opened=0" \
    "$(fetch --path-as-is -o "$tmp/none" -o "$tmp/empty" "$url/../../etc/passwd" "$url/empty" | cut -d' ' -f1,2 | sed 's/^4../4/' | paste -sd ' ')"

echo "# one connection for many"
many() {
    local path arguments=()
    while read -r path; do arguments+=(-o "$tmp/out" "$url/$path"); done < <(cd "$www" && find . -type f | cut -c3- | encode_paths)
    fetch -v "$@" "${arguments[@]}"
}
equal "all files by one connection" "opened=1 $(( files - 1 )) times opened=0" \
    "$(many | awk '{ n[$2]++ } END { print "opened=1", n["opened=0"], "times opened=0" }')"
equal "curl says so itself" $(( files - 1 )) "$(grep -c 'Re-using existing connection' "$tmp/curl.err")"
equal "Connection: close is obeyed" "$files" "$(many -H 'Connection: close' | grep -c 'opened=1')"
equal "HTTP/1.0 gets a connection each" "$files" "$(many --http1.0 | grep -c 'opened=1')"
equal "HTTP/1.0 that asks for keep-alive gets one" "$(( files - 1 ))" "$(many --http1.0 -H 'Connection: keep-alive' | grep -c 'opened=0')"
equal "in parallel, all arrive" "$files" "$(many --parallel --parallel-max 4 | grep -c '^200')"

echo "# parts and conditions"
equal "a range" "206 opened=1 down=100 up=0" "$(fetch -r 100-199 -o "$tmp/part" "$url/big.bin")"
check "is that part" cmp <(tail -c +101 "$www/big.bin" | head -c 100) "$tmp/part"
equal "the last bytes" "206 opened=1 down=7 up=0" "$(fetch -r -7 -o "$tmp/part" "$url/big.bin")"
check "are those" cmp <(tail -c 7 "$www/big.bin") "$tmp/part"
equal "a range behind the end" 416 "$(fetch -r "$big-" -o "$tmp/part" "$url/big.bin" | cut -d' ' -f1)"
head -c 1000 "$www/big.bin" >"$tmp/resumed"
equal "curl -C - resumes" "206 opened=1 down=$(( big - 1000 )) up=0" "$(fetch -C - -o "$tmp/resumed" "$url/big.bin")"
check "and completes the file" cmp "$www/big.bin" "$tmp/resumed"
fetch --etag-save "$tmp/etag" -o "$tmp/part" "$url/big.bin" >"$tmp/out"
equal "an unchanged file is not sent again, and the connection lives on" "304 opened=1 304 opened=0" \
    "$(fetch --etag-compare "$tmp/etag" -o "$tmp/part" -o "$tmp/part" "$url/big.bin" "$url/big.bin" | cut -d' ' -f1,2 | paste -sd ' ')"
equal "nor by its date" 304 "$(fetch -z "$www/big.bin" -o "$tmp/part" "$url/big.bin" | cut -d' ' -f1)"

echo "# uploads"
equal "PUT with a length" "201 opened=1 up=$big" "$(fetch -o "$tmp/out" -T "$www/big.bin" "$url/in/put" | cut -d' ' -f1,2,4)"
check "is stored" cmp "$www/big.bin" "$www/in/put"
put_pipe() { fetch -v -o "$tmp/out" -T - "$url/in/piped" <"$www/big.bin"; }
equal "PUT from a pipe" "201 opened=1" "$(put_pipe | cut -d' ' -f1,2)"
equal "went in chunks" 1 "$(grep -ci '^> Transfer-Encoding: chunked' "$tmp/curl.err")"
check "is stored" cmp "$www/big.bin" "$www/in/piped"
equal "three PUTs by one connection" "201 opened=1 201 opened=0 201 opened=0" \
    "$(fetch -o "$tmp/out" -T "$www/small-0[1-3].txt" "$url/in/" | cut -d' ' -f1,2 | paste -sd ' ')"
check "are stored" cmp <(cat "$www"/small-0[1-3].txt) <(cat "$www"/in/small-0[1-3].txt)
equal "POST" 201 "$(fetch -D "$tmp/fields" -o "$tmp/out" --data-binary "@$www/big.bin" "$url/in/" | cut -d' ' -f1)"
location=$(tr -d '\r' <"$tmp/fields" | awk 'tolower($1) == "location:" { print $2 }')
[[ $location != /* ]] || location=$url$location
check "has a Location, and that is the file" cmp "$www/big.bin" <(curl -s "$location")
equal "a form" 201 "$(fetch -o "$tmp/out" -F "file=@$www/small-04.txt" "$url/in/" | cut -d' ' -f1)"
check "is stored" cmp "$www/small-04.txt" "$www/in/small-04.txt"

# curl would wait a minute for the 100; --max-time ends it before that.
echo "# 100-continue"
equal "content that waits for a 100 gets one" 201 \
    "$(fetch -v --expect100-timeout 50 --max-time 30 -H 'Expect: 100-continue' -o "$tmp/out" -T "$www/big.bin" "$url/in/expected" | cut -d' ' -f1)"
equal "it came" 1 "$(grep -c '^< HTTP/1.1 100' "$tmp/curl.err")"
check "the file is stored" cmp "$www/big.bin" "$www/in/expected"
equal "what will be refused need not be sent" "405 up=0" \
    "$(fetch --expect100-timeout 50 --max-time 30 -H 'Expect: 100-continue' -o "$tmp/out" -T "$www/big.bin" "$url/outside" | cut -d' ' -f1,4)"
check "and is not stored" test ! -e "$www/outside"
equal "after refused content the next request is answered" "405 200" \
    "$(fetch -H 'Expect:' -o "$tmp/out" -T "$www/big.bin" "$url/outside" --next --silent -w "$facts" -o "$tmp/out" "$url/empty" | cut -d' ' -f1 | paste -sd ' ')"

echo "# Ctrl-C while an upload is half done"
port=${url##*:}
temporary() { [[ -n $(find "$www/in" -name '.*' -type f) ]]; }
refusing() { ! listening "$port"; }
{ printf 'first half, '; await test -e "$tmp/go"; printf 'second half'; } |
    fetch -o "$tmp/out" -T - "$url/in/halves" >"$tmp/halves" &
uploading=$!
check "the upload is under way" await temporary
kill -INT "$server"
check "no more connections are taken" await refusing
touch "$tmp/go"
check "curl ends well" wait "$uploading"
equal "the upload is done" 201 "$(cut -d' ' -f1 "$tmp/halves")"
check "all of it is stored" cmp <(printf 'first half, second half') "$www/in/halves"
check "tenure serve ends with 0" ends_well "$server"
! gone "$server" || pids=() # its number may be somebody else's now

check "nothing half-written is left" test -z "$(find "$www" -name '.*' -type f)"
finish
