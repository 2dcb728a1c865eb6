# shellcheck shell=bash
# What the scripts share that test `tenure serve` with somebody's client: a folder served at $url, uploads below /in/.

# shellcheck source=interop/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# serve: starts it; $www is the folder, $files the number of files in it before any upload.
serve() {
    find_tenure
    www=$tmp/www
    make_files "$www"
    # shellcheck disable=SC2034 # for the scripts
    files=$(count_files "$www")
    mkdir "$www/in"
    start_tenure "$www" --uploads "$www/in"
}

# Sets $python to one that has the modules given, or ends the script.
need_python() {
    for python in python3 /usr/bin/python3; do
        "$python" -c "import $1" 2>/dev/null && return
    done
    skip "no python3 with ${1//,/ and} installed"
}

# python_checks NAME ARGUMENTS…: runs NAME_checks.py, whose every line is a check of its own, and counts them.
python_checks() {
    local line
    while read -r line; do
        case $line in
            'ok '*) ok "${line#ok }" ;;
            'FAIL '*) fail "${line#FAIL }" ;;
            *) printf '    %s\n' "$line" ;;
        esac
    done < <(timeout 120 "$python" "$here/$1_checks.py" "${@:2}" 2>&1 || echo "FAIL $1_checks.py ended early (exit $?)")
}
