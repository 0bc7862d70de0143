# shellcheck shell=bash
# What the build, the demonstration and the tests need from Debian and PyPI. To be sourced.
# shellcheck disable=SC2034  # the lists are for who sources this

BUILD_PACKAGES=(gcc cmake ninja-build pkg-config libpcap-dev libndpi-dev librdkafka-dev libavro-dev libconfig-dev
  libjansson-dev libcurl4-openssl-dev libssl-dev libpsl-dev libmicrohttpd-dev zlib1g-dev libzstd-dev libcap-ng-dev)
DEMO_PACKAGES=(python3 python3-venv curl ca-certificates)
TEST_PACKAGES=(git libcmocka-dev clang clang-format clang-tidy libclang-rt-14-dev universal-ctags libndpi-bin tcpdump
  iproute2 iptables iputils-ping util-linux libcap2-bin openjdk-17-jdk-headless maven shellcheck procps openssl)
# The image is made, looked at and run; pods of hooks run in a root of their own.
TEST_PACKAGES+=(mmdebstrap debian-archive-keyring binutils qemu-user-static runc buildah golang-github-containers-common
  bubblewrap)
# Packages are judged where they are made: who reads man pages, completes lines, installs and boots.
TEST_PACKAGES+=(man-db mandoc zsh fish lintian debootstrap systemd)
# Compressed files are read by what users have.
TEST_PACKAGES+=(gzip zstd)
# What the benchmark runs beside flowsensor, in a Debian 13 of their own.
BENCH_PEERS=(libndpi-bin suricata argus-server argus-client softflowd nfdump pmacct)

# need_packages NAME...: installs those that are missing; says what to do where that is not possible.
need_packages() {
  local missing=() name
  for name in "$@"; do
    dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'ok installed' || missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || {
      echo "missing packages: ${missing[*]}; install them as root: apt-get install ${missing[*]}" >&2
      return 69
    }
    as_root=(sudo)
  fi
  echo "installing: ${missing[*]}" >&2
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

# python_environment REQUIREMENTS: prints the path of a Python that has these packages, in a venv below the cache that
# is named after them.
python_environment() {
  local requirements=$1 sum cache folder
  sum=$(sha256sum "$requirements")
  cache=${FLOWSENSOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/flowsensor}
  folder=$cache/python-${sum:0:12}
  if [ ! -e "$folder/complete" ]; then
    mkdir -p "$cache"
    rm -rf "$folder"
    python3 -m venv "$folder"
    "$folder/bin/pip" install --quiet --disable-pip-version-check -r "$requirements" >&2
    touch "$folder/complete"
  fi
  printf '%s/bin/python\n' "$folder"
}
