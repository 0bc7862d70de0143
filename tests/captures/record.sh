#!/usr/bin/env bash
# Records the captures of this folder anew: real programs talk between network namespaces that this script makes.
#
#   tests/captures/record.sh [-o FOLDER] [SCENE...]      as root, on Debian 12; all scenes take about three minutes
#
# Without SCENE all of them are recorded. The table in README.md is brought up to date where FOLDER is this one (the default).
# Installs missing packages with apt-get. At its end it stops what it started and removes its namespaces. With KEEP_LOGS=1 the
# logs of a failed run are kept.
set -Eeuo pipefail

HERE=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
OUT=$HERE
SCENES=(tls12 tls13 tls_old http dns ssh dhcp ntp quic icmp ipv6 carried lossy rawip vxlan sctp fragments cooked formats
    offload lan tcp idle mix)
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
export LC_ALL=C

# shellcheck source=lab.sh
. "$HERE/lab.sh"
# shellcheck source=servers.sh
. "$HERE/servers.sh"
# shellcheck source=scenes.sh
. "$HERE/scenes.sh"
# shellcheck source=mix.sh
. "$HERE/mix.sh"

wanted() { [[ " ${CHOSEN[*]} " == *" $1 "* ]]; }

# Packets and link type of each row of README.md's table are put in from the files themselves.
write_table() {
    local file packets link
    while IFS= read -r line; do
        if [[ $line =~ ^\|\ \`([a-z0-9-]+\.pcap(ng)?)\`\ \|[^|]*\|[^|]*\|(.*)$ ]]; then
            file=${BASH_REMATCH[1]}
            packets=$(capinfos -Tmrc "$OUT/$file" | cut -d, -f2)
            link=$(tcpdump -r "$OUT/$file" -c 1 2>&1 >/dev/null | sed -n 's/.*link-type \([A-Z0-9_]*\).*/\1/p')
            # shellcheck disable=SC2016 # The backquotes are Markdown.
            printf '| `%s` | %s | %s |%s\n' "$file" "$packets" "$link" "${BASH_REMATCH[3]}"
        else
            printf '%s\n' "$line"
        fi
    done <"$HERE/README.md" >"$TMP/README.md"
    cp "$TMP/README.md" "$HERE/README.md"
}

main() {
    local scene
    if [[ ${1:-} == -o ]]; then
        mkdir -p "$2"
        OUT=$(cd -- "$2" && pwd)
        shift 2
    fi
    CHOSEN=("${SCENES[@]}")
    if (($#)); then
        CHOSEN=("$@")
    fi
    for scene in "${CHOSEN[@]}"; do
        [[ " ${SCENES[*]} " == *" $scene "* ]] || { say "no scene $scene; there are: ${SCENES[*]}"; exit 64; }
    done
    ((EUID == 0)) || { say "network namespaces need root: run it with sudo"; exit 77; }
    TMP=$(mktemp -d /tmp/record.XXXXXX)
    LAB=rec$$
    trap clean_up EXIT
    trap 'say "failed at ${BASH_SOURCE[0]##*/}:$LINENO: $BASH_COMMAND"' ERR
    trap 'exit 130' INT TERM
    install_packages
    build_network
    start_servers
    wanted idle && begin_idle
    for scene in "${CHOSEN[@]}"; do
        [[ $scene == idle ]] || "scene_$scene"
    done
    wanted idle && end_idle
    [[ $OUT != "$HERE" ]] || write_table
    say "done: $(du -ch "$OUT"/*.pcap* | tail -n 1 | cut -f1) in $OUT"
}

main "$@"
