#!/bin/sh
# Takes the runner off this device: service, releases and Python environments.
#
#   sh uninstall.sh [--prefix DIR] [--purge]
#
#   --prefix  where it was installed; default where this file lies, else ~/.local/share/edgeprune
#   --purge   also configuration, log and results that nobody fetched
set -u

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 1
# shellcheck source=edgeprune/runner/linux/install/supervise.sh
. "$here/supervise.sh"

read_options() {
    is_purge=0
    [ "$(basename -- "$(dirname -- "$here")")" = releases ] ||
        prefix=${HOME:?this user has no home: give --prefix}/.local/share/edgeprune
    while [ "$#" -gt 0 ]; do
        case $1 in
        --prefix)
            [ "$#" -ge 2 ] && [ -n "$2" ] || fail 2 "--prefix needs a value"
            prefix=$2
            shift
            ;;
        --purge) is_purge=1 ;;
        *) fail 2 "unknown option $1: uninstall.sh [--prefix DIR] [--purge]" ;;
        esac
        shift
    done
    case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
}

main() {
    read_options "$@"
    [ -d "$prefix/releases" ] || fail 2 "nothing of edgeprune is installed in $prefix"
    take_lock "${EDGEPRUNE_LOCK_WAIT_S:-10}"
    trap release_lock EXIT
    service_remove
    rm -f -- "$prefix/current" "$prefix/previous"
    rm -rf -- "$prefix/releases" "$prefix/venvs" "$prefix"/.trial*
    if [ "$is_purge" -eq 1 ]; then
        rm -rf -- "$prefix/state" "$prefix/config"
        release_lock
        rmdir -- "$prefix" 2>/dev/null || : # something else lies there
    fi
    say "edgeprune: removed from $prefix"
}

main "$@"
exit
