#!/usr/bin/env bash
# Measures flowsensor beside the floor, NFStream, a bare ring reader and every flow meter that Debian packages, one at a
# time, and writes build/bench/report.md and report.svg. Installs and builds what is missing. Run as root on Debian 12, on
# a machine that does nothing else.
# Usage: tests/bench/run.sh [--quick] [--keep] [--runs N] [--scale FACTOR]
#   --quick           captures of a quarter of their size and 3 runs: minutes instead of half an hour
#   --keep            also copies the report to tests/bench/results, which README.md shows
#   FLOWSENSOR_CACHE  where captures and the peers' root file system are kept (default ~/.cache/flowsensor)
#   FLOWSENSOR_MIRROR Debian's archive, such as http://mirror.example.com/debian (default: mmdebstrap's own)
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
# shellcheck source=deploy/local/packages.sh
. "$ROOT/deploy/local/packages.sh"
SUITE=trixie
CACHE=${FLOWSENSOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/flowsensor}
OUT=$ROOT/build/bench

usage() { sed -n 's/^# Usage: /usage: /p' "${BASH_SOURCE[0]}" >&2 && exit 64; }

# peers_root: prints the folder of a Debian 13 with the peers' packages. In a root of their own they start no services, and
# Suricata, which Debian 12 lacks, is there too.
peers_root() {
  local sum folder
  sum=$(printf '%s\n' "$SUITE" "${BENCH_PEERS[@]}" | sha256sum)
  folder=$CACHE/peers-${sum:0:12}
  mkdir -p "$CACHE"
  exec 9>"$folder.lock"
  flock 9
  if [ ! -e "$folder/complete" ]; then
    echo "making a Debian 13 with ${BENCH_PEERS[*]}: $folder (once)" >&2
    rm -rf "$folder"
    mmdebstrap --quiet --variant=minbase --include="$(IFS=, && echo "${BENCH_PEERS[*]}")" "$SUITE" "$folder" \
      ${FLOWSENSOR_MIRROR:+"deb $FLOWSENSOR_MIRROR $SUITE main"} >&2
    mkdir -p "$folder/captures" "$folder/out" "$folder/peers"
    touch "$folder/complete"
  fi
  exec 9>&-
  printf '%s\n' "$folder"
}

# mount_in FOLDER CAPTURES: what the peers need in their root. The mounts end with the mount namespace. Of the devices they
# have those that nobody can break.
mount_in() {
  local device
  mount --bind "$2" "$1/captures"
  mount --bind "$HERE/peers" "$1/peers"
  mount -t tmpfs tmpfs "$1/out"
  mount -t tmpfs tmpfs "$1/tmp"
  mount -t proc proc "$1/proc"
  mount -t tmpfs tmpfs "$1/dev" -o mode=755
  for device in null zero random urandom; do
    touch "$1/dev/$device"
    mount --bind "/dev/$device" "$1/dev/$device"
  done
}

prepare() {
  need_packages "${BUILD_PACKAGES[@]}" "${DEMO_PACKAGES[@]}" mmdebstrap debian-archive-keyring iproute2 util-linux
  cmake --preset release >"$OUT/build.log" && cmake --build "$ROOT/build/release" --target flowsensor bench-floor \
    bench-generate bench-ring bench-send >>"$OUT/build.log"
}

measure() {
  local python folder captures common=(--scale "$SCALE" --runs "$RUNS")
  python=$(python_environment "$ROOT/tests/requirements.txt")
  folder=$(peers_root)
  captures=$(dirname "$("$ROOT/build/release/tests/bench/bench-generate" --scale 0.0001 small)")
  mount_in "$folder" "$captures"
  common+=(--peers-root "$folder")
  "$python" "$HERE/bench.py" "${common[@]}" --nfstream-python "$python" --json "$OUT/files.json"
  "$python" "$HERE/live.py" "${common[@]}" "${QUICK[@]}" --json "$OUT/live.json"
  "$python" "$HERE/report.py" --files "$OUT/files.json" --live "$OUT/live.json" --out "$OUT"
  [ -z "$KEEP" ] || { mkdir -p "$HERE/results" && cp "$OUT/report.md" "$OUT/report.svg" "$HERE/results/"; }
}

# The mounts are in a namespace of their own.
if [ "${1:-}" != inside ]; then
  [ "$(id -u)" -eq 0 ] || { echo "run.sh: run it as root: it makes network namespaces and a root file system" >&2 && exit 77; }
  exec unshare --mount "${BASH_SOURCE[0]}" inside "$@"
fi
shift
QUICK=() KEEP='' RUNS='' SCALE=''
while [ $# -gt 0 ]; do
  case $1 in
  --quick) QUICK=(--quick) ;;
  --keep) KEEP=yes ;;
  --runs | --scale) [ $# -ge 2 ] || usage ;;&
  --runs) RUNS=$2 && shift ;;
  --scale) SCALE=$2 && shift ;;
  *) usage ;;
  esac
  shift
done
RUNS=${RUNS:-$([ ${#QUICK[@]} -eq 0 ] && echo 5 || echo 3)}
SCALE=${SCALE:-$([ ${#QUICK[@]} -eq 0 ] && echo 1 || echo 0.25)}
cd "$ROOT"
mkdir -p "$OUT"
prepare
measure
echo "run.sh: $OUT/report.md, $OUT/report.svg"
