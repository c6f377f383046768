# Sourced by tests/run and tests/stress, with bundle=the repository's root and yes=--yes or nothing: system packages,
# the locked development tools (sets python), and the real clients at their pinned versions. Everything else that is
# set up lies outside the repository. In CI whatever is missing is a failure; elsewhere the tests that need a client
# that could not be installed are skipped and say so.

case ${1-} in
-h | --help) # before anything is installed
    sed -n '/^set -eu$/q; 2,$ s/^# \{0,1\}//p' "$bundle/tests/${0##*/}"
    exit 0
    ;;
esac

clients_cache=${XDG_CACHE_HOME:-$HOME/.cache}/fleetscripts

install_clients() {
    folder=$clients_cache/clients-$(cksum <"$bundle/tests/clients/package-lock.json" | tr -d ' ')
    FLEET_TEST_CLIENTS=$folder/node_modules/.bin
    export FLEET_TEST_CLIENTS
    [ -e "$folder/ready" ] && return
    echo "tests: installing the real clients from npm in $folder" >&2
    rm -rf "$folder"
    mkdir -p "$folder" &&
        cp "$bundle/tests/clients/package.json" "$bundle/tests/clients/package-lock.json" "$folder" &&
        (cd "$folder" && npm ci --ignore-scripts --no-update-notifier --no-fund --no-audit --loglevel=error >&2 &&
            node node_modules/@anthropic-ai/claude-code/install.cjs >&2) &&
        touch "$folder/ready"
}

case $(uname) in
    Linux) only_here="ip unshare" ;;
    *) only_here= ;;
esac
# shellcheck disable=SC2086
sh "$bundle/fleetscripts/packages.sh" $yes git tmux python pip gh zsh fish node npm ps ssh sshd $only_here || exit 1
. "$bundle/fleetscripts/environment.sh"
prepare_environment dev "$bundle/requirements/dev.txt" || exit 1
if ! install_clients; then
    echo "tests: the real clients could not be installed" >&2
    [ -z "${CI-}" ] || exit 1
fi
