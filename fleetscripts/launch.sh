# Sourced by scripts/NAME, with self=its real path: runs the command NAME in the prepared environment.
# Isolated (-I), so that neither the current folder nor PYTHONPATH nor the user's site packages, where agents can
# write, are imported from.
bundle=${self%/*}/..
. "$bundle/fleetscripts/environment.sh"
prepare_environment env "$bundle/requirements/runtime.txt" || exit 1
exec "$python" -I -X utf8 "$bundle/fleetscripts/__main__.py" "--called-from=${0%/*}" "${self##*/}" "$@"
