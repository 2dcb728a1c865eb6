#!/usr/bin/env bash
# `tenure serve` with a client that sends many requests before it reads an answer, over a plain socket (Python).
# shellcheck source=interop/server.sh
source "$(dirname "$0")/server.sh"
need_python http.client
serve
python_checks pipelining "$url" "$www"
finish
