# What ConsoleShell runs on the device: lines in, each with a checksum, and a line out for each.
# Sent by console_agent.py without comments and indentation, with @MARK@ replaced.
#
#   SUM NUMBER VERB WORDS…     SUM: of cksum over what follows it; damaged lines have no other effect
#   @MARK@ SUM NUMBER WORDS…   the answer
#
# Every request may be sent again: a script that was started is not started twice.
stty raw -echo
umask 077
t=$(mktemp -d "${TMPDIR:-/tmp}/edgeprune.XXXXXX") || exit 1
ck() {
    set -- $(printf %s "$1" | cksum)
    s=$1
}
say() {
    ck "$*"
    printf '\n@MARK@ %s %s\n' "$s" "$*"
}
filter() {
    trap '' PIPE
    while IFS= read -r l; do
        case $l in ep-end | ep-quit) break ;; esac
        printf '%s\n' "$l" || break
    done
}
say 0 ready
while IFS= read -r l; do
    case $l in
    '') continue ;;
    ep-quit) break ;;
    esac
    r=${l#* }
    ck "$r"
    if [ "$s" != "${l%% *}" ]; then
        say 0 bad
        continue
    fi
    set -f
    set -- $r
    set +f
    n=$1 v=$2
    shift 2
    case $v in
    # file BASE64: where the next writes go to; in our own folder where it does not begin with a slash
    file)
        f=$(printf %s "$1" | base64 -d)
        case $f in /*) ;; *) f=$t/$f ;; esac
        say "$n" ok
        ;;
    # write OFFSET BASE64
    write)
        if e=$(printf %s "$2" | base64 -d | dd of="$f" bs=1 seek="$1" conv=notrunc 2>&1); then
            say "$n" ok
        else
            say "$n" failed "$(printf %s "$e" | base64 | tr -d '\n')"
        fi
        ;;
    # run NAME: NAME.sh, with NAME.in as its input
    run)
        if mkdir "$t/$1.once" 2>/dev/null; then
            (
                touch "$t/$1.in"
                sh "$t/$1.sh" <"$t/$1.in" >"$t/$1.out" 2>"$t/$1.err"
                echo $? >"$t/$1.end"
                mv "$t/$1.end" "$t/$1.status"
            ) </dev/null >/dev/null 2>&1 &
        fi
        say "$n" ok
        ;;
    # status NAME: running, or its exit status and the bytes that it said
    status)
        if [ -f "$t/$1.status" ]; then
            say "$n" ended $(cat "$t/$1.status") $(wc -c <"$t/$1.out") $(wc -c <"$t/$1.err")
        else
            say "$n" running
        fi
        ;;
    # read FILE OFFSET COUNT
    read)
        say "$n" ok "$(tail -c "+$(($2 + 1))" "$t/$1" | head -c "$3" | base64 | tr -d '\n')"
        ;;
    # forget NAME
    forget)
        rm -rf "$t/$1".*
        say "$n" ok
        ;;
    # attach NAME: NAME.sh talks on this line until a line ep-end
    attach)
        mkfifo "$t/line"
        say "$n" ok
        sh "$t/$1.sh" <"$t/line" 2>/dev/null &
        p=$!
        (filter >"$t/line")
        kill $p 2>/dev/null
        wait $p
        rm -f "$t/line"
        say "$n" ended
        ;;
    esac
done
rm -rf "$t"
say 0 bye
stty sane
