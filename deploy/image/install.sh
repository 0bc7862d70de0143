#!/usr/bin/env bash
# Installs into a bare Debian 13, as root, what builds the image for ARCH (amd64 or arm64; default: the builder's own).
# A foreign ARCH is cross-built: compiler and tools are the builder's, the libraries are ARCH's.
# Usage: deploy/image/install.sh [ARCH]
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=deploy/local/packages.sh
. "$HERE/../local/packages.sh"

own=$(dpkg --print-architecture)
arch=${1:-$own}
# What collects the root file system, and what goes into it besides the libraries.
packages=(binutils ca-certificates libcap2-bin python3)
if [ "$arch" = "$own" ]; then
  packages+=("${BUILD_PACKAGES[@]}")
else
  dpkg --add-architecture "$arch"
  for name in "${BUILD_PACKAGES[@]}"; do
    case $name in
    gcc) packages+=("crossbuild-essential-$arch") ;;
    *-dev) packages+=("$name:$arch") ;;
    *) packages+=("$name") ;;
    esac
  done
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${packages[@]}"
rm -rf /var/lib/apt/lists/* /var/cache/apt/archives/*.deb
