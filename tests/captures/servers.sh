# shellcheck shell=bash disable=SC2034 # WEB_PID is read in lab.sh.
# The network of record.sh and the servers in it. Sourced by record.sh.
#
#   alice, bob, carol, dave --- lan (bridge) --- edge (router, DHCP) --- core (router) --- site (all servers)
#   10.10.0.0/24, 2001:db8:10::/64               198.51.100.0/30          203.0.113.0/24, 2001:db8:113::/64

CLIENTS=(alice bob carol)

build_network() {
    local name number=0
    for name in lan "${CLIENTS[@]}" dave edge core site; do
        add_namespace "$name"
    done
    ip_ns lan link add br0 type bridge
    ip_ns lan link set br0 type bridge mcast_snooping 0
    ip_ns lan link set br0 up
    for name in "${CLIENTS[@]}" dave edge; do
        add_cable "$name" eth0 lan "to-$name"
        ip_ns lan link set "to-$name" master br0
    done
    add_cable edge eth1 core eth0
    add_cable core eth1 site eth0
    for name in edge core; do
        in_ns "$name" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
    done
    address edge eth0 10.10.0.1/24 2001:db8:10::1/64
    address edge eth1 198.51.100.1/30 2001:db8:ff::1/64
    address core eth0 198.51.100.2/30 2001:db8:ff::2/64
    address core eth1 203.0.113.1/24 2001:db8:113::1/64
    for name in {10..40}; do
        address site eth0 "203.0.113.$name/24" "2001:db8:113::$name/64"
    done
    add_routes
    for name in "${CLIENTS[@]}"; do
        number=$((number + 1))
        client_addresses "$name" "$number"
    done
}

# Each client namespace stands for three hosts: .N1 to .N3.
client_addresses() {
    local host
    for host in 1 2 3; do
        address "$1" eth0 "10.10.0.$2$host/24" "2001:db8:10::$2$host/64"
    done
    ip_ns "$1" route add default via 10.10.0.1
    ip_ns "$1" -6 route add default via 2001:db8:10::1
}

add_routes() {
    ip_ns edge route add default via 198.51.100.2
    ip_ns edge -6 route add default via 2001:db8:ff::2
    ip_ns core route add 10.10.0.0/24 via 198.51.100.1
    ip_ns core -6 route add 2001:db8:10::/64 via 2001:db8:ff::1
    ip_ns site route add default via 203.0.113.1
    ip_ns site -6 route add default via 2001:db8:113::1
}

# certificate NAME KEY-ARGUMENTS...: NAME.key and NAME.crt, self-signed, for the test names.
certificate() {
    openssl req -x509 -nodes -days 365 -newkey "${@:2}" -subj "/O=Example Trust/CN=www.example.com" \
        -addext 'subjectAltName=DNS:*.example.com,DNS:*.example.net,DNS:*.example.org,DNS:shop.test,DNS:six.test,DNS:intranet.test' \
        -keyout "$TMP/$1.key" -out "$TMP/$1.crt" 2>/dev/null
}

make_documents() {
    mkdir -p "$TMP/www/api"
    (
        cd "$TMP/www" || exit
        printf '<!doctype html><title>Example</title><p>%s\n' "$(printf 'Lorem ipsum dolor sit amet. %.0s' {1..60})" >index.html
        printf '{"items":[%s{"id":0,"name":"last"}]}\n' "$(printf '{"id":%d,"name":"item"},' {1..60})" >api/items.json
        printf 'body { margin: %dem }\n' {1..80} >style.css
        printf 'console.log(%d);\n' {1..150} >app.js
        printf '<?xml version="1.0"?><rss version="2.0"><channel>%s</channel></rss>\n' "$(printf '<item>%d</item>' {1..40})" >feed.xml
        { printf '\x89PNG\r\n\x1a\n'; head -c 6000 /dev/urandom; } >logo.png
        { printf '\0\0\0\x18ftypmp42'; head -c 30000 /dev/urandom; } >clip.mp4
        { printf 'PK\x03\x04'; head -c 12000 /dev/urandom; } >archive.zip
        head -c 200000 /dev/urandom >large.bin
        head -c 900 /dev/urandom >update.exe
    )
}

# web_configuration: one nginx for HTTP (80, 8080), TLS with both kinds of certificate (443) and RSA alone (8443).
web_configuration() {
    cat <<END
daemon off; user root; worker_processes 1; pid $TMP/nginx-$1.pid; error_log $TMP/nginx-$1.err;
events { worker_connections 512; }
http {
  access_log off; default_type application/octet-stream; client_body_temp_path $TMP/body; proxy_temp_path $TMP/proxy;
  fastcgi_temp_path $TMP/fcgi; uwsgi_temp_path $TMP/uwsgi; scgi_temp_path $TMP/scgi;
  types { text/html html; application/json json; text/css css; text/javascript js; application/rss+xml xml;
          image/png png; video/mp4 mp4; application/zip zip; application/x-msdownload exe; }
  ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_ciphers ALL:@SECLEVEL=0; ssl_session_tickets on;
  server {
    listen 80; listen [::]:80; listen 8080; listen 443 ssl http2; listen [::]:443 ssl http2;
    ssl_certificate $TMP/ec.crt; ssl_certificate_key $TMP/ec.key;
    ssl_certificate $TMP/rsa.crt; ssl_certificate_key $TMP/rsa.key;
    root $TMP/www;
    location = /moved { return 301 /index.html; }
    location = /submit { return 201 '{"ok":true}\n'; }
    location = /private { return 401; }
    location = /broken { return 503; }
  }
  server { listen 8443 ssl; ssl_ecdh_curve X25519; ssl_certificate $TMP/rsa.crt; ssl_certificate_key $TMP/rsa.key; root $TMP/www; }
}
END
}

# serve_web NS: sets WEB_PID.
serve_web() {
    web_configuration "$1" >"$TMP/nginx-$1.conf"
    start "nginx-$1" "$1" "$TMP/root/usr/sbin/nginx" -p "$TMP" -e "$TMP/nginx-$1.err" -c "$TMP/nginx-$1.conf"
    WEB_PID=$STARTED
    until_ok listens "$1" t 443
}

serve_names() {
    cat >"$TMP/dns.conf" <<END
no-resolv
no-hosts
user=root
pid-file=
local=/example.com/example.net/example.org/test/113.0.203.in-addr.arpa/
host-record=www.example.com,203.0.113.10,2001:db8:113::10
host-record=cdn.example.com,203.0.113.11,2001:db8:113::11
host-record=video.example.net,203.0.113.12,2001:db8:113::12
host-record=api.example.org,203.0.113.13,2001:db8:113::13
host-record=mail.example.org,203.0.113.14
host-record=shop.test,203.0.113.15
host-record=intranet.test,203.0.113.16
host-record=six.test,2001:db8:113::16
cname=static.example.com,cdn.example.com
mx-host=example.com,mail.example.org,10
mx-host=example.com,backup.example.org,20
txt-record=example.com,"v=spf1 mx -all"
$(printf 'txt-record=long.example.com,"text record %d, long enough that all of them do not fit a datagram of 1232 bytes"\n' {1..24})
srv-host=_xmpp-server._tcp.example.com,chat.example.com,5269
dns-rr=example.com,257,$(printf '\0\5issueexample.net' | od -An -tx1 -v | tr -d ' \n')
END
    start dnsmasq site dnsmasq --keep-in-foreground --conf-file="$TMP/dns.conf"
    until_ok listens site u 53
}

# The address server of the LAN runs on its router, and announces the IPv6 prefix too.
serve_addresses() {
    start dhcp edge dnsmasq --keep-in-foreground --conf-file=/dev/null --port=0 --user=root --pid-file= \
        --interface=eth0 --dhcp-range=10.10.0.100,10.10.0.150,255.255.255.0,1h --dhcp-option=option:domain-name,intranet.test \
        --dhcp-option=option:dns-server,203.0.113.10 --dhcp-range=2001:db8:10::1000,2001:db8:10::1fff,64,1h --enable-ra \
        --dhcp-leasefile="$TMP/leases" --dhcp-authoritative --no-ping
    until_ok listens edge u 67
}

# sshd wants a user of its own and a shadow file that does not lock root; both exist in its mount namespace only.
serve_shell() {
    mkdir -p "$TMP/ssh"
    ssh-keygen -q -t ed25519 -N '' -f "$TMP/ssh/host_ed25519"
    ssh-keygen -q -t rsa -b 2048 -N '' -f "$TMP/ssh/host_rsa"
    ssh-keygen -q -t ed25519 -N '' -C alice@example.com -f "$TMP/ssh/user"
    printf 'root:x:0:0:root:/root:/bin/sh\nsshd:x:22:65534::/run:/bin/false\n' >"$TMP/ssh/passwd"
    printf 'root:*:19000:0:99999:7:::\n' >"$TMP/ssh/shadow"
    cat >"$TMP/ssh/sshd_config" <<END
HostKey $TMP/ssh/host_ed25519
HostKey $TMP/ssh/host_rsa
AuthorizedKeysFile $TMP/ssh/user.pub
StrictModes no
UsePAM no
PidFile none
PermitRootLogin yes
PrintMotd no
Subsystem sftp internal-sftp
END
    start sshd site sh -c "mount --bind $TMP/ssh/passwd /etc/passwd && mount --bind $TMP/ssh/shadow /etc/shadow &&
        mount -t tmpfs none /run && mkdir /run/sshd && exec $TMP/root/usr/sbin/sshd -D -e -f $TMP/ssh/sshd_config"
    until_ok listens site t 22
}

# -x: the machine's clock is not touched.
serve_time() {
    printf 'local stratum 3\nallow all\ncmdport 0\npidfile %s\nuser root\n' "$TMP/chronyd.pid" >"$TMP/chrony.conf"
    start chronyd site "$TMP/root/usr/sbin/chronyd" -x -d -f "$TMP/chrony.conf"
    until_ok listens site u 123
}

serve_quic() {
    { printf '203.0.113.11 %s\n' "${SITES[@]}"; printf '2001:db8:113::11 six.test\n'; } >"$TMP/hosts"
    start quic4 site gtlsserver -q -d "$TMP/www" 203.0.113.11 443 "$TMP/ec.key" "$TMP/ec.crt"
    start quic6 site gtlsserver -q -d "$TMP/www" 2001:db8:113::11 443 "$TMP/ec.key" "$TMP/ec.crt"
    until_ok listens site u 443
}

# redis-check-rdb is the server under another name: it looks at how it was called.
serve_data() {
    # shellcheck disable=SC2016 # $1 is for the inner shell.
    ip netns exec "$LAB-site" bash -c 'exec -a redis-server redis-check-rdb --port 6379 --bind 203.0.113.17 \
        --protected-mode no --save "" --appendonly no --dir "$1"' _ "$TMP" >"$TMP/redis.log" 2>&1 </dev/null &
    PIDS+=("$!")
    until_ok listens site t 6379
}

start_servers() {
    certificate ec ec -pkeyopt ec_paramgen_curve:prime256v1
    certificate rsa rsa:2048
    make_documents
    serve_web site
    serve_names
    serve_addresses
    serve_shell
    serve_time
    serve_quic
    serve_data
}
