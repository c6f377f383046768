# Sourced, with bundle=the bundle's root, by whatever runs Python in an environment prepared outside the bundle.

case ${XDG_DATA_HOME-} in
    /*) fleet_data=$XDG_DATA_HOME/fleetscripts ;;
    *)
        case ${HOME-} in
            /*) fleet_data=$HOME/.local/share/fleetscripts ;;
            *)
                echo "${0##*/}: expected your home's absolute path in HOME, found '${HOME-}': set it" >&2
                exit 2
                ;;
        esac
        ;;
esac
# A plugin's own folder, unless calls from elsewhere have prepared the shared one already.
case ${CLAUDE_PLUGIN_DATA-} in
    /*) [ -d "$fleet_data" ] || fleet_data=$CLAUDE_PLUGIN_DATA ;;
esac

# environment_ready NAME LOCK: sets python to that of the environment that holds what the file LOCK names; whether it is
# there. Forks nothing. The first line of LOCK ("# lock DIGEST") tells one content from another.
environment_ready() {
    read -r _ _ digest <"$2"
    environment=$fleet_data/$1-$digest
    python=$environment/bin/python
    [ -x "$python" ]
}

# prepare_environment NAME LOCK [PACKAGES]: sets python to that of such an environment, made now unless it is there: of
# the unpacked packages in the folder PACKAGES, or of those of the index.
prepare_environment() {
    environment_ready "$1" "$2" && return
    if ! builder=$(find_python); then
        sh "$bundle/fleetscripts/packages.sh" python || return 1
        if ! builder=$(find_python); then
            echo "fleetscripts: Python 3.11 or newer is needed and there is none on PATH" >&2
            return 1
        fi
    fi
    "$builder" -I "$bundle/fleetscripts/bootstrap.py" "$environment" "$2" ${3:+"$3"}
}

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
