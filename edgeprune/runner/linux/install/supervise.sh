#!/bin/sh
# Keeps the runner running: by systemd's user manager where there is one, else by itself.
#
#   supervise.sh start    (re)start the service
#   supervise.sh stop     stop it, whoever keeps it
#   supervise.sh remove   stop it, and take the systemd unit away
#   supervise.sh run      in the foreground: start the runner again whenever it ends, log to state/runner.log
#   supervise.sh rotate   begin a new state/runner.log where the old one has grown too long
#
# install.sh and uninstall.sh read this file too, for the functions.
export LC_ALL=C
set -u

release=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P) || exit 1
prefix=$(dirname -- "$(dirname -- "$release")") # install.sh and uninstall.sh may say otherwise

UNIT=edgeprune-runner.service
LOG_BYTES=1000000
LONGEST_PAUSE_S=30
LONG_LIFE_S=60 # a runner that lived so long had started well: the next pause is short again
STOP_WAIT_S=10

say() {
    printf '%s\n' "$*" >&2 || : # the other end may be gone
}

fail() { # status message
    status=$1
    shift
    say "edgeprune: $*"
    exit "$status"
}

# --- processes

start_time() { # of a process: its number alone is used again, after a restart of the device at the latest
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    # shellcheck disable=SC2086  # in words: the 22nd of proc(5), of which two end with the name
    set -- ${stat##*) }
    shift 19
    printf '%s' "$1"
}

myself() {
    printf '%s:%s' "$$" "$(start_time "$$")"
}

is_alive() { # NUMBER:START
    [ -n "$1" ] && [ "$(start_time "${1%%:*}")" = "${1#*:}" ]
}

# --- one at a time

take_lock() { # seconds
    mine=$(myself)
    waited=0
    until ln -s "$mine" "$prefix/.lock" 2>/dev/null; do
        [ -h "$prefix/.lock" ] || fail 13 "cannot write in $prefix: free some space there, or set its permissions"
        break_stale_lock && continue
        holder=$(readlink "$prefix/.lock")
        [ "$waited" -lt "$1" ] || fail 17 "process ${holder%%:*} is installing here: wait for it, or stop it"
        [ "$waited" -ne 0 ] || say "... waiting for the installation that process ${holder%%:*} does here"
        waited=$((waited + 1))
        sleep 1
    done
}

break_stale_lock() { # whether it is worth trying again
    holder=$(readlink "$prefix/.lock") || return 0
    if is_alive "$holder"; then return 1; fi
    # Of two that see it at once, the slower must not take away what the faster has made since.
    if mkdir "$prefix/.lock.breaking" 2>/dev/null; then
        [ "$(readlink "$prefix/.lock")" != "$holder" ] || rm -f -- "$prefix/.lock"
        rmdir "$prefix/.lock.breaking"
        return 0
    fi
    [ -z "$(find "$prefix/.lock.breaking" -prune -mmin +1 2>/dev/null)" ] || rmdir "$prefix/.lock.breaking"
    return 1
}

has_lock() {
    [ "$(readlink "$prefix/.lock")" = "$(myself)" ]
}

release_lock() {
    ! has_lock || rm -f -- "$prefix/.lock"
}

# --- systemd

has_user_manager() {
    command -v systemctl >/dev/null || return 1
    XDG_RUNTIME_DIR=${XDG_RUNTIME_DIR:-/run/user/$(id -u)}
    export XDG_RUNTIME_DIR
    systemctl --user show-environment >/dev/null 2>&1
}

unit_path() {
    printf '%s' "${XDG_CONFIG_HOME:-$HOME/.config}/systemd/user/$UNIT"
}

replacing() { # NAME VALUE: a sed command
    printf 's|@%s@|%s|g' "$1" "$(printf '%s' "$2" | sed 's/[\\&|]/\\&/g')"
}

write_unit() {
    kind=notify watchdog_s=60
    [ -f "$prefix/current/runner.pyz" ] || kind=simple watchdog_s=0
    plain=$(printf '%s' "$prefix" | sed 's/%/%%/g')
    quoted=$(printf '%s' "$plain" | sed 's/[\\"]/\\&/g; s/\$/$$/g')
    unit=$(unit_path)
    mkdir -p -- "$(dirname -- "$unit")" || return 1
    sed -e "$(replacing PREFIX "$quoted")" -e "$(replacing PLAIN "$plain")" -e "$(replacing TYPE "$kind")" \
        -e "$(replacing WATCHDOG "$watchdog_s")" "$prefix/current/$UNIT" >"$unit.new" || return 1
    mv -T -- "$unit.new" "$unit"
}

let_linger() {
    user=$(id -un)
    [ ! -e "/var/lib/systemd/linger/$user" ] || return 0
    if words=$(loginctl enable-linger "$user" 2>&1); then return 0; fi
    say "note: the runner ends with your last session and does not start with the device (${words:-refused}):" \
        "sudo loginctl enable-linger $user"
}

# --- the service

service_start() {
    service_stop
    if has_user_manager; then
        write_unit || fail 13 "cannot write $(unit_path)"
        systemctl --user daemon-reload && systemctl --user --quiet enable "$UNIT" &&
            systemctl --user --no-block restart "$UNIT" ||
            say "note: systemd refused to start $UNIT: systemctl --user status $UNIT"
        let_linger
        return 0
    fi
    say "note: no systemd user manager answers here, so supervise.sh keeps the runner; it does not start with the device"
    own_session=''
    ! command -v setsid >/dev/null || own_session=setsid
    $own_session nohup sh "$prefix/current/supervise.sh" run </dev/null >/dev/null 2>&1 &
    tenths=50 # until it can be found again by its number, or a stop that comes at once would miss it
    until is_alive "$(cat "$prefix/state/supervise.pid" 2>/dev/null)" || [ "$tenths" -eq 0 ]; do
        tenths=$((tenths - 1))
        sleep 0.1
    done
}

service_stop() {
    if [ -f "$(unit_path)" ] && has_user_manager; then
        systemctl --user stop "$UNIT" 2>/dev/null || : # not loaded: nothing runs
    fi
    stop_supervisor
    rm -f -- "$prefix/state/health.json"
}

stop_supervisor() {
    keeper=$(cat "$prefix/state/supervise.pid" 2>/dev/null) || return 0
    is_alive "$keeper" || return 0
    : >"$prefix/state/stop"
    kill -TERM "${keeper%%:*}" 2>/dev/null
    tenths=$((STOP_WAIT_S * 10))
    while is_alive "$keeper" && [ "$tenths" -gt 0 ]; do
        tenths=$((tenths - 1))
        sleep 0.1
    done
    if is_alive "$keeper"; then
        kill -KILL "${keeper%%:*}" "$(cat "$prefix/state/runner.pid")" 2>/dev/null
    fi
    rm -f -- "$prefix/state/stop"
}

service_remove() {
    service_stop
    [ -f "$(unit_path)" ] || return 0
    ! has_user_manager || systemctl --user --quiet disable "$UNIT" || :
    rm -f -- "$(unit_path)"
    ! has_user_manager || systemctl --user daemon-reload || :
}

# --- by itself

rotate() { # copied, not renamed: systemd keeps the file open
    log=$prefix/state/runner.log
    [ -f "$log" ] && [ "$(wc -c <"$log")" -gt "$LOG_BYTES" ] || return 0
    cp -- "$log" "$log.1" && : >"$log"
}

write_log() { # what comes in
    rotate
    bytes=$(wc -c <"$prefix/state/runner.log" 2>/dev/null) || bytes=0
    while IFS= read -r line; do
        printf '%s\n' "$line" >>"$prefix/state/runner.log"
        bytes=$((bytes + ${#line} + 1))
        if [ "$bytes" -gt "$LOG_BYTES" ]; then
            rotate
            bytes=0
        fi
    done
}

note() {
    printf '%s supervise.sh: %s\n' "$(date '+%Y-%m-%d %H:%M:%S')" "$*" >&5
}

run() {
    state=$prefix/state
    mkdir -p -- "$state" || exit 1
    keeper=$(cat "$state/supervise.pid" 2>/dev/null) && is_alive "$keeper" && fail 1 "process ${keeper%%:*} does so already"
    rm -f -- "$state/.log" "$state/stop" # which was for the one before, if its sender died over it
    mkfifo "$state/.log" || exit 1
    exec 3<>"$state/.log" # so that neither end waits for the other to be opened
    exec 4<"$state/.log" 5>"$state/.log" 3<&-
    rm -f -- "$state/.log"
    (exec <&4 4<&- 5>&- && write_log) & # in a subshell: of redirections around a function dash keeps copies
    logger=$!
    exec 4<&-
    child='' nap='' is_stopping=0
    trap 'is_stopping=1; kill -TERM $child $nap 2>/dev/null' TERM INT
    trap '' HUP
    myself >"$state/supervise.pid"
    keep_running
    rm -f -- "$state/supervise.pid" "$state/runner.pid"
    trap '' TERM INT
    exec 5>&- # the log ends here
    wait "$logger"
}

keep_running() {
    pause_s=1
    while [ "$is_stopping" -eq 0 ] && [ ! -e "$state/stop" ] && [ -h "$prefix/current" ]; do
        began_s=$(date +%s)
        sh "$prefix/current/start.sh" serve </dev/null >&5 2>&1 5>&- &
        child=$!
        printf '%s\n' "$child" >"$state/runner.pid"
        [ "$is_stopping" -eq 0 ] || kill -TERM "$child"
        wait "$child"
        status=$?
        while kill -0 "$child" 2>/dev/null; do # it was the wait that ended, by a signal
            wait "$child"
            status=$?
        done
        child=''
        [ "$is_stopping" -eq 0 ] && [ ! -e "$state/stop" ] || return 0
        lived_s=$(($(date +%s) - began_s))
        [ "$lived_s" -lt "$LONG_LIFE_S" ] || pause_s=1
        note "the runner ended with status $status after $lived_s s; it starts again in $pause_s s"
        sleep "$pause_s" 5>&- &
        nap=$!
        wait "$nap"
        nap=''
        pause_s=$((pause_s * 2))
        [ "$pause_s" -le "$LONGEST_PAUSE_S" ] || pause_s=$LONGEST_PAUSE_S
    done
}

if [ "${0##*/}" = supervise.sh ]; then
    case ${1-} in
    start | stop | remove) "service_$1" ;;
    run | rotate) "$1" ;;
    *) fail 2 "supervise.sh start | stop | remove | run | rotate" ;;
    esac
fi
