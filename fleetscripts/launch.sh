# Sourced by scripts/NAME, with self=its real path: runs the command NAME in the prepared environment.
# The usual call forks nothing: it tests for one file and becomes Python. Isolated (-I), so that neither the current
# folder nor PYTHONPATH nor the user's site packages, where agents can write, are imported from.
bundle=${self%/*}/..
read -r _ _ lock <"$bundle/requirements/runtime.txt"
case ${XDG_DATA_HOME-} in
    /*) fleet_data=$XDG_DATA_HOME/fleetscripts ;;
    *) fleet_data=${HOME:?fleetscripts: HOME must be set}/.local/share/fleetscripts ;;
esac
python=$fleet_data/env-$lock/bin/python
if ! [ -x "$python" ]; then
    . "$bundle/fleetscripts/environment.sh"
    prepare_environment "$fleet_data/env-$lock" "$bundle/requirements/runtime.txt" || exit 1
fi
exec "$python" -I -X utf8 "$bundle/fleetscripts/__main__.py" "${self##*/}" "$@"
