#!/usr/bin/env bash
# Builds the release's binary for ARCH (amd64 or arm64) in a Debian 13 that install.sh prepared, and puts it, without
# debugging data, at BUILD/flowsensor. The same sources make the same bytes, wherever they lie.
# Usage: deploy/image/build.sh ARCH SOURCE BUILD
set -euo pipefail

arch=$1 source=$2 build=$3
prefix="-ffile-prefix-map=$source=. -ffile-prefix-map=$build=build"
options=(-DBUILD_TESTING=OFF "-DCMAKE_C_FLAGS=$prefix")
tools=
if [ "$arch" != "$(dpkg --print-architecture)" ]; then
  case $arch in
  arm64) options+=("-DCMAKE_TOOLCHAIN_FILE=$source/deploy/image/aarch64.cmake") tools=aarch64-linux-gnu- ;;
  *) echo "build.sh: no toolchain file for $arch: add one beside aarch64.cmake" >&2 && exit 64 ;;
  esac
fi
cmake -S "$source" --preset release -B "$build" "${options[@]}"
cmake --build "$build" --target flowsensor
"${tools}strip" --strip-unneeded -o "$build/flowsensor" "$build/sensor/flowsensor"
