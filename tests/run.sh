#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test. Run as root (network namespaces, apt-get) on Debian 12.
# Usage: tests/run.sh [--long] [--strict] [SUITE ...]; without names all suites run, with --long also what takes hours or
# makes large files. A test that skips itself is counted and named; with --strict it fails its suite unless
# tests/common/skips.txt lists it. Logs: build/tests/SUITE.log. FLOWSENSOR_SHARED names a folder with more captures (pcaps/, corpus/).
set -uo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
LOGS=$ROOT/build/tests
export FLOWSENSOR=$ROOT/build/release/sensor/flowsensor
export FLOWSENSOR_SANITIZED=$ROOT/build/sanitize/sensor/flowsensor
export FLOWSENSOR_SHARED=${FLOWSENSOR_SHARED:-$ROOT/../shared}
# shellcheck source=deploy/local/packages.sh
. "$ROOT/deploy/local/packages.sh"

LONG=no
STRICT=()
SUITES=()
for argument in "$@"; do
  case $argument in
  --long) LONG=yes ;;
  --strict) STRICT=(--strict) ;;
  -*) echo "usage: tests/run.sh [--long] [--strict] [SUITE ...]" >&2 && exit 64 ;;
  *) SUITES+=("$argument") ;;
  esac
done
export LONG

# unittests PLACE...: the tests in folders or files of Python.
unittests() { "$PYTHON" tests/common/unittests.py "$@"; }

# discover FOLDER PLACE: the same with the Python of PLACE/requirements.txt.
discover() {
  local python
  python=$(python_environment "$ROOT/$2/requirements.txt") && PYTHON=$python unittests "$1"
}

# unit_tests PRESET [OPTION ...]: the unit tests of a build, with options of ctest; then what skipped itself in them, which ctest doesn't say.
unit_tests() {
  local code=0
  ctest --test-dir "build/$1" --output-on-failure -j2 "${@:2}" || code=$?
  python3 tests/common/skips.py ctest "build/$1" && return "$code"
}

suite_house() {
  python3 tests/house/run.py -I "$ROOT/build/release/sensor" && unittests tests/house && unittests tests/common &&
    unittests tests/bench && tests/house/format.sh && shellcheck -x -P SCRIPTDIR deploy/*.sh deploy/*/*.sh tests/*.sh tests/*/*.sh .ci/run
}
suite_tidy() { tests/house/tidy.sh build/release '^sensor/'; }
suite_unit() { unit_tests release; }
suite_sanitize() { unit_tests sanitize; }
# Unit tests of rooms that have threads, several meters on the repository's own captures, live signals and registry logins
# under ThreadSanitizer.
suite_threads() {
  unit_tests threads -E '^unit\.(decode|feature|record\.(anonymize|field)|meter\.(uid|model))' &&
    FLOWSENSOR=$ROOT/build/threads/sensor/flowsensor FLOWSENSOR_SHARED=/nonexistent \
      TSAN_OPTIONS=atexit_sleep_ms=0:suppressions=$ROOT/tests/threads/suppressions.txt \
      "$PYTHON" tests/e2e/run.py test_n_meters.Files test_n_meters.Ends test_n_meters.Stopped test_n_meters.Shares.test_flows_are_whole \
        test_signals.Live test_registry_login test_reload_outputs.FilesOfThree test_reload_changes.FilesOfThree
}
suite_reference() { "$FLOWSENSOR" reference | diff -u deploy/reference.md -; }
suite_parity() { unittests tests/parity/test_compare.py && "$PYTHON" tests/parity/parity.py; }
# Fields of flow_full/v1 against an independent computation from the packets.
suite_fields() { unittests tests/parity/test_fields.py tests/parity/test_payload.py && "$PYTHON" tests/parity/fields.py; }
suite_grid() { unittests tests/parity/test_grid.py && "$PYTHON" tests/parity/grid.py; }
suite_plugins() { "$PYTHON" tests/parity/plugins.py; }
suite_labels() { "$PYTHON" tests/parity/labels.py; }
suite_labels_ndpi5() { unittests tests/parity/test_ndpi_forms.py && "$PYTHON" tests/parity/labels_ndpi5.py; }
suite_e2e() { "$PYTHON" tests/e2e/run.py --only shared; }
# What measures times, rates and losses: nothing runs beside it.
suite_e2e_alone() { "$PYTHON" tests/e2e/run.py --only alone; }
suite_python() { unittests tests/python; }
# The columns of other tools against these tools: the package cicflowmeter of PyPI, which asks for a newer Python than it needs, and NFStream.
suite_projections() {
  local tool
  tool=$(PIP_IGNORE_REQUIRES_PYTHON=1 python_environment "$ROOT/tests/projections/requirements.txt") && CICFLOWMETER_PYTHON=$tool unittests tests/projections
}
suite_tutorial() { unittests tests/tutorial; }
# Man page, completions, systemd unit, Debian packages, compose file and Kustomize base.
suite_packaging() { discover tests/packaging tests/chart; }
# The worked examples of CONTRIBUTING.md, all in one program, which is built once more, without optimization.
suite_examples() { unittests tests/examples; }
suite_strangers() { "$PYTHON" tests/strangers/run.py; }
# A model that is trained on captures scores what the sensor sends (deploy/examples/scorer).
suite_scorer() { unittests tests/scorer; }
# What `schema ddl` writes, in the engines themselves. Fetches Flink and Spark at the first time (3 minutes).
suite_tables() { discover tests/tables tests/tables; }
# Kafka Connect writes the topic to an Iceberg table (deploy/examples/connect).
suite_connect() { discover tests/connect tests/tables; }
# The Flink job of deploy/examples/flink, with kills of job, broker and sensor. Fetches Flink, Iceberg and Hadoop at the first time (2 minutes).
suite_flink() { discover tests/flink tests/tables; }
# Each version of a schema against every other, by three readers.
suite_compatibility() { unittests tests/compatibility; }
# The chart: what it renders, refuses and promises. Builds helm and other programs in Go at the first time (4 minutes).
suite_chart() { discover tests/chart tests/chart; }
# The chart on a real control plane. Builds Kubernetes at the first time (tests/cluster/README.md says how long).
suite_cluster() { unittests tests/cluster; }
# Alerts, dashboard and metrics by promtool and a real Prometheus.
suite_monitoring() { unittests tests/monitoring; }
# The image's root file system, what is in it, and what it does in a container. Makes a Debian 13 at the first time (3 minutes).
suite_image() { discover tests/image tests/image; }
# The chart's pods in the image against real servers.
suite_pod() { unittests tests/pod; }
suite_fuzz() { tests/fuzz/run.sh; }

ALL=(house reference unit sanitize threads tidy parity fields grid plugins labels labels_ndpi5 e2e_alone monitoring e2e python projections tutorial strangers
  compatibility tables connect flink scorer chart image pod packaging examples cluster fuzz)

# The demonstration configures the same folder without tests.
build() { cmake --preset "$1" -DBUILD_TESTING=ON && cmake --build --preset "$1"; }

prepare() {
  need_packages "${BUILD_PACKAGES[@]}" "${DEMO_PACKAGES[@]}" "${TEST_PACKAGES[@]}" || return
  PYTHON=$(python_environment "$ROOT/tests/requirements.txt") || return
  export PYTHON
  for preset in release sanitize threads; do
    if ! build "$preset" >"$LOGS/build-$preset.log" 2>&1; then
      tail -n 40 "$LOGS/build-$preset.log"
      return 1
    fi
  done
  deploy/local/servers.sh install
}

# run_suite NAME: prints its verdict, its log's closing line and the tests that skipped themselves; fails if the suite does.
run_suite() {
  local log=$LOGS/$1.log began=$SECONDS verdict=ok skipped
  "suite_$1" >"$log" 2>&1 || verdict=FAIL
  skipped=$(python3 tests/common/skips.py check "$1" "$log" "${STRICT[@]}") || verdict=FAIL
  [ $verdict = ok ] || tail -n 60 "$log"
  printf '%-12s %-5s %4d s  %s\n' "$1" $verdict $((SECONDS - began)) "$(grep -v '^skipped' "$log" | tail -n 1 | cut -c1-120)"
  [ -z "$skipped" ] || echo "$skipped"
  [ $verdict = ok ]
}

# By a suite that mostly waits, those that measure nothing: they run beside it, at a low priority and one after another.
declare -A BESIDE=([cluster]="fields grid plugins labels labels_ndpi5 fuzz"
  [e2e]="python projections tutorial strangers compatibility tables connect flink scorer chart image pod packaging examples")

# chosen NAME NAMES: whether it is among them.
chosen() { [[ " $2 " = *" $1 "* ]]; }

# run_each NAME...: the exit code is how many fail.
run_each() {
  local suite failures=0
  for suite in "$@"; do
    run_suite "$suite" || failures=$((failures + 1))
  done
  return $failures
}

# run_suites NAME...: sets passed and failed.
run_suites() {
  local suite waits companion companions beside='' pid
  passed=$# failed=0
  for waits in "${!BESIDE[@]}"; do
    if chosen "$waits" "$*"; then beside+=" ${BESIDE[$waits]}"; fi
  done
  for suite in "$@"; do
    ! chosen "$suite" "$beside" || continue
    companions=() pid=
    for companion in ${BESIDE[$suite]-}; do
      if chosen "$companion" "$*"; then companions+=("$companion"); fi
    done
    if [ ${#companions[@]} -gt 0 ]; then
      (renice -n 10 -p "$BASHPID" >/dev/null && run_each "${companions[@]}") &
      pid=$!
    fi
    run_suite "$suite" || failed=$((failed + 1))
    [ -z "$pid" ] || wait "$pid" || failed=$((failed + $?))
  done
  passed=$((passed - failed))
}

cd "$ROOT" || exit 70
mkdir -p "$LOGS"
[ "${BASH_SOURCE[0]}" = "$0" ] || return 0 # its functions are tested
started=$SECONDS
prepare || {
  echo "run: 0 passed, 1 failed (build or installation)"
  exit 1
}
printf '%-12s ok    %4d s\n' prepare $((SECONDS - started))

run_suites "${SUITES[@]:-${ALL[@]}}"
echo "all suites: $((SECONDS - started)) s"
echo "run: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
