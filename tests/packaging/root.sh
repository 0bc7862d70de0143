#!/usr/bin/env bash
# Prints the folder of a small Debian, of the release that runs here, with systemd and the packages that are named: made
# once, kept in the cache, never written to afterwards. As root. Usage: root.sh PACKAGE...
set -euo pipefail

CACHE=${FLOWSENSOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/flowsensor}
PACKAGES=$(IFS=, && echo "systemd,systemd-sysv,libcap2-bin,iproute2,ca-certificates,$*")

# shellcheck source=/dev/null
. /etc/os-release
sum=$({ cat "${BASH_SOURCE[0]}" && echo "$PACKAGES"; } | sha256sum)
folder=$CACHE/packaging-$VERSION_CODENAME-${sum:0:12}
debian=$folder/debian
mkdir -p "$CACHE"
exec 9>"$CACHE/.lock-packaging"
flock 9
if [ ! -e "$folder/complete" ]; then
  echo "root.sh: making a Debian to install the package in: $folder (once)" >&2
  rm -rf "$folder"
  mkdir -p "$folder"
  # A folder that the network's user of apt may read.
  chmod 755 "$folder"
  debootstrap --variant=minbase --include="$PACKAGES" "$VERSION_CODENAME" "$debian" ${FLOWSENSOR_MIRROR:+"$FLOWSENSOR_MIRROR"} >"$folder/log" 2>&1 || {
    tail -n 5 "$folder/log" >&2
    echo "root.sh: debootstrap failed; see $folder/log, and check that Debian's archive can be reached" >&2
    exit 69
  }
  rm -rf "$debian"/var/cache/apt/archives/*.deb "$debian"/var/lib/apt/lists/*
  touch "$folder/complete"
fi
printf '%s\n' "$debian"
