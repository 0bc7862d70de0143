#!/usr/bin/env bash
# Makes the root file system of the image without a container engine: a bare Debian 13 by mmdebstrap in place of the
# Dockerfile's base, and in it the same scripts (deploy/image). As root, on Debian. OUT must be empty or absent.
# Usage: deploy/rootfs.sh [--arch amd64|arm64] OUT
#   FLOWSENSOR_CACHE       where the builder is kept (default ~/.cache/flowsensor); its name is a checksum of what makes it
#   FLOWSENSOR_MIRROR      Debian's archive, such as http://mirror.example.com/debian, with debian-security beside it
#                          (default: mmdebstrap's own)
#   FLOWSENSOR_IMAGE_BUILD where objects are kept between runs (default build/image/ARCH)
#   SOURCE_DATE_EPOCH      the time of every file (default: of the last commit)
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck source=deploy/local/packages.sh
. "$ROOT/deploy/local/packages.sh"
SUITE=trixie
CACHE=${FLOWSENSOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/flowsensor}

usage() { sed -n 's/^# Usage: /usage: /p' "${BASH_SOURCE[0]}" >&2 && exit 64; }

# builder ARCH: prints the folder of a Debian 13 in which install.sh ran.
builder() {
  local sum folder mirror=${FLOWSENSOR_MIRROR:-} sources=()
  sum=$({ printf '%s\n' "${BUILD_PACKAGES[@]}" | sort && cat "$ROOT/deploy/image/install.sh"; } | sha256sum)
  folder=$CACHE/rootfs-$1-${sum:0:12}
  mkdir -p "$CACHE"
  exec 9>"$folder.lock"
  flock 9
  if [ ! -e "$folder/complete" ]; then
    echo "making a Debian 13 that builds for $1: $folder (once)" >&2
    rm -rf "$folder"
    # Without a mirror mmdebstrap takes Debian's, with the updates and the security updates.
    if [ -n "$mirror" ]; then
      sources=("deb $mirror $SUITE main" "deb $mirror $SUITE-updates main"
        "deb ${mirror%/debian}/debian-security $SUITE-security main")
    fi
    mmdebstrap --quiet --variant=apt --include=ca-certificates "$SUITE" "$folder" "${sources[@]}" >&2
    mkdir -p "$folder/source/deploy" "$folder/build" "$folder/rootfs"
    cp -r "$ROOT/deploy/image" "$ROOT/deploy/local" "$folder/source/deploy/"
    cp -L /etc/resolv.conf "$folder/etc/resolv.conf"
    chroot "$folder" /source/deploy/image/install.sh "$1" >&2
    rm -rf "$folder/source/deploy"
    touch "$folder/complete"
  fi
  exec 9>&-
  printf '%s\n' "$folder"
}

arch=$(dpkg --print-architecture)
[ "${1:-}" != --arch ] || { arch=${2:-} && shift 2; }
case $arch in amd64 | arm64) ;; *) usage ;; esac
if [ $# -ne 1 ] || [ -z "$1" ] || [ "${1#-}" != "$1" ]; then usage; fi
[ "$(id -u)" -eq 0 ] || { echo "rootfs.sh: run it as root: it makes file systems with other owners" >&2 && exit 77; }
command -v mmdebstrap >/dev/null || { echo "rootfs.sh: no mmdebstrap; install it: apt-get install mmdebstrap" >&2 && exit 69; }

out=$1
build=${FLOWSENSOR_IMAGE_BUILD:-$ROOT/build/image/$arch}
mkdir -p "$out" "$build"
# One at a time: two would build over each other.
exec 8>"$build.lock"
flock 8
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$ROOT" log -1 --format=%ct)}
folder=$(builder "$arch")
# The mounts are in a namespace of their own, which ends with the command. The sources can't be written.
# shellcheck disable=SC2016  # the inner shell expands it
unshare --mount bash -euc '
  folder=$1 source=$2 build=$3 out=$4 arch=$5
  mount --bind "$source" "$folder/source" && mount -o remount,bind,ro "$folder/source"
  mount --bind "$build" "$folder/build"
  mount --bind "$out" "$folder/rootfs"
  chroot "$folder" /source/deploy/image/build.sh "$arch" /source /build
  chroot "$folder" /source/deploy/image/collect.py /build/flowsensor /source /rootfs
' - "$folder" "$ROOT" "$build" "$out" "$arch"
