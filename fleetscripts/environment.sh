# Sourced where a Python environment may have to be prepared, with bundle=the bundle's root.

# Prints the first Python 3.11 or newer.
find_python() {
    for candidate in python3 python3.14 python3.13 python3.12 python3.11 \
        /usr/bin/python3 /usr/local/bin/python3 /opt/homebrew/bin/python3; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -I -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# prepare_environment LINK LOCK: makes LINK lead to an environment that holds just what LOCK names.
prepare_environment() {
    if ! builder=$(find_python); then
        sh "$bundle/fleetscripts/packages.sh" python >&2 || return 1
        builder=$(find_python) || {
            echo "fleetscripts: Python 3.11 or newer is needed and there is none on PATH" >&2
            return 1
        }
    fi
    "$builder" -I "$bundle/fleetscripts/bootstrap.py" "$1" "$2" </dev/null
}
