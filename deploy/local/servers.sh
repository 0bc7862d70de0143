#!/usr/bin/env bash
# A real Kafka broker and a real schema registry on this machine's loopback address (or another one of a network namespace),
# from Maven Central's jars.
# For the demonstration and the tests; nothing here is meant for production. Usage: see usage() below.
set -euo pipefail
umask 077

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${FLOWSENSOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/flowsensor}
HOST=${FLOWSENSOR_SERVERS_HOST:-127.0.0.1}
# A single local user never fills these heaps; the first compiler tier alone starts faster than both.
JVM=(-Xms32m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.net.preferIPv4Stack=true)
START_LIMIT_S=${FLOWSENSOR_START_LIMIT_S:-60}
STOP_LIMIT_S=15

usage() {
  cat <<'TEXT'
usage: servers.sh install                      fetch the pinned jars into the cache (done once)
       servers.sh start DIR [--sasl] [--acl] [--tls]
                                               start both servers; state, logs and pids live in DIR
       servers.sh stop DIR                     stop the servers that were started with DIR
       servers.sh topic DIR NAME [PARTITIONS]  create a topic unless it exists

start writes DIR/env, lines of NAME=VALUE for a shell to source:
  KAFKA_BOOTSTRAP, REGISTRY_URL, and with --sasl (SASL_PLAINTEXT, mechanism PLAIN)
  KAFKA_SASL_BOOTSTRAP, KAFKA_SASL_USERNAME, KAFKA_SASL_PASSWORD_FILE
With --tls (SASL_SSL, mechanisms SCRAM-SHA-256, SCRAM-SHA-512 and PLAIN; the registry by https as well)
  KAFKA_TLS_BOOTSTRAP, KAFKA_MTLS_BOOTSTRAP (SSL, for clients with certificates of DIR/tls/ca.crt), KAFKA_TLS_CA_FILE, REGISTRY_TLS_URL, KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD_FILE
With --acl that user may do only what ACLs allow, at first nothing; whoever comes without SASL may do everything, and so
may the user admin, who has the same password.

environment:
  FLOWSENSOR_CACHE          cache folder (default ${XDG_CACHE_HOME:-$HOME/.cache}/flowsensor)
  KAFKA_PORT, KAFKA_SASL_PORT, KAFKA_TLS_PORT, KAFKA_MTLS_PORT, REGISTRY_PORT   ports to use in place of free ones
  KAFKA_VERSION             another Kafka than the pom's, for example 3.9.2
  KAFKA_JWKS_URL            with --tls: SASL_SSL has the mechanism OAUTHBEARER too, for tokens that these keys have signed,
                            with the audience "kafka"; a connection lasts as long as its token
  FLOWSENSOR_SERVERS_HOST   IPv4 address that both listen on (default 127.0.0.1)
  FLOWSENSOR_START_LIMIT_S  seconds that a server may take to answer (default 60)
Topics and schemas stay in DIR over a stop and a start; remove DIR to forget them.
TEXT
}

say() { printf 'servers.sh: %s\n' "$*" >&2; }

# die CODE TEXT: one line that says what failed and how to mend it; CODE is from sysexits.h.
die() {
  local code=$1
  shift
  say "$*"
  exit "$code"
}

# --- install ---------------------------------------------------------------------------------------------------------

# The folder's name carries the checksum of the pom, so another set of versions never mixes with this one.
servers_dir() {
  local sum
  sum=$(sha256sum "$HERE/pom.xml")
  printf '%s/servers-%s\n' "$CACHE" "${sum:0:12}"
}

# The jars of the broker that is asked for.
kafka_dir() {
  if [ -n "${KAFKA_VERSION:-}" ]; then
    printf '%s/kafka-%s\n' "$(servers_dir)" "$KAFKA_VERSION"
  else
    printf '%s/kafka\n' "$(servers_dir)"
  fi
}

have_java() {
  local version
  version=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p') || return 1
  [ "${version:-0}" -ge 17 ]
}

install_tools() {
  local packages=()
  have_java || packages+=(java)
  command -v mvn >/dev/null || packages+=(maven)
  command -v curl >/dev/null || packages+=(curl)
  [ ${#packages[@]} -gt 0 ] || return 0
  [ "$(id -u)" -eq 0 ] || die 69 "missing: ${packages[*]}; install Java 17 or later, Maven and curl, or run 'servers.sh install' as root"
  say "installing ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >&2 || die 69 "apt-get update failed; see its message above and try again"
  # Debian 12 names version 17; later releases only carry a newer one, which serves as well.
  if apt-cache show openjdk-17-jre-headless >/dev/null 2>&1; then
    packages=("${packages[@]/#java/openjdk-17-jre-headless}")
  else
    packages=("${packages[@]/#java/default-jre-headless}")
  fi
  apt-get install -y -qq --no-install-recommends "${packages[@]}" >&2 ||
    die 69 "apt-get could not install ${packages[*]}; see its message above and try again"
}

install_servers() {
  local target partial
  target=$(servers_dir)
  [ -d "$(kafka_dir)" ] && return 0
  install_tools
  mkdir -p "$CACHE"
  # Two callers at once would fetch everything twice: the second one waits and then finds the work done.
  exec 9>"$CACHE/.lock"
  flock 9
  if [ ! -d "$target" ]; then
    say "fetching Kafka and the registry into $target (170 MB)"
    partial="$target.partial"
    rm -rf "$partial"
    mvn -q -B -C -f "$HERE/pom.xml" generate-resources "-Dservers.dir=$partial" >&2 ||
      die 69 "Maven could not fetch the servers' jars; check that Maven Central can be reached and run 'servers.sh install' again"
    rm -rf "$partial/.markers"
    mv "$partial" "$target"
  fi
  partial="$target/partial"
  if [ ! -d "$(kafka_dir)" ]; then
    say "fetching Kafka $KAFKA_VERSION into $(kafka_dir) (55 MB)"
    rm -rf "$partial"
    mvn -q -B -C -f "$HERE/pom.xml" dependency:copy-dependencies@kafka "-Dkafka.version=$KAFKA_VERSION" "-Dservers.dir=$partial" >&2 ||
      die 69 "Maven could not fetch Kafka $KAFKA_VERSION; check that Maven Central can be reached and run 'servers.sh install' again"
    mv "$partial/kafka" "$(kafka_dir)"
    rmdir "$partial"
  fi
  exec 9>&-
}

# --- processes -------------------------------------------------------------------------------------------------------

# The kernel's start time of a process, which tells it from a later process of the same number.
start_time() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# spawn DIR NAME COMMAND...: run in the background in a session of its own, so that Ctrl-C in a caller doesn't reach it.
spawn() {
  local dir=$1 name=$2 pid
  shift 2
  : >"$dir/$name.log" # Here, not only in the background: kafka_answers must not find an earlier run's words.
  setsid "$@" >>"$dir/$name.log" 2>&1 </dev/null &
  pid=$!
  printf '%s %s\n' "$pid" "$(start_time "$pid")" >"$dir/$name.pid"
}

alive() {
  local dir=$1 name=$2 pid started
  [ -s "$dir/$name.pid" ] || return 1
  read -r pid started <"$dir/$name.pid" || return 1
  [ -n "$started" ] && [ "$(start_time "$pid")" = "$started" ]
}

# signal DIR NAME SIGNAL: to a process that runs still and is ours.
signal() {
  local pid
  if alive "$1" "$2"; then
    read -r pid _ <"$1/$2.pid"
    kill "-$3" "$pid" 2>/dev/null || true
  fi
}

stop_servers() {
  local dir=$1 name deadline=$((SECONDS + STOP_LIMIT_S))
  for name in kafka registry; do
    signal "$dir" $name TERM
  done
  for name in kafka registry; do
    while alive "$dir" $name; do
      [ $SECONDS -lt $deadline ] || signal "$dir" $name KILL
      sleep 0.1
    done
    rm -f "$dir/$name.pid"
  done
  rm -f "$dir/env"
}

# --- start -----------------------------------------------------------------------------------------------------------

port_is_free() { ! (exec 3<>"/dev/tcp/$HOST/$1") 2>/dev/null; }

# Below the kernel's ephemeral range (32768 and up), so that no client connection takes the port in the meantime.
free_port() {
  local port
  while :; do
    port=$((20000 + (RANDOM * 32768 + RANDOM) % 12000))
    if port_is_free "$port"; then
      printf '%s\n' "$port"
      return
    fi
  done
}

# chosen_port VALUE NAME: the port that the caller asked for, or a free one.
chosen_port() {
  if [ -z "$1" ]; then
    free_port
  elif port_is_free "$1"; then
    printf '%s\n' "$1"
  else
    die 69 "port $1 is taken; choose another $2"
  fi
}

# An authority that is used once and a server's certificate for HOST, in DIR/tls.
make_certificates() {
  local tls=$1/tls
  [ ! -s "$tls/server.crt" ] || return 0
  mkdir -p "$tls"
  {
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=flowsensor local authority' \
      -keyout "$tls/ca.key" -out "$tls/ca.crt" &&
      openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj "/CN=$HOST" -addext "subjectAltName=IP:$HOST" \
        -addext 'basicConstraints=critical,CA:FALSE' -CA "$tls/ca.crt" -CAkey "$tls/ca.key" \
        -keyout "$tls/server.key" -out "$tls/server.crt" &&
      cat "$tls/server.key" "$tls/server.crt" >"$tls/server.pem"
  } 2>"$tls/openssl.log" || die 69 "openssl could not make certificates; see $tls/openssl.log"
}

write_kafka_config() {
  local dir=$1 port=$2 controller=$3 sasl_port=$4 tls_port=$5 mtls_port=$6 acl=$7
  local listeners="PLAINTEXT://$HOST:$port" login
  [ -z "$sasl_port" ] || listeners+=",SASL_PLAINTEXT://$HOST:$sasl_port"
  [ -z "$tls_port" ] || listeners+=",SASL_SSL://$HOST:$tls_port,SSL://$HOST:$mtls_port"
  cat >"$dir/server.properties" <<CONF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@$HOST:$controller
controller.listener.names=CONTROLLER
listeners=$listeners,CONTROLLER://$HOST:$controller
advertised.listeners=$listeners
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SASL_SSL:SASL_SSL,SSL:SSL,CONTROLLER:PLAINTEXT
log.dirs=$dir/kafka-data
auto.create.topics.enable=false
# One broker: every internal topic has one replica, and few partitions make a quick start.
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
# The default of 128 MiB would be most of the heap.
log.cleaner.dedupe.buffer.size=4194304
num.network.threads=2
num.io.threads=4
CONF
  login="org.apache.kafka.common.security.plain.PlainLoginModule required"
  [ -z "$sasl_port$tls_port" ] || login+=" user_flowsensor=\"$(cat "$dir/sasl.password")\" user_admin=\"$(cat "$dir/sasl.password")\";"
  [ -z "$sasl_port" ] || cat >>"$dir/server.properties" <<CONF
listener.name.sasl_plaintext.sasl.enabled.mechanisms=PLAIN
listener.name.sasl_plaintext.plain.sasl.jaas.config=$login
CONF
  [ -z "$tls_port" ] || cat >>"$dir/server.properties" <<CONF
listener.name.sasl_ssl.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512${KAFKA_JWKS_URL:+,OAUTHBEARER}
listener.name.sasl_ssl.plain.sasl.jaas.config=$login
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.ssl.keystore.type=PEM
listener.name.sasl_ssl.ssl.keystore.location=$dir/tls/server.pem
listener.name.ssl.ssl.client.auth=required
listener.name.ssl.ssl.keystore.type=PEM
listener.name.ssl.ssl.keystore.location=$dir/tls/server.pem
listener.name.ssl.ssl.truststore.type=PEM
listener.name.ssl.ssl.truststore.location=$dir/tls/ca.crt
CONF
  [ -z "$tls_port" ] || [ -z "${KAFKA_JWKS_URL:-}" ] || cat >>"$dir/server.properties" <<CONF
listener.name.sasl_ssl.oauthbearer.sasl.jaas.config=org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;
listener.name.sasl_ssl.oauthbearer.sasl.server.callback.handler.class=org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler
listener.name.sasl_ssl.oauthbearer.connections.max.reauth.ms=3600000
sasl.oauthbearer.jwks.endpoint.url=$KAFKA_JWKS_URL
sasl.oauthbearer.expected.audience=kafka
sasl.oauthbearer.clock.skew.seconds=0
CONF
  [ "$acl" = no ] || cat >>"$dir/server.properties" <<CONF
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:admin
CONF
}

kafka_class() {
  local heap=$1
  shift
  java "-Xmx$heap" "${JVM[@]}" "-Dlog4j2.configurationFile=$HERE/log4j2.properties" -cp "$(kafka_dir)/*" "$@"
}

start_kafka() {
  local dir=$1 tls=$2 user accounts=()
  for user in flowsensor admin; do
    [ "$tls" = no ] || accounts+=(--add-scram "SCRAM-SHA-512=[name=$user,password=$(cat "$dir/sasl.password")]"
      --add-scram "SCRAM-SHA-256=[name=$user,password=$(cat "$dir/sasl.password")]")
  done
  if [ ! -f "$dir/kafka-data/meta.properties" ]; then
    kafka_class 128m kafka.tools.StorageTool format -t FlowsensorLocalServerA -c "$dir/server.properties" "${accounts[@]}" \
      >"$dir/kafka-format.log" 2>&1 || die 69 "Kafka could not format $dir/kafka-data; see $dir/kafka-format.log"
  fi
  # Kafka asks for keys only where its own command line says so.
  spawn "$dir" kafka java -Xmx256m "${JVM[@]}" "-Dlog4j2.configurationFile=$HERE/log4j2.properties" \
    "-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${KAFKA_JWKS_URL:-}" -cp "$(kafka_dir)/*" kafka.Kafka "$dir/server.properties"
}

# Apicurio 3.0.9 opens no management port, later versions do, on every address: its place is named for them beforehand.
start_registry() {
  local dir=$1 port=$2 management=$3 tls_port=$4 https=()
  [ -z "$tls_port" ] || https=("-Dquarkus.http.ssl-port=$tls_port" "-Dquarkus.http.ssl.certificate.files=$dir/tls/server.crt"
    "-Dquarkus.http.ssl.certificate.key-files=$dir/tls/server.key" -Dquarkus.http.insecure-requests=enabled)
  spawn "$dir" registry java -Xmx256m "${JVM[@]}" "${https[@]}" \
    "-Dquarkus.http.host=$HOST" "-Dquarkus.http.port=$port" \
    "-Dquarkus.management.host=$HOST" "-Dquarkus.management.port=$management" \
    "-Dapicurio.datasource.url=jdbc:h2:file:$dir/registry-data" \
    -Dapicurio.datasource.jdbc.initial-size=2 -Dapicurio.datasource.jdbc.min-size=2 -Dapicurio.datasource.jdbc.max-size=10 \
    "-Dapicurio.import.work-dir=$dir" "-Dapicurio.storage.snapshot.location=$dir" \
    -jar "$(servers_dir)"/registry/apicurio-registry-app-*-runner.jar
}

kafka_answers() { grep -q 'Kafka Server started' "$1/kafka.log" && ! port_is_free "$2"; }

registry_answers() { curl -sf -m 2 -o /dev/null --noproxy '*' "$1/subjects"; }

# wait_for DIR NAME COMMAND...: until the command succeeds; fails when the process has ended or the limit is over.
wait_for() {
  local dir=$1 name=$2 deadline=$((SECONDS + START_LIMIT_S))
  shift 2
  until "$@"; do
    if ! alive "$dir" "$name" || [ $SECONDS -ge $deadline ]; then
      tail -n 15 "$dir/$name.log" >&2
      die 69 "$name did not start within $START_LIMIT_S s; its log is $dir/$name.log"
    fi
    sleep 0.1
  done
}

# The registry's own default compares with nothing; a topic's readers need every version to read every other one.
set_compatibility() {
  curl -sf -m 10 -o /dev/null --noproxy '*' -X PUT -H 'Content-Type: application/vnd.schemaregistry.v1+json' \
    -d '{"compatibility":"FULL_TRANSITIVE"}' "$1/config"
}

start_servers() {
  local dir=$1 sasl=$2 acl=$3 tls=$4 sasl_port='' tls_port='' mtls_port='' registry_tls_port='' kafka_port registry_port registry_url
  install_servers
  mkdir -p "$dir"
  dir=$(cd "$dir" && pwd)
  if alive "$dir" kafka || alive "$dir" registry; then
    die 69 "servers of $dir are running already; stop them with: servers.sh stop $dir"
  fi
  kafka_port=$(chosen_port "${KAFKA_PORT:-}" KAFKA_PORT)
  registry_port=$(chosen_port "${REGISTRY_PORT:-}" REGISTRY_PORT)
  registry_url="http://$HOST:$registry_port/apis/ccompat/v7"
  [ "$sasl" = no ] || sasl_port=$(chosen_port "${KAFKA_SASL_PORT:-}" KAFKA_SASL_PORT)
  if [ "$tls" = yes ]; then
    tls_port=$(chosen_port "${KAFKA_TLS_PORT:-}" KAFKA_TLS_PORT)
    mtls_port=$(chosen_port "${KAFKA_MTLS_PORT:-}" KAFKA_MTLS_PORT)
    registry_tls_port=$(free_port)
    make_certificates "$dir"
  fi
  if [ "$sasl$tls" != nono ]; then
    [ -s "$dir/sasl.password" ] || od -An -tx1 -N16 /dev/urandom | tr -d ' \n' >"$dir/sasl.password"
  fi
  write_kafka_config "$dir" "$kafka_port" "$(free_port)" "$sasl_port" "$tls_port" "$mtls_port" "$acl"
  # Half a start is none: whatever ends this script before both answer also ends what it started.
  # shellcheck disable=SC2064
  trap "$(printf 'stop_servers %q' "$dir")" EXIT
  start_registry "$dir" "$registry_port" "$(free_port)" "$registry_tls_port"
  start_kafka "$dir" "$tls"
  wait_for "$dir" kafka kafka_answers "$dir" "$kafka_port"
  wait_for "$dir" registry registry_answers "$registry_url"
  wait_for "$dir" registry set_compatibility "$registry_url"
  {
    printf 'KAFKA_BOOTSTRAP=%s\n' "$HOST:$kafka_port"
    printf 'REGISTRY_URL=%s\n' "$registry_url"
    [ "$sasl" = no ] || printf 'KAFKA_SASL_BOOTSTRAP=%s\n' "$HOST:$sasl_port"
    if [ "$tls" = yes ]; then
      printf 'KAFKA_TLS_BOOTSTRAP=%s\n' "$HOST:$tls_port"
      printf 'KAFKA_MTLS_BOOTSTRAP=%s\n' "$HOST:$mtls_port"
      printf 'KAFKA_TLS_CA_FILE=%q\n' "$dir/tls/ca.crt"
      printf 'REGISTRY_TLS_URL=https://%s/apis/ccompat/v7\n' "$HOST:$registry_tls_port"
    fi
    if [ "$sasl$tls" != nono ]; then
      printf 'KAFKA_SASL_USERNAME=flowsensor\n'
      printf 'KAFKA_SASL_PASSWORD_FILE=%q\n' "$dir/sasl.password"
    fi
  } >"$dir/env"
  trap - EXIT
  say "Kafka at $HOST:$kafka_port, registry at $registry_url"
}

# --- topic -----------------------------------------------------------------------------------------------------------

create_topic() {
  local dir=$1 name=$2 partitions=$3 KAFKA_BOOTSTRAP=''
  install_servers
  alive "$dir" kafka || die 69 "no broker of $dir is running; start it with: servers.sh start $dir"
  # shellcheck source=/dev/null
  source "$dir/env"
  kafka_class 128m org.apache.kafka.tools.TopicCommand --bootstrap-server "$KAFKA_BOOTSTRAP" --create --if-not-exists \
    --topic "$name" --partitions "$partitions" --replication-factor 1 >"$dir/topic.log" 2>&1 ||
    die 69 "Kafka refused to create topic '$name': $(grep -m1 -E 'Exception|Error' "$dir/topic.log" || tail -n1 "$dir/topic.log")"
}

main() {
  local command=${1:-} sasl=no acl=no tls=no flag
  case "$command" in
    install)
      [ $# -eq 1 ] || { usage >&2; exit 64; }
      install_servers
      ;;
    start)
      for flag in "${@:3}"; do
        case $flag in
          --sasl) sasl=yes ;;
          --acl) acl=yes ;;
          --tls) tls=yes ;;
          *) usage >&2; exit 64 ;;
        esac
      done
      [ $# -ge 2 ] || { usage >&2; exit 64; }
      start_servers "$2" $sasl $acl $tls
      ;;
    stop)
      [ $# -eq 2 ] || { usage >&2; exit 64; }
      stop_servers "$2"
      ;;
    topic)
      { [ $# -eq 3 ] || [ $# -eq 4 ]; } || { usage >&2; exit 64; }
      create_topic "$2" "$3" "${4:-1}"
      ;;
    -h | --help) usage ;;
    *) usage >&2; exit 64 ;;
  esac
}

main "$@"
