# shellcheck shell=bash
# The laboratory of record.sh: packages, namespaces, programs to start and stop, captures.
# Sourced by record.sh, which sets LAB (prefix of all names), TMP (scratch folder) and OUT (where captures go).

# Programs that come with no daemon are installed; packages that would start a service on this machine, or replace
# its clock daemon, are only unpacked into the scratch folder.
INSTALL=(bind9-dnsutils busybox ca-certificates curl dnsmasq-base ethtool iproute2 iputils-arping iputils-ping
    isc-dhcp-client libaudit1 libedit2 libgnutls30 libgssapi-krb5-2 libnettle8 libpam0g libpcre2-8-0 libseccomp2 libusrsctp-examples
    libwrap0 ngtcp2-client ngtcp2-server nftables openssh-client openssl python3 redis-tools socat tcpdump traceroute
    udhcpc wget wireshark-common)
UNPACK=(chrony nginx openssh-server)

PIDS=()
NAMESPACES=()
CAPTURE_PID=

say() { printf 'record: %s\n' "$*" >&2; }

install_packages() {
    local missing=() package
    for package in "${INSTALL[@]}"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    if ((${#missing[@]})); then
        say "installing ${missing[*]}"
        apt-get update -qq
        DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$TMP/apt.log" 2>&1
    fi
    mkdir -p "$TMP/debs"
    # The scratch folder is root's own, so apt says that it can't drop privileges for this download.
    (cd "$TMP/debs" && apt-get download -qq "${UNPACK[@]}" 2>>"$TMP/apt.log")
    for package in "$TMP"/debs/*.deb; do
        dpkg -x "$package" "$TMP/root"
    done
}

# A program of start() leads a group and goes with its children.
end_process() { kill -- "-$1" 2>/dev/null || kill "$1" 2>/dev/null || true; }

# Ends what this run started, by process id, and removes its namespaces and scratch folder.
clean_up() {
    local status=$? pid name
    trap - EXIT INT TERM
    for pid in ${CAPTURE_PID:+"$CAPTURE_PID"} "${PIDS[@]}"; do
        end_process "$pid"
    done
    wait || true
    for name in "${NAMESPACES[@]}"; do
        ip netns del "$LAB-$name" 2>/dev/null || true
    done
    if ((status)) && [[ -n ${KEEP_LOGS:-} ]]; then
        say "failed; logs are in $TMP"
    else
        rm -rf "$TMP"
    fi
    exit "$status"
}

in_ns() { ip netns exec "$LAB-$1" "${@:2}"; }
ip_ns() { ip -n "$LAB-$1" "${@:2}"; }

add_namespace() {
    ip netns add "$LAB-$1"
    NAMESPACES+=("$1")
    ip_ns "$1" link set lo up
    # Duplicate address detection would only keep IPv6 addresses unusable for the first two seconds.
    in_ns "$1" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad; echo 0 >/proc/sys/net/ipv6/conf/all/accept_dad'
}

# add_cable NS1 DEV1 NS2 DEV2: a veth pair without the offloads that would make frames larger than a real link's.
add_cable() {
    ip -n "$LAB-$1" link add "$2" type veth peer name "$4" netns "$LAB-$3"
    in_ns "$1" ethtool -K "$2" tso off gso off gro off tx off >/dev/null 2>&1
    in_ns "$3" ethtool -K "$4" tso off gso off gro off tx off >/dev/null 2>&1
    ip_ns "$1" link set "$2" up
    ip_ns "$3" link set "$4" up
}

# address NS DEV ADDRESS...
address() {
    local each
    for each in "${@:3}"; do
        ip_ns "$1" address add "$each" dev "$2"
    done
}

# start NAME NS COMMAND...: in the background, its output in a log file of that name; sets STARTED to its id, which is that of
# its process group too.
start() {
    setsid ip netns exec "$LAB-$2" "${@:3}" >"$TMP/$1.log" 2>&1 </dev/null &
    STARTED=$!
    PIDS+=("$STARTED")
}

stop() {
    end_process "$1"
    wait "$1" 2>/dev/null || true
}

# until_ok COMMAND...: tries for ten seconds.
until_ok() {
    local deadline=$((SECONDS + 10))
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < deadline)) || { say "gave up waiting for: $*"; return 1; }
        sleep 0.1
    done
}

listens() { in_ns "$1" ss -Hln"$2" "sport = :$3" | grep -q .; }

# record FILE NS DEV [tcpdump arguments]: begins a capture; end_record ends it.
record() {
    say "$1"
    CAPTURE_FILE=$1
    : >"$TMP/capture.log"
    ip netns exec "$LAB-$2" tcpdump -Z root -U --immediate-mode -B 32768 -n -i "$3" -w "$TMP/$1" "${@:4}" 2>"$TMP/capture.log" &
    CAPTURE_PID=$!
    until_ok grep -q 'listening on' "$TMP/capture.log"
}

# record_ng FILE NS [dumpcap arguments]: the same with dumpcap, which writes pcapng.
record_ng() {
    say "$1"
    CAPTURE_FILE=$1
    : >"$TMP/capture.log"
    ip netns exec "$LAB-$2" dumpcap -q -n -B 32 "${@:3}" -w "$TMP/$1" 2>"$TMP/capture.log" &
    CAPTURE_PID=$!
    until_ok test -s "$TMP/$1"
    sleep 0.5
}

end_record() {
    sleep 0.5
    kill -INT "$CAPTURE_PID"
    wait "$CAPTURE_PID" || true
    CAPTURE_PID=
    if grep -E '[1-9][0-9]* packets dropped by kernel' "$TMP/capture.log" >&2; then
        say "$CAPTURE_FILE has gaps that the recording made"
        return 1
    fi
    if [[ $(capinfos -Tmrc "$TMP/$CAPTURE_FILE" | cut -d, -f2) -lt 2 ]]; then
        say "nothing was recorded in $CAPTURE_FILE"
        cat "$TMP/capture.log" >&2
        return 1
    fi
    mv "$TMP/$CAPTURE_FILE" "$OUT/$CAPTURE_FILE"
}

# begin_wire [wire.py options]: namespaces left and right with device w0 at each end, monitor with mon0.
begin_wire() {
    local name
    for name in left right monitor; do
        add_namespace "$name"
    done
    in_ns monitor sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6'
    : >"$TMP/wire.log"
    "$HERE/wire.py" "$LAB-left:w0" "$LAB-right:w0" "$LAB-monitor:mon0" "$@" >"$TMP/wire.log" 2>&1 &
    WIRE_PID=$!
    PIDS+=("$WIRE_PID")
    until_ok grep -q ready "$TMP/wire.log"
    for name in left right; do
        ip_ns "$name" link set w0 up mtu 1400
    done
    ip_ns monitor link set mon0 up
    address left w0 172.16.9.1/24 fd00:9::1/64
    address right w0 172.16.9.2/24 fd00:9::2/64
    serve_web right
}

end_wire() {
    local name
    stop "$WEB_PID"
    stop "$WIRE_PID"
    for name in left right monitor; do
        ip netns del "$LAB-$name"
    done
}
