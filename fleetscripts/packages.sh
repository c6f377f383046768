#!/bin/sh
# usage: packages.sh [--yes] COMMAND...
# Installs the system packages of those commands that are missing: apt-get as root or with a sudo that asks nothing,
# or brew. On a terminal it asks once, unless --yes. Where it may not install, it prints the line to run and exits 1.
# "python" stands for Python 3.11 or newer, "pip" for a Python that can make virtual environments with pip in them.
set -u
bundle=$(dirname "$0")/..
. "$bundle/fleetscripts/environment.sh"
agreed=no
if [ "${1-}" = --yes ]; then
    agreed=yes
    shift
fi

is_there() {
    case $1 in
        python) find_python >/dev/null ;;
        sshd) command -v sshd >/dev/null 2>&1 || [ -x /usr/sbin/sshd ] ;;
        pip) found=$(find_python) && "$found" -I -c 'import ensurepip, venv' >/dev/null 2>&1 ;;
        *) command -v "$1" >/dev/null 2>&1 ;;
    esac
}

apt_package() {
    case $1 in
        python) echo python3 python3-venv ;;
        pip) echo python3-venv ;;
        node) echo nodejs ;;
        ip) echo iproute2 ;;
        unshare) echo util-linux ;;
        ps) echo procps ;;
        ssh) echo openssh-client ;;
        sshd) echo openssh-server ;;
        *) echo "$1" ;;
    esac
}

brew_package() {
    case $1 in
        python | pip) echo python@3.13 ;;
        npm) echo node ;;
        ip | unshare | ps | ssh | sshd) ;;
        *) echo "$1" ;;
    esac
}

packages=
add() {
    for package; do
        case " $packages " in *" $package "*) ;; *) packages="${packages:+$packages }$package" ;; esac
    done
}

have() { command -v "$1" >/dev/null 2>&1; }

if have apt-get; then kind=apt; elif have brew; then kind=brew; else kind=none; fi
missing=
for name; do
    if ! is_there "$name"; then
        missing="${missing:+$missing }$name"
        case $kind in
            apt) add $(apt_package "$name") ;;
            brew) add $(brew_package "$name") ;;
        esac
    fi
done
[ -n "$missing" ] || exit 0
if [ $kind = none ]; then
    echo "fleetscripts: please install: $missing" >&2
    exit 1
fi
[ -n "$packages" ] || exit 0

elevate=
case $kind in
    apt)
        line="sudo apt-get install -y $packages"
        if [ "$(id -u)" != 0 ]; then
            if have sudo && sudo -n true 2>/dev/null; then elevate="sudo -n"; else
                echo "fleetscripts: missing: $missing; please run: $line" >&2
                exit 1
            fi
        fi
        ;;
    brew) line="brew install $packages" ;;
esac
if [ $agreed = no ] && [ -t 0 ] && [ -t 2 ]; then
    printf 'fleetscripts: missing: %s. Install with "%s"? [Y/n] ' "$missing" "$line" >&2
    read -r answer
    case $answer in
        '' | [Yy]*) ;;
        *)
            echo "fleetscripts: not installed; the line to run: $line" >&2
            exit 1
            ;;
    esac
else
    echo "fleetscripts: installing $packages" >&2
fi

install() {
    case $kind in
        apt)
            $elevate env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 update &&
                $elevate env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 \
                    install --no-install-recommends $packages
            ;;
        brew) brew install --quiet $packages ;;
    esac
}

if ! output=$(install 2>&1 </dev/null); then
    printf '%s\n' "$output" | tail -n 3 >&2
    echo "fleetscripts: could not install; the line to run: $line" >&2
    exit 1
fi
