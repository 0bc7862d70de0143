# shellcheck shell=bash disable=SC2034 # Lists are passed by name.
# The capture of the demonstration: an office of nine hosts, everything at once. Sourced by record.sh.

SITES=(www.example.com cdn.example.com video.example.net api.example.org mail.example.org shop.test intranet.test
    static.example.com news.example.net maps.example.org login.example.com photos.example.net)
PATHS=(/ /style.css /app.js /api/items.json /logo.png /feed.xml /index.html /moved /missing)

# pick LIST-NAME NUMBER
pick() {
    local -n list=$1
    printf '%s' "${list[$2 % ${#list[@]}]}"
}

# one_visit NS SOURCE NUMBER: a name is asked for, then a page of that name is fetched in one of several ways.
one_visit() {
    local site path server agent way
    RANDOM=$(($3 * 331 + 7)) # The same visits in each recording.
    site=$(pick SITES "$RANDOM")
    path=$(pick PATHS "$RANDOM")
    agent=$(pick AGENTS "$RANDOM")
    way=$((RANDOM % 6))
    server=$((10 + RANDOM % 12))
    name "$1" "$2" "$site"
    case $way in
    0 | 5) web "$1" "$2" "203.0.113.$server" -A "$agent" "http://$site$path" ;;
    1) web "$1" "$2" "203.0.113.$server" --tls-max 1.2 "https://$site$path" ;;
    2) web "$1" "$2" "[2001:db8:113::$server]" --interface "2001:db8:10::${2##*.}" "https://$site$path" ;;
    3) web "$1" "$2" "203.0.113.$server" --http1.1 "https://$site$path" ;;
    *) web "$1" "$2" "203.0.113.$server" --tlsv1.3 "https://$site$path" ;;
    esac
}

# office_worker NS SOURCE FIRST: twenty visits, some names that do not exist, a ping.
office_worker() {
    local number
    for number in {1..20}; do
        one_visit "$1" "$2" "$(($3 + number))"
        sleep "0.$((($3 + number * 37) % 7))"
    done
    name "$1" "$2" MX example.com
    name "$1" "$2" "old-host-$3.example.com"
    in_ns "$1" ping -q -c 3 -i 0.3 -I "$2" 203.0.113.10 >/dev/null
}

mix_administrator() {
    local number
    for number in 1 2 3; do
        shell bob "10.10.0.2$number" 'uptime; id'
    done
    clock bob 10.10.0.21
    clock carol 10.10.0.31
    ask_address dave
    in_ns bob redis-cli -h 203.0.113.17 info stats >/dev/null
    in_ns bob traceroute -n -q 1 -w 1 203.0.113.20 >/dev/null
    # Which doors are open?
    for number in 21 23 25 110 143 445 3306 3389 5432 8443; do
        in_ns carol curl -s -o /dev/null --max-time 1 "http://203.0.113.18:$number/" || true
    done
}

mix_media() {
    local number
    for number in 1 2 3 4 5; do
        quic alice "$(pick SITES "$number")" /logo.png
        web alice "10.10.0.1$((number % 3 + 1))" 203.0.113.12 https://video.example.net/clip.mp4
        lan_noise carol "10.10.0.3$((number % 3 + 1))"
    done
    web alice 10.10.0.11 203.0.113.12 http://video.example.net/large.bin
}

scene_mix() {
    local client number place host=0 jobs
    record mix.pcap edge eth0
    jobs=${#PIDS[@]}
    for number in 1 2 3; do
        place=0
        for client in "${CLIENTS[@]}"; do
            host=$((host + 1))
            place=$((place + 1))
            office_worker "$client" "10.10.0.$place$number" $((host * 17)) &
            PIDS+=("$!")
        done
    done
    mix_administrator &
    PIDS+=("$!")
    mix_media &
    PIDS+=("$!")
    for number in "${PIDS[@]:jobs}"; do
        wait "$number"
    done
    end_record
}
