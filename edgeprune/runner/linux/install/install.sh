#!/bin/sh
# Installs the release in this file's folder for the user who runs it. No root, no compiler; again and again
# does no harm. What ran before goes on until the new release has passed its check, and comes back where the new
# runner does not answer.
#
#   sh install.sh [--prefix DIR] [--listen "tcp:127.0.0.1:7311 serial:/dev/serial0"] [--no-service]
#
#   --prefix      where to; default ~/.local/share/edgeprune
#   --listen      the addresses to serve, kept in DIR/config
#   --no-service  install and switch, start nothing
#   --recover     undo an installation that died half-way (start.sh asks for it)
#
# Exit status: 0 done; 2 wrong usage; 10 wrong machine or 32-bit system; 11 glibc too old; 12 no usable python3;
# 13 no space; 14 a file is damaged; 15 the new runner did not answer, the old one is back; 16 the Python
# environment could not be made; 17 another installation is at work. The last line on stderr says why.
set -u

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 1
# shellcheck source=edgeprune/runner/linux/install/supervise.sh
. "$here/supervise.sh"

VENV_KIB=240000 # LiteRT, numpy and pip, unpacked, and what is downloaded meanwhile
SPARE_KIB=256
CHECK_WAIT_S=300
LOG_LINES=15

# --- what is asked, and what is here

read_options() {
    prefix='' listen='' is_service=1 is_recovery=0
    while [ "$#" -gt 0 ]; do
        case $1 in
        --prefix | --listen)
            [ "$#" -ge 2 ] && [ -n "$2" ] || fail 2 "$1 needs a value"
            if [ "$1" = --prefix ]; then prefix=$2; else listen=$2; fi
            shift
            ;;
        --no-service) is_service=0 ;;
        --recover) is_recovery=1 ;;
        *) fail 2 "unknown option $1: install.sh [--prefix DIR] [--listen ADDRESSES] [--no-service]" ;;
        esac
        shift
    done
    [ -n "$prefix" ] || prefix=${HOME:?this user has no home: give --prefix}/.local/share/edgeprune
    case $prefix in /*) ;; *) prefix=$PWD/$prefix ;; esac
    for address in $listen; do
        case $address in
        *[!A-Za-z0-9:./_@,[\]-]*) fail 2 "$address is no address to listen on" ;;
        tcp:*:* | serial:/dev/*) ;;
        *) fail 2 "$address is no address to listen on: tcp:HOST:PORT or serial:/dev/NAME[:BAUD]" ;;
        esac
    done
}

described() { # KEY: its value in release.json; nested tables hold none of the keys that are asked for
    tr '\n' ' ' <"$here/release.json" | tr ',{' '\n\n' |
        sed -n "s/^ *\"$1\" *: *\"\{0,1\}\([^\"}]*[^\"} ]\)\"\{0,1\} *}\{0,1\} *\$/\1/p" | sed -n 1p
}

read_release() {
    [ -f "$here/release.json" ] && [ -f "$here/SHA256SUMS" ] || fail 14 "$here holds no release"
    id=$(sha256sum <"$here/SHA256SUMS" | cut -c 1-12)
    machine=$(described machine) runtime=$(described runtime)
    least_glibc=$(described glibc) least_python=$(described python)
    case $machine/$runtime in
    aarch64/litert | aarch64/native | x86_64/litert | x86_64/native) ;;
    *) fail 14 "$here/release.json is damaged: machine '$machine', runtime '$runtime'" ;;
    esac
    place=$prefix/releases/$id
}

# --- the system

at_least() { # VERSION LEAST, of which the first two numbers count
    major=${1%%.*} least_major=${2%%.*}
    minor=${1#*.} least_minor=${2#*.}
    minor=${minor%%.*} least_minor=${least_minor%%.*}
    [ "$major" -gt "$least_major" ] || { [ "$major" -eq "$least_major" ] && [ "$minor" -ge "$least_minor" ]; }
}

check_system() {
    found=$(uname -m)
    bits=$(getconf LONG_BIT 2>/dev/null) || bits=$((32 * $(od -An -j4 -N1 -tu1 /bin/sh))) # of its ELF header
    case $found in armv*) bits=32 ;; esac
    [ "$bits" = 64 ] || fail 10 "this is a $bits-bit system (uname says $found), the release needs a 64-bit one:" \
        "write 64-bit Raspberry Pi OS to the card"
    [ "$found" = "$machine" ] || fail 10 "this machine is $found, the release is for $machine: build it for this target"
    [ "$runtime" = litert ] || return 0
    glibc=$(getconf GNU_LIBC_VERSION 2>/dev/null) || fail 11 "this system has no glibc, the release needs $least_glibc:" \
        "build --runtime native needs none"
    glibc=${glibc#glibc }
    [ "$least_glibc" = null ] || at_least "$glibc" "$least_glibc" || fail 11 "this system has glibc $glibc, the release needs $least_glibc:" \
        "update the system, or build --runtime native, which needs none"
    python=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) ||
        fail 12 "there is no python3, the release needs $least_python: sudo apt install python3 python3-venv"
    [ "$least_python" = null ] || at_least "$python" "$least_python" || fail 12 "python3 is $python, the release needs $least_python:" \
        "update the system, or build --runtime native, which needs none"
    python3 -c 'import ensurepip, venv' 2>/dev/null ||
        fail 12 "python3 cannot make virtual environments: sudo apt install python3-venv"
}

check_space() {
    need_kib=$SPARE_KIB
    if [ "$is_there" -eq 0 ]; then
        bytes=$(cd -- "$here" && cut -c 67- SHA256SUMS | xargs wc -c 2>/dev/null | sed -n '$s/^ *\([0-9]*\).*/\1/p')
        need_kib=$((need_kib + ${bytes:-0} / 1024))
    fi
    [ "$runtime" != litert ] || is_environment "$here" || need_kib=$((need_kib + VENV_KIB))
    free_kib=$(df -Pk "$prefix" | sed -n 's/.* \([0-9][0-9]*\)  *[0-9][0-9]*% .*/\1/p')
    [ "${free_kib:-0}" -ge "$need_kib" ] ||
        fail 13 "$prefix has ${free_kib:-0} KiB free, the release needs $need_kib: free some space there"
}

# --- files

NAME='[A-Za-z0-9_][A-Za-z0-9._+-]*'

damage_of() { # FOLDER: what is wrong with the release in it; nothing where all is right
    if grep -Evq "^[0-9a-f]{64}  $NAME(/$NAME)*\$" "$1/SHA256SUMS"; then
        printf 'SHA256SUMS has a line that is none of its own'
    elif ! damage=$(cd -- "$1" && sha256sum -c SHA256SUMS 2>&1); then
        printf '%s is damaged or missing' "$(printf '%s\n' "$damage" | sed -n 's/: FAILED.*//p' | sed -n 1p)"
    fi
}

is_whole() {
    [ -f "$place/SHA256SUMS" ] && [ "$(sha256sum <"$place/SHA256SUMS" | cut -c 1-12)" = "$id" ] &&
        [ -z "$(damage_of "$place")" ]
}

copy_release() {
    damage=$(damage_of "$here")
    [ -z "$damage" ] || fail 14 "$here: $damage: bring the files here again"
    new=$prefix/releases/.new-$id
    {
        mkdir -p -- "$new" && cp -- "$here/SHA256SUMS" "$new/" && cut -c 67- "$here/SHA256SUMS" |
            while IFS= read -r name; do
                mkdir -p -- "$(dirname -- "$new/$name")" && cp -- "$here/$name" "$new/$name" || exit 1
            done
    } || fail 13 "cannot copy the release to $prefix/releases: free some space there"
    chmod +x "$new"/*.sh
    [ ! -f "$new/runner" ] || chmod +x "$new/runner"
    damage=$(damage_of "$new")
    [ -z "$damage" ] || fail 14 "$new: $damage, though it had just been copied: look at the card"
    if [ -e "$place" ]; then mv -T -- "$place" "$prefix/releases/.new-$id.damaged"; fi
    mv -T -- "$new" "$place" || fail 13 "cannot rename $new"
    rm -rf -- "$prefix/releases/.new-$id.damaged"
}

# --- the Python environment

environment_of() { # RELEASE
    printf '%s/venvs/%s' "$prefix" "$(sha256sum <"$1/requirements.txt" | cut -c 1-12)"
}

is_environment() { # RELEASE: whether it is whole, and for the Python that is here
    environment=$(environment_of "$1")
    [ "$(cat "$environment/.whole" 2>/dev/null)" = "$python" ] && "$environment/bin/python" -c '' 2>/dev/null
}

make_environment() {
    [ "$runtime" = litert ] || return 0
    if is_environment "$place"; then return 0; fi
    words=$prefix/state/install.log
    set -- --only-binary :all: # there is no compiler
    [ ! -d "$place/wheels" ] || set -- --no-index --find-links "$place/wheels"
    say "... making the Python environment: this takes a minute or more"
    rm -rf -- "$environment"
    if python3 -m venv "$environment" >"$words" 2>&1 && "$environment/bin/python" -m pip install \
        --disable-pip-version-check --no-input "$@" -r "$place/requirements.txt" >>"$words" 2>&1; then
        printf '%s\n' "$python" >"$environment/.whole"
        return 0
    fi
    rm -rf -- "$environment"
    tail -n "$LOG_LINES" "$words" >&2
    ! grep -q 'No space left on device' "$words" || fail 13 "$prefix or /tmp is full: free some space there"
    [ -d "$place/wheels" ] || fail 16 "pip could not install the packages: see above; without a network here," \
        "build --wheels brings them along"
    fail 16 "pip could not install the wheels of the release for Python $python: build --wheels again for this Python"
}

# --- the switch

switch_link() { # LINK TARGET, at one blow
    rm -f -- "$prefix/.$1.new"
    ln -s "$2" "$prefix/.$1.new" && mv -T -- "$prefix/.$1.new" "$prefix/$1"
}

put_back() { # LINK: as it was before the trial
    old=$(cat "$prefix/.trial/$1")
    if [ -n "$old" ]; then switch_link "$1" "$old"; else rm -f -- "$prefix/$1"; fi
}

begin_trial() { # from here on until end_trial, whoever finds .trial and nobody at work puts all back
    rm -rf -- "$prefix/.trial.new" "$prefix/.trial.old"
    mkdir -- "$prefix/.trial.new" && for link in current previous; do
        { readlink "$prefix/$link" || :; } >"$prefix/.trial.new/$link" || return 1
    done
    [ ! -f "$prefix/config" ] || cp -- "$prefix/config" "$prefix/.trial.new/config" || return 1
    mv -T -- "$prefix/.trial.new" "$prefix/.trial"
}

end_trial() {
    mv -T -- "$prefix/.trial" "$prefix/.trial.old" && rm -rf -- "$prefix/.trial.old"
}

undo_trial() {
    put_back current
    put_back previous
    if [ -f "$prefix/.trial/config" ]; then
        cp -- "$prefix/.trial/config" "$prefix/.config.new" && mv -T -- "$prefix/.config.new" "$prefix/config"
    else
        rm -f -- "$prefix/config"
    fi
    end_trial
}

settle_trial() { # of an installation that died
    [ -d "$prefix/.trial" ] || return 0
    if [ -z "$(cat "$prefix/.trial/current")" ]; then
        end_trial # there is nothing to go back to
    else
        say "note: an installation died here half-way; it is undone"
        undo_trial
    fi
}

write_config() {
    standard=tcp:127.0.0.1:7311
    [ "$machine" != aarch64 ] || standard="$standard serial:/dev/serial0 serial:/dev/ttyGS0"
    [ -f "$prefix/config" ] || listen=${listen:-$standard}
    [ -n "$listen" ] || return 0
    {
        printf 'LISTEN="%s"\n' "$listen"
        [ ! -f "$prefix/config" ] || sed '/^LISTEN=/d' "$prefix/config"
    } >"$prefix/.config.new" && mv -T -- "$prefix/.config.new" "$prefix/config"
}

switch_release() {
    old=$(readlink "$prefix/current") || old=''
    if begin_trial && write_config &&
        { [ -z "$old" ] || [ "$old" = "releases/$id" ] || switch_link previous "$old"; } &&
        switch_link current "releases/$id"; then
        return 0
    fi
    [ ! -d "$prefix/.trial" ] || undo_trial
    fail 13 "cannot write in $prefix: free some space there"
}

# --- proof

check_runner() {
    limit=''
    ! command -v timeout >/dev/null || limit="timeout $CHECK_WAIT_S"
    if words=$($limit sh "$place/start.sh" check 2>&1); then return 0; fi
    printf '%s\n' "$words" | tail -n "$LOG_LINES" >&2
    fail 15 "the new release $id does not pass its check, see above: nothing was switched, $(what_is current)"
}

what_is() { # LINK: what it means for the user
    target=$(readlink "$prefix/$1") || target=''
    if [ -n "$target" ]; then printf '%s stays installed' "${target#releases/}"; else printf 'nothing is installed'; fi
}

is_healthy() { # RELEASE
    health=$(cat "$prefix/state/health.json" 2>/dev/null) || return 1
    number=$(printf '%s' "$health" | sed -n 's/.*"pid" *: *\([0-9][0-9]*\).*/\1/p')
    printf '%s' "$health" | grep -q "\"release\" *: *\"$1\"" && kill -0 "${number:-x}" 2>/dev/null
}

wait_for() { # RELEASE
    fifths=$((${EDGEPRUNE_START_WAIT_S:-60} * 5))
    until is_healthy "$1"; do
        fifths=$((fifths - 1))
        [ "$fifths" -gt 0 ] || return 1
        sleep 0.2
    done
}

roll_back() {
    [ ! -f "$prefix/state/runner.log" ] || tail -n "$LOG_LINES" "$prefix/state/runner.log" >&2
    service_stop
    undo_trial
    failed="the new runner $id did not answer within ${EDGEPRUNE_START_WAIT_S:-60} s"
    old=$(readlink "$prefix/current") || old=''
    old=${old#releases/}
    [ -n "$old" ] || fail 15 "$failed and was taken back: nothing runs; its last words are above"
    (service_start)
    if wait_for "$old"; then fail 15 "$failed, and $old runs again; the last words of the new one are above"; fi
    fail 15 "$failed, and $old, which is back, does not answer either: see $prefix/state/runner.log"
}

start_service() {
    service_stop
    [ ! -s "$prefix/state/runner.log" ] || mv -- "$prefix/state/runner.log" "$prefix/state/runner.log.1"
    (service_start)
    say "... waiting for the new runner"
    if wait_for "$id"; then return 0; fi
    roll_back
}

is_running_already() { # with nothing to change
    [ "$(readlink "$prefix/current")" = "releases/$id" ] && [ -f "$prefix/config" ] && is_healthy "$id" &&
        { [ -z "$listen" ] || grep -qxF "LISTEN=\"$listen\"" "$prefix/config"; }
}

# --- afterwards

delete_old() {
    current=$(readlink "$prefix/current") previous=$(readlink "$prefix/previous") || previous=''
    used=''
    for folder in "$prefix"/releases/*; do
        case releases/${folder##*/} in
        "$current" | "$previous")
            [ ! -f "$folder/requirements.txt" ] || used="$used $(basename "$(environment_of "$folder")")"
            ;;
        *) rm -rf -- "$folder" ;;
        esac
    done
    for environment in "$prefix"/venvs/*; do
        case "$used " in *" ${environment##*/} "*) ;; *) rm -rf -- "$environment" ;; esac
    done
    # Uploads that nobody went on with for a day.
    for folder in "$prefix"/releases/.incoming-*; do
        [ "$folder" = "$here" ] || [ -z "$(find "$folder" -prune -mtime +0 2>/dev/null)" ] || rm -rf -- "$folder"
    done
}

on_exit() {
    status=$?
    if [ "$is_trial" -eq 1 ] && [ -d "$prefix/.trial" ]; then # we are being stopped
        undo_trial
        [ "$is_service" -eq 0 ] || [ ! -h "$prefix/current" ] || (service_start)
    fi
    if has_lock; then
        rm -rf -- "$prefix/releases"/.new-*
        release_lock
    fi
    exit "$status"
}

recover() { # status 1: somebody is at work on it, or there is nothing to do
    holder=$(readlink "$prefix/.lock") && is_alive "$holder" && exit 1
    take_lock 1
    [ -d "$prefix/.trial" ] || exit 1
    settle_trial
}

install() {
    read_release
    check_system
    mkdir -p -- "$prefix/releases" "$prefix/venvs" "$prefix/state" || fail 13 "cannot make $prefix"
    take_lock "${EDGEPRUNE_LOCK_WAIT_S:-300}"
    settle_trial
    is_there=0
    ! is_whole || is_there=1 # another installation may have brought it while this one waited
    check_space
    [ "$is_there" -eq 1 ] || copy_release
    make_environment
    check_runner
    sync # a power cut after the switch finds the new release on the disk
    if [ "$is_service" -eq 0 ] || ! is_running_already; then
        is_trial=1
        switch_release
        [ "$is_service" -eq 0 ] || start_service
        end_trial
        is_trial=0
    fi
    delete_old
    sh "$place/start.sh" addresses >/dev/null # says what it leaves out
    say "edgeprune: release $id is installed in $prefix"
}

main() {
    is_trial=0
    read_options "$@"
    trap '' HUP PIPE # the line may break: what was begun is brought to its end
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap on_exit EXIT
    if [ "$is_recovery" -eq 1 ]; then recover; else install; fi
}

main "$@"
exit
