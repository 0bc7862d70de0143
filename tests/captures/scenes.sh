# shellcheck shell=bash
# One function for each capture (scene_NAME makes the files of SCENES[NAME]) and what its clients do. Sourced by record.sh.

# web NS SOURCE SERVER curl-arguments...: whatever the URL's name, the connection goes to SERVER.
web() {
    in_ns "$1" curl -sS -k --no-progress-meter --max-time 20 --interface "$2" --connect-to "::$3:" "${@:4}" >/dev/null
}

# name NS SOURCE dig-arguments...
name() { in_ns "$1" dig -b "$2" +tries=2 +time=2 @203.0.113.10 "${@:3}" >/dev/null; }

# shell NS SOURCE ssh-arguments... COMMAND
shell() {
    in_ns "$1" ssh -F /dev/null -b "$2" -i "$TMP/ssh/user" -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
        -o LogLevel=ERROR root@203.0.113.14 "${@:3}" >/dev/null </dev/null
}

# quic NS NAME PATH: the client takes the server name from its host argument alone, hence a host table in its mount namespace.
quic() {
    in_ns "$1" sh -c "mount --bind $TMP/hosts /etc/hosts &&
        exec timeout 10 gtlsclient -q --exit-on-all-streams-close $2 443 https://$2$3" >/dev/null
}

# clock NS SOURCE [SERVER [SAMPLES]]: the answer is only printed.
clock() {
    in_ns "$1" timeout 15 "$TMP/root/usr/sbin/chronyd" -x -Q -t 10 "server ${3:-203.0.113.12} iburst maxsamples ${4:-1}" "bindacqaddress $2" \
        "pidfile $TMP/clock-$2.pid" "cmdport 0" "user root" >/dev/null 2>&1
}

# ask_address NS: an address by DHCP, which is not put to use.
ask_address() {
    in_ns "$1" busybox udhcpc -i eth0 -n -q -f -t 3 -x hostname:laptop.example.com -s /bin/true >"$TMP/udhcpc.log" 2>&1
}

scene_tls12() {
    local cipher host=10
    record tls12.pcap site eth0 'tcp port 443 or tcp port 8443'
    for cipher in ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-ECDSA-CHACHA20-POLY1305 ECDHE-RSA-AES128-GCM-SHA256 AES256-GCM-SHA384; do
        web alice 10.10.0.11 "203.0.113.$host" --tls-max 1.2 --ciphers "$cipher" https://www.example.com/
        web bob 10.10.0.21 "203.0.113.$host" --tls-max 1.2 --ciphers "$cipher" --http1.1 https://shop.test/logo.png
        host=$((host + 1))
    done
    web carol 10.10.0.31 203.0.113.13 --tls-max 1.2 --no-alpn https://mail.example.org:8443/ https://mail.example.org:8443/app.js
    web carol 10.10.0.31 203.0.113.13 --tls-max 1.2 https://203.0.113.13/api/items.json
    end_record
}

scene_tls13() {
    local cipher host=10
    record tls13.pcap site eth0 'tcp port 443 or tcp port 8443'
    for cipher in TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256 TLS_AES_128_GCM_SHA256; do
        web alice 10.10.0.12 "203.0.113.$host" --tlsv1.3 --tls13-ciphers "$cipher" https://video.example.net/clip.mp4
        web bob 10.10.0.22 "203.0.113.$host" --tlsv1.3 --tls13-ciphers "$cipher" --http1.1 https://cdn.example.com/style.css
        web carol 10.10.0.32 "203.0.113.$host" --tlsv1.3 --curves P-384:X25519 --no-alpn https://intranet.test:8443/
        host=$((host + 1))
    done
    web alice 10.10.0.12 203.0.113.15 --tlsv1.3 --parallel https://api.example.org/api/items.json https://api.example.org/feed.xml
    # A session, and its resumption; tickets come after the handshake, hence the pause.
    in_ns bob timeout 5 openssl s_client -connect 203.0.113.16:443 -servername www.example.net -sess_out "$TMP/session" \
        < <(sleep 0.5) >/dev/null 2>&1
    in_ns bob timeout 5 openssl s_client -connect 203.0.113.16:443 -servername www.example.net -sess_in "$TMP/session" \
        < <(sleep 0.5) >/dev/null 2>&1
    end_record
}

scene_tls_old() {
    record tls-old.pcap site eth0 'tcp port 443'
    web alice 10.10.0.11 203.0.113.10 --tlsv1.0 --tls-max 1.0 --ciphers ALL:@SECLEVEL=0 https://old.example.com/
    web alice 10.10.0.11 203.0.113.10 --tlsv1.1 --tls-max 1.1 --ciphers ALL:@SECLEVEL=0 https://old.example.com/
    # A client that demands what the server refuses, and one that does not trust the certificate: both end with an alert.
    web bob 10.10.0.21 203.0.113.10 --tls-max 1.2 --ciphers PSK-AES256-GCM-SHA384 https://www.example.com/ 2>/dev/null || true
    in_ns bob curl -sS -o /dev/null --connect-to ::203.0.113.10: https://www.example.com/ 2>/dev/null || true
    end_record
}

AGENTS=(
    'Mozilla/5.0 (X11; Linux x86_64; rv:115.0) Gecko/20100101 Firefox/115.0'
    'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36'
    'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1'
    'ExampleUpdater/2.1'
)

scene_http() {
    local agent path
    record http.pcap site eth0 'tcp port 80 or tcp port 8080'
    for agent in "${AGENTS[@]}"; do
        web alice 10.10.0.11 203.0.113.10 -A "$agent" http://www.example.com/
    done
    for path in api/items.json style.css app.js feed.xml logo.png clip.mp4 archive.zip update.exe moved missing private broken; do
        web bob 10.10.0.22 203.0.113.11 "http://cdn.example.com/$path"
    done
    web carol 10.10.0.31 203.0.113.12 -d 'name=example&value=1' http://shop.test/submit
    web carol 10.10.0.31 203.0.113.12 -I http://shop.test/ http://shop.test/style.css
    web carol 10.10.0.31 203.0.113.12 -L -u user:secret http://intranet.test/moved http://intranet.test:8080/private
    in_ns carol wget -q -O /dev/null http://203.0.113.12/app.js
    in_ns carol busybox wget -q -O /dev/null http://203.0.113.12/index.html
    web carol 10.10.0.31 203.0.113.12 -A '' http://shop.test/
    end_record
}

scene_dns() {
    local type
    record dns.pcap site eth0 'port 53'
    for type in A AAAA MX TXT CAA SOA; do
        name alice 10.10.0.11 "$type" example.com
        name alice 10.10.0.11 "$type" www.example.com
    done
    name bob 10.10.0.21 static.example.com
    name bob 10.10.0.21 -x 203.0.113.10
    name bob 10.10.0.21 SRV _xmpp-server._tcp.example.com
    name bob 10.10.0.21 nosuch.example.com
    name bob 10.10.0.21 elsewhere.example
    name carol 10.10.0.31 +tcp www.example.com
    name carol 10.10.0.31 TXT long.example.com
    name carol 10.10.0.31 +noedns +norecurse shop.test
    in_ns carol dig @2001:db8:113::10 +tries=1 AAAA six.test >/dev/null
    end_record
}

scene_ssh() {
    record ssh.pcap site eth0 'tcp port 22'
    shell alice 10.10.0.11 true
    shell alice 10.10.0.12 -c aes256-ctr -m hmac-sha2-256 -o HostKeyAlgorithms=rsa-sha2-512 'uname -a; sleep 1; id'
    shell bob 10.10.0.21 -o KexAlgorithms=ecdh-sha2-nistp256 -C 'cat /proc/cpuinfo'
    shell carol 10.10.0.31 -o IdentitiesOnly=yes -o IdentityFile=/dev/null -i /dev/null -o BatchMode=yes true 2>/dev/null || true
    # A scanner that takes the banner and leaves.
    in_ns carol socat -T 1 - TCP:203.0.113.14:22 </dev/null >/dev/null
    end_record
}

scene_dhcp() {
    record dhcp.pcap edge eth0 'udp port 67 or udp port 68 or udp port 546 or udp port 547 or arp or icmp6'
    ask_address dave
    # Debian's configuration would send this machine's name.
    printf 'send host-name "printer.example.com";\nrequest subnet-mask, routers, domain-name-servers;\n' >"$TMP/dhclient.conf"
    in_ns dave dhclient -4 -1 -q -cf "$TMP/dhclient.conf" -sf /bin/true -lf "$TMP/dave.leases" -pf "$TMP/dave.pid" eth0 >/dev/null 2>&1
    in_ns dave dhclient -4 -r -q -cf "$TMP/dhclient.conf" -sf /bin/true -lf "$TMP/dave.leases" -pf "$TMP/dave.pid" eth0 >/dev/null 2>&1
    in_ns dave timeout 15 dhclient -6 -1 -q -cf "$TMP/dhclient.conf" -sf /bin/true -lf "$TMP/dave6.leases" -pf "$TMP/dave6.pid" eth0 >/dev/null 2>&1
    in_ns dave timeout 15 dhclient -6 -r -q -cf "$TMP/dhclient.conf" -sf /bin/true -lf "$TMP/dave6.leases" -pf "$TMP/dave6.pid" eth0 >/dev/null 2>&1
    end_record
}

scene_ntp() {
    record ntp.pcap site eth0 'udp port 123'
    clock alice 10.10.0.11
    clock bob 10.10.0.21 203.0.113.13 3
    clock carol 2001:db8:10::31 2001:db8:113::12
    end_record
}

scene_quic() {
    record quic.pcap site eth0 'udp port 443'
    quic alice www.example.com /index.html
    quic bob video.example.net /clip.mp4
    quic carol shop.test /api/items.json
    quic carol six.test /app.js
    end_record
}

scene_icmp() {
    record icmp.pcap alice eth0 'icmp or icmp6 or udp portrange 33434-33600 or tcp port 81 or udp port 9'
    in_ns alice ping -q -c 4 -i 0.2 203.0.113.10 >/dev/null
    in_ns alice ping -q -c 3 -i 0.2 -s 1200 2001:db8:113::10 >/dev/null
    in_ns alice traceroute -n -q 2 -w 1 203.0.113.20 >/dev/null
    in_ns alice traceroute -6 -n -q 2 -w 1 2001:db8:113::20 >/dev/null
    in_ns alice traceroute -n -I -q 1 -w 1 203.0.113.21 >/dev/null
    in_ns alice traceroute -n -T -p 81 -q 1 -w 1 203.0.113.21 >/dev/null
    # Port, time and network unreachable.
    printf x | in_ns alice socat -u - UDP:203.0.113.10:9
    in_ns alice ping -q -c 2 -i 0.2 -t 1 203.0.113.10 >/dev/null || true
    in_ns alice ping -q -c 2 -i 0.2 198.18.0.1 -W 1 >/dev/null || true
    end_record
}

scene_ipv6() {
    ip_ns bob neigh flush all
    record ipv6.pcap bob eth0 ip6
    in_ns bob dig @2001:db8:113::10 +tries=1 AAAA www.example.com >/dev/null
    in_ns bob dig @2001:db8:113::10 +tries=1 MX example.com >/dev/null
    web bob 2001:db8:10::21 '[2001:db8:113::10]' http://www.example.com/
    web bob 2001:db8:10::22 '[2001:db8:113::10]' http://www.example.com/logo.png
    web bob 2001:db8:10::21 '[2001:db8:113::12]' https://video.example.net/
    in_ns bob ping -q -c 3 -i 0.2 2001:db8:10::11 >/dev/null
    in_ns bob ping -q -c 2 -i 0.2 ff02::1%eth0 >/dev/null
    # A packet too large for one frame brings the fragment header in.
    in_ns bob ping -q -c 2 -i 0.2 -s 3000 2001:db8:113::10 >/dev/null
    end_record
}

# What goes over each wire: address resolution, ping, HTTP, TLS, and IPv6.
wire_traffic() {
    in_ns left ping -q -c 3 -i 0.2 172.16.9.2 >/dev/null
    web left 172.16.9.1 172.16.9.2 http://www.example.com/
    web left 172.16.9.1 172.16.9.2 https://shop.test/logo.png
    web left fd00:9::1 '[fd00:9::2]' http://cdn.example.com/app.js
    web left fd00:9::1 '[fd00:9::2]' https://api.example.org/api/items.json
    in_ns left ping -q -c 2 -i 0.2 fd00:9::2 >/dev/null
}

# carried FILE KIND
carried() {
    begin_wire --carry "$2"
    record "$1" monitor mon0
    wire_traffic
    end_record
    end_wire
}

scene_carried() {
    carried vlan.pcap vlan
    carried qinq.pcap qinq
    carried mpls.pcap mpls
    carried pppoe.pcap pppoe
    carried ipip.pcap ipip
    carried ip6-tunnel.pcap ip6
    carried gre.pcap gre
    carried gtpu.pcap gtpu
    carried tzsp.pcap tzsp
}

scene_lossy() {
    begin_wire --loss 8 --dup 2 --delay 10 --jitter 12 --seed 7
    record lossy.pcap monitor mon0
    wire_traffic
    web left 172.16.9.1 172.16.9.2 http://cdn.example.com/large.bin
    web left 172.16.9.1 172.16.9.2 https://video.example.net/clip.mp4
    end_record
    end_wire
}

scene_rawip() {
    begin_wire --carry ipip
    record rawip.pcap left w0
    wire_traffic
    end_record
    end_wire
}

scene_vxlan() {
    local side
    ip_ns carol link add vx0 type vxlan id 77 local 10.10.0.31 remote 203.0.113.20 dstport 4789
    ip_ns site link add vx0 type vxlan id 77 local 203.0.113.20 remote 10.10.0.31 dstport 4789
    address carol vx0 172.16.8.1/24
    address site vx0 172.16.8.2/24
    for side in carol site; do
        ip_ns "$side" link set vx0 up mtu 1400
    done
    record vxlan.pcap site eth0 'udp port 4789'
    web carol 172.16.8.1 172.16.8.2 http://www.example.com/
    web carol 172.16.8.1 172.16.8.2 https://shop.test/
    end_record
    ip_ns carol link del vx0
    ip_ns site link del vx0
}

# The kernel need not know SCTP: these programs bring their own and use raw sockets. They run where each end has one address,
# since they leave the choice of the source address to the kernel.
scene_sctp() {
    local server
    begin_wire
    record sctp.pcap monitor mon0 'proto 132'
    start sctp-echo right /usr/lib/usrsctp/echo_server
    server=$STARTED
    sleep 0.5
    # Its client sends the lines of standard input.
    { sleep 0.3; printf 'hello\n'; sleep 0.3; printf 'over sctp\n'; sleep 0.5; } |
        in_ns left timeout 8 /usr/lib/usrsctp/client 172.16.9.2 7 >/dev/null 2>&1 || true
    stop "$server"
    start sctp-sink right /usr/lib/usrsctp/tsctp
    server=$STARTED
    sleep 0.5
    in_ns left timeout 8 /usr/lib/usrsctp/tsctp -n 40 -l 900 172.16.9.2 >/dev/null 2>&1 || true
    stop "$server"
    end_record
    end_wire
}

scene_fragments() {
    record fragments.pcap site eth0 '(ip[6:2] & 0x3fff != 0) or (ip6[6] == 44) or icmp'
    in_ns alice ping -q -c 2 -i 0.2 -s 4000 203.0.113.10 >/dev/null
    in_ns alice ping -q -c 2 -i 0.2 -s 4000 2001:db8:113::10 >/dev/null
    head -c 5000 /dev/zero | in_ns bob socat -u -b 6000 - UDP:203.0.113.13:5000
    head -c 5000 /dev/zero | in_ns bob socat -u -b 6000 - 'UDP6:[2001:db8:113::13]:5000'
    end_record
}

# some_traffic NS SOURCE
some_traffic() {
    name "$1" "$2" www.example.com
    web "$1" "$2" 203.0.113.10 http://www.example.com/
    web "$1" "$2" 203.0.113.12 https://video.example.net/logo.png
    in_ns "$1" ping -q -c 2 -i 0.2 203.0.113.10 >/dev/null
}

scene_cooked() {
    record sll.pcap edge any -y LINUX_SLL 'not udp port 67'
    some_traffic alice 10.10.0.11
    end_record
    record sll2.pcap edge any -y LINUX_SLL2 'not udp port 67'
    some_traffic alice 10.10.0.12
    end_record
}

scene_formats() {
    record nano.pcap site eth0 --time-stamp-precision=nano
    some_traffic bob 10.10.0.21
    end_record
    record snap96.pcap site eth0 -s 96
    some_traffic bob 10.10.0.22
    end_record
    record_ng two-interfaces.pcapng edge -i eth0 -i eth1
    some_traffic bob 10.10.0.23
    end_record
    say nano.pcapng
    editcap -F pcapng "$OUT/nano.pcap" "$OUT/nano.pcapng"
}

scene_offload() {
    in_ns site ethtool -K eth0 tso on gso on gro on tx on >/dev/null 2>&1
    record offload.pcap site eth0 'tcp port 80'
    web carol 10.10.0.31 203.0.113.10 http://cdn.example.com/large.bin
    end_record
    in_ns site ethtool -K eth0 tso off gso off gro off tx off >/dev/null 2>&1
}

# Requests to which nobody answers, as on any office network.
lan_noise() {
    in_ns "$1" dig -b "$2" -p 5353 +tries=1 +time=1 @224.0.0.251 PTR _http._tcp.local >/dev/null || true
    in_ns "$1" arping -q -c 2 -I eth0 -s "$2" 10.10.0.99 >/dev/null || true
    printf 'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: ssdp:all\r\n\r\n' |
        in_ns "$1" socat -u - "UDP:239.255.255.250:1900,bind=$2,ip-multicast-if=$2"
}

scene_lan() {
    record lan.pcap bob eth0
    ip_ns alice neigh flush all
    lan_noise alice 10.10.0.11
    in_ns alice dig -p 5353 +tries=1 +time=1 @ff05::fb laptop.local >/dev/null || true
    in_ns alice dig -p 5355 +tries=1 +time=1 @224.0.0.252 printer >/dev/null || true
    in_ns alice ping -q -b -c 2 -i 0.2 10.10.0.255 >/dev/null 2>&1 || true
    in_ns alice ping -q -c 2 -i 0.2 10.10.0.21 >/dev/null
    printf 'x' | in_ns carol socat -u - UDP-DATAGRAM:255.255.255.255:48123,broadcast,so-bindtodevice=eth0
    ask_address dave
    end_record
}

# Ways in which TCP connections fail or end.
scene_tcp() {
    local sink
    record tcp.pcap edge eth0 'tcp or icmp'
    in_ns alice curl -s -o /dev/null http://203.0.113.10:81/ || true
    in_ns alice curl -s -o /dev/null --connect-timeout 2 http://203.0.113.99/ || true
    in_ns site nft 'add table ip guard; add chain ip guard input { type filter hook input priority 0; }; add rule ip guard input tcp dport 82 drop'
    in_ns alice curl -s -o /dev/null --connect-timeout 4 http://203.0.113.10:82/ || true
    in_ns site nft 'delete table ip guard'
    # Half closed: the client has nothing more to say and the server goes on for a while.
    start tcp-late site socat -t 5 TCP-LISTEN:47000,reuseaddr 'SYSTEM:cat >/dev/null; sleep 1; echo late'
    sink=$STARTED
    until_ok listens site t 47000
    printf 'early\n' | in_ns bob socat -t 5 - TCP:203.0.113.10:47000 >/dev/null
    stop "$sink"
    # Reset in the middle of a download.
    in_ns bob curl -s --limit-rate 20k --max-time 1 -o /dev/null http://203.0.113.10/large.bin || true
    in_ns carol redis-cli -h 203.0.113.17 set greeting hello >/dev/null
    in_ns carol redis-cli -h 203.0.113.17 -r 3 -i 0.2 get greeting >/dev/null
    end_record
}

# Twice the same five-tuple with more than the usual idle timeout of 120 s between; runs beside all other scenes.
begin_idle() {
    add_namespace slow
    add_namespace slowpeer
    add_cable slow eth0 slowpeer eth0
    address slow eth0 10.20.0.1/24
    address slowpeer eth0 10.20.0.2/24
    ip netns exec "$LAB-slow" tcpdump -Z root -U --immediate-mode -n -i eth0 -w "$TMP/idle.pcap" 'tcp or udp' 2>"$TMP/idle.log" &
    IDLE_CAPTURE=$!
    PIDS+=("$IDLE_CAPTURE")
    start idle-tcp slowpeer socat TCP-LISTEN:47000 EXEC:cat
    start idle-udp slowpeer socat -T 300 UDP-LISTEN:47001 EXEC:cat
    until_ok listens slowpeer t 47000
    until_ok grep -q 'listening on' "$TMP/idle.log"
    start idle-tcp-client slow bash -c '{ echo one; sleep 135; echo two; } | socat - TCP:10.20.0.2:47000,sourceport=40000'
    start idle-udp-client slow bash -c '{ echo one; sleep 135; echo two; } | socat -t 2 - UDP:10.20.0.2:47001,sourceport=40001'
    IDLE_UNTIL=$((SECONDS + 139))
}

end_idle() {
    say "idle.pcap (waits for the end of two pauses of 135 s)"
    sleep "$((IDLE_UNTIL > SECONDS ? IDLE_UNTIL - SECONDS : 0))"
    kill -INT "$IDLE_CAPTURE"
    wait "$IDLE_CAPTURE" || true
    mv "$TMP/idle.pcap" "$OUT/idle.pcap"
}
