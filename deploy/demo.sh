#!/usr/bin/env bash
# From a clone to decoded flow records in a real Kafka: installs what is missing, builds, starts Kafka and a schema
# registry on loopback, meters the traffic that the repository carries, shows what an independent consumer reads, and
# stops what it started. Run as root or with sudo at hand. Usage: deploy/demo.sh [CAPTURE]
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
CAPTURE=${1:-$ROOT/tests/captures/mix.pcap}
STATE=$ROOT/build/demo
FLOWSENSOR=$ROOT/build/release/sensor/flowsensor
# shellcheck source=deploy/local/packages.sh
. "$ROOT/deploy/local/packages.sh"

step() { printf '\n== %s\n' "$*" >&2; }

step "packages"
need_packages "${BUILD_PACKAGES[@]}" "${DEMO_PACKAGES[@]}"
PYTHON=$(python_environment "$ROOT/deploy/local/requirements.txt")

step "build"
cd "$ROOT"
cmake --preset release -DBUILD_TESTING=OFF >/dev/null
cmake --build --preset release --target flowsensor

step "Kafka and schema registry on loopback"
rm -rf "$STATE"
trap '"$ROOT/deploy/local/servers.sh" stop "$STATE" || true' EXIT
"$ROOT/deploy/local/servers.sh" start "$STATE"
set -a
# shellcheck disable=SC1091
. "$STATE/env"
set +a

step "topic and schema"
"$ROOT/deploy/local/servers.sh" topic "$STATE" flows 3
"$FLOWSENSOR" schema register -c "$ROOT/deploy/demo.conf"

step "metering $(basename "$CAPTURE")"
"$FLOWSENSOR" -c "$ROOT/deploy/demo.conf" -r "$CAPTURE"

step "what a consumer reads, who knows only the registry"
"$PYTHON" "$ROOT/deploy/examples/python/decode_table.py" --bootstrap "$KAFKA_BOOTSTRAP" --registry "$REGISTRY_URL" \
  --topic flows --count 20 --timeout 30

step "done; stopping the servers"
