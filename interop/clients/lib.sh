# shellcheck shell=bash
# What the rows of the table are made with. A row is one client doing one thing to a `tenure serve` of its own, whose
# log tells afterwards which connections there were, how many requests each carried and why it ended.
#
# The scripted clients (Java, Python, Node, Go) all do the same: a plan, one line a step, of five columns with tabs
# between: METHOD, the status to expect (for PAUSE: seconds), the path, a file of the folder, `chunked` or `-`. The
# content of GET must be the file's, that of PUT is the file. Their command line: PLAN URL FOLDER WORKERS. The last line
# of any client's output is `requests=N wrong=N`, and ` opened=N` if it knows how many connections it made.

# shellcheck source=interop/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck disable=SC2034 # for the scripts that source this one
clients=$here/clients
# shellcheck disable=SC2034 # names the lines of `ok` and `fail`
peer=clients

bounded() { timeout --kill-after=5 45 "$@"; }

# make_plans: $tmp/one-by-one, $tmp/at-once and $tmp/pause, of what is in $www. What goes to /in/X=FILE must be as FILE.
make_plans() {
    local tab=$'\t' path n
    # shellcheck disable=SC2154 # set by the script `run`
    (cd "$www" && find . -type f | cut -c3- | LC_ALL=C sort) >"$tmp/names"
    paste <(encode_paths <"$tmp/names") "$tmp/names" >"$tmp/paths"
    gets() { awk -F'\t' '{ print "GET\t200\t/" $1 "\t" $2 "\t-" }' "$tmp/paths"; }
    {
        gets
        for path in big.bin empty small-01.txt; do echo "HEAD${tab}200${tab}/$path${tab}$path${tab}-"; done
        echo "GET${tab}404${tab}/none${tab}-${tab}-"
        for path in big.bin empty small-01.txt; do
            echo "PUT${tab}201${tab}/in/sized=$path${tab}$path${tab}-"
            echo "PUT${tab}201${tab}/in/chunked=$path${tab}$path${tab}chunked"
            echo "GET${tab}200${tab}/in/sized=$path${tab}$path${tab}-"
            echo "GET${tab}200${tab}/in/chunked=$path${tab}$path${tab}-"
        done
        gets
    } >"$tmp/one-by-one"
    for n in {1..10}; do
        gets
        echo "PUT${tab}201${tab}/in/sized$n=medium.bin${tab}medium.bin${tab}-"
        echo "PUT${tab}201${tab}/in/chunked$n=big.bin${tab}big.bin${tab}chunked"
    done >"$tmp/at-once"
    {
        gets | head -n 5
        echo "PAUSE${tab}4${tab}-${tab}-${tab}-"
        gets | head -n 5
    } >"$tmp/pause"
}

# row CLIENT CASE MOST COMMAND…: runs COMMAND, in whose arguments @URL@ is the server's URL, against a fresh server, and
# adds a line to the table. It must have had the right answers over MOST connections or fewer. Variables that a caller
# may set before the word `row`: how (what an answer was compared by), serve (more arguments for the server), stray
# (requests that may be under way when the client stops), spare (1: it may open connections that it does not use),
# pause (1: there must be MOST connections, not fewer).
row() {
    local client=$1 case=$2 most=$3 start=$SECONDS status
    shift 3
    rm -rf "${www:?}/in"
    mkdir "$www/in"
    # shellcheck disable=SC2086 # words
    start_tenure -v "$www" --uploads "$www/in" ${serve:-}
    "${@//@URL@/$url}" >"$tmp/client.out" 2>"$tmp/client.err" </dev/null
    status=$?
    await all_closed
    kill -INT "$server"
    ends_well "$server" || fail "$client, $case: the server did not end well" "$tmp/serve.log"
    forget "$server"
    read_log
    judge "$client, $case" "$most" "$status"
    note_row "$client" "$case"
    times+=("$(printf '%3d s  %s, %s' $(( SECONDS - start )) "$client" "$case")")
}

times=()

all_closed() { (( $(grep -c ': opened by' "$tmp/serve.log") == $(grep -c ': closed after' "$tmp/serve.log") )); }

forget() {
    local pid kept=()
    for pid in "${pids[@]}"; do [[ $pid == "$1" ]] || kept+=("$pid"); done
    pids=("${kept[@]}")
}

# Sets opened, used and unused (connections with and without requests), answered (requests), each and ends.
read_log() {
    local line
    line=$(awk '
        /: opened by/ { opened++ }
        /: closed after/ {
            n = $5
            reason = $0
            sub(/^.*requests?: /, "", reason)
            if (n == 0) { unused++; next }
            used++
            answered += n
            if (used == 1 || n < min) min = n
            if (n > max) max = n
            if (!ends[reason]++) order[++kinds] = reason
        }
        END {
            each = min == max ? max + 0 : min "–" max
            for (i = 1; i <= kinds; i++) text = text (i > 1 ? "; " : "") (kinds > 1 ? ends[order[i]] " " : "") order[i]
            printf "%d\t%d\t%d\t%d\t%s\t%s\n", opened, used, unused, answered, each, text
        }' "$tmp/serve.log")
    IFS=$'\t' read -r opened used unused answered each ends <<<"$line"
}

# What the client says, against what the server saw.
judge() {
    local what=$1 most=$2 status=$3 fact
    requests=0 wrong=none told=
    for fact in $(tail -n 1 "$tmp/client.out"); do
        case $fact in
            requests=*) requests=${fact#*=} ;;
            wrong=*) wrong=${fact#*=} ;;
            opened=*) told=${fact#*=} ;;
        esac
    done
    local before=$failed
    (( status == 0 )) || fail "$what: exit $status" "$tmp/client.err"
    [[ $wrong == 0 ]] || fail "$what: $wrong wrong answers" "$tmp/client.out"
    (( requests > 0 )) || fail "$what: the client reports no request" "$tmp/client.err"
    (( answered >= requests && answered <= requests + ${stray:-0} )) ||
        fail "$what: the client counts $requests requests, the server $answered" "$tmp/serve.log"
    check_uploads "$what"
    (( used <= most )) || fail "$what: $used connections, at most $most are needed" "$tmp/serve.log"
    (( ! ${pause:-0} || used == most )) || fail "$what: $used connections instead of $most" "$tmp/serve.log"
    (( used < answered )) || fail "$what: no connection was used again" "$tmp/serve.log"
    (( unused == 0 || ${spare:-0} )) || fail "$what: $unused connections without a request" "$tmp/serve.log"
    [[ -z $told || $told == "$opened" ]] || fail "$what: the client made $told connections, the server saw $opened" "$tmp/serve.log"
    (( failed > before )) || ok "$what: $requests requests over $used connections"
    verdict=$( (( failed > before )) && echo "**failed**" || echo "all right, ${how:-byte by byte}" )
}

check_uploads() {
    local file
    for file in "$www"/in/*=*; do
        [[ ! -e $file ]] || cmp "$www/${file##*=}" "$file" >"$tmp/cmp.out" 2>&1 || fail "$1: an upload is stored wrong" "$tmp/cmp.out"
    done
}

note_row() {
    local connections=$used
    (( unused == 0 )) || connections="$used, and $unused without a request"
    printf '| %s | %s | %s | %s | %s | %s | %s |\n' "$1" "$2" "$answered" "$connections" "$each" "$verdict" "$ends" >>"$tmp/table"
}

# absent CLIENT WHAT: a line that says so. In CI only a browser may be absent.
absent() {
    echo "skipped: $1: $2 not installed"
    printf '| %s | skipped: %s not installed | | | | | |\n' "$1" "$2" >>"$tmp/table"
    skipped=$(( skipped + 1 ))
    [[ ${CI:-} != true || $1 == Chromium || $1 == Firefox ]] || fail "$1: in CI nothing may be skipped"
}

skipped=0

has() { command -v "$1" >/dev/null; }

# planned CLIENT WORD…: the three rows of a client that does plans; the WORDs are its command. Variable: closing, how
# many connections the client itself ends while it does one thing after another.
planned() {
    local client=$1
    shift
    row "$client" "one by one, uploads too" $(( 1 + ${closing:-0} )) bounded "$@" "$tmp/one-by-one" @URL@ "$www" 1
    row "$client" "8 at once, uploads too" 8 bounded "$@" "$tmp/at-once" @URL@ "$www" 8
    serve='--idle-timeout 2 --no-announce' pause=1 row "$client" "a pause longer than the server waits" 2 bounded "$@" "$tmp/pause" @URL@ "$www" 1
}
