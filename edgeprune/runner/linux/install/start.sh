#!/bin/sh
# Starts the runner of the release that this file lies in.
#
#   start.sh serve                the service: state and addresses as PREFIX/config says
#   start.sh serve OPTION …       handed to the runner as it is, and so are
#   start.sh check, start.sh attach …
#   start.sh addresses            what `serve` would listen on; on stderr what it leaves out, and why
#
# The working folder becomes the release's own: give other paths from the root.
set -u

release=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 1
prefix=$(dirname -- "$(dirname -- "$release")")

say() {
    printf '%s\n' "$*" >&2 || :
}

start_runner() {
    cd -- "$release" || exit 1
    # EDGEPRUNE_EXEC: what starts a program for arm64 where the kernel cannot, on a virtual Pi.
    [ -f runner.pyz ] || exec ${EDGEPRUNE_EXEC:+"$EDGEPRUNE_EXEC"} ./runner "$@"
    python=$prefix/venvs/$(sha256sum <requirements.txt | cut -c 1-12)/bin/python
    if [ ! -x "$python" ]; then
        say "edgeprune: $python is gone: sh '$release/install.sh' --prefix '$prefix' makes it again"
        exit 1
    fi
    exec "$python" -I runner.pyz "$@"
}

# --- addresses

device_number() { # as proc(5) writes a process's terminal
    major=$((0x$(stat -L -c %t -- "$1"))) || return 1
    minor=$((0x$(stat -L -c %T -- "$1"))) || return 1
    printf '%s' $(((minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12)))
}

user_of() { # the process whose terminal the device is, such as a getty: "NAME (NUMBER)"
    number=$(device_number "$1") || return 1
    for stat in /proc/[0-9]*/stat; do
        { read -r line <"$stat"; } 2>/dev/null || continue
        name=${line#*\(}
        # shellcheck disable=SC2086  # in words: state, parent, group, session, terminal
        set -- ${line##*) }
        if [ "$5" = "$number" ]; then
            printf '%s (process %s)' "${name%)*}" "${line%% *}"
            return 0
        fi
    done
    return 1
}

why_not() { # DEVICE: what speaks against listening on it; nothing where nothing does
    if [ ! -e "$1" ]; then
        printf 'there is no such device'
    elif [ ! -c "$1" ]; then
        printf 'it is no serial device'
    elif [ ! -r "$1" ] || [ ! -w "$1" ]; then
        printf 'no permission: sudo usermod -aG dialout %s, then log in again' "$(id -un)"
    elif user=$(user_of "$1"); then
        printf '%s has it: sudo systemctl disable --now serial-getty@%s' "$user" "$(basename "$(readlink -f -- "$1")")"
    fi
}

addresses() {
    for address in $LISTEN; do
        case $address in
        serial:*)
            device=${address#serial:}
            reason=$(why_not "${device%%:*}")
            ;;
        *) reason='' ;;
        esac
        if [ -n "$reason" ]; then
            say "note: the runner does not listen on $address: $reason"
        else
            printf '%s\n' "$address"
        fi
    done
}

read_config() {
    LISTEN='' KEY_FILE=''
    # shellcheck source=/dev/null
    . "$prefix/config"
}

# --- the service

serve() {
    # An installation that died before its release had proved itself, by a power cut say, is undone here.
    if [ -d "$prefix/.trial" ] && sh "$release/install.sh" --prefix "$prefix" --recover; then
        exec sh "$prefix/current/start.sh" serve
    fi
    read_config
    served=$(addresses)
    if [ -z "$served" ]; then
        say "edgeprune: nothing to listen on: LISTEN=\"$LISTEN\" in $prefix/config"
        exit 1
    fi
    set -- serve --state "$prefix/state"
    for address in $served; do
        set -- "$@" --listen "$address"
    done
    [ -z "$KEY_FILE" ] || set -- "$@" --key-file "$KEY_FILE"
    start_runner "$@"
}

case ${1-} in
serve)
    [ "$#" -eq 1 ] || start_runner "$@"
    serve
    ;;
addresses)
    read_config
    addresses
    ;;
check | attach) start_runner "$@" ;;
*)
    say "edgeprune: start.sh serve | check | attach | addresses"
    exit 2
    ;;
esac
