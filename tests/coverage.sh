#!/usr/bin/env bash
# Which lines of the rooms that strangers' bytes reach do tests run? Builds the preset coverage, runs the unit tests and the end-to-end
# tests of these rooms, and prints a table; fails if a folder has less than 95 % of its lines. A test that fails is told, and no more:
# limits of time and memory are those of a release, which the suite e2e holds. Needs root and what tests/run.sh installs.
# FLOWSENSOR_SHARED names a folder with more captures.
# Usage: tests/coverage.sh [--missing] [MODULE ...]; --missing names the lines that nothing ran, MODULE are end-to-end tests in place of the usual.
set -uo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=$ROOT/build/coverage
FOLDERS=(sensor/sink/spool sensor/capture sensor/decode sensor/app/monitor)
# shellcheck source=deploy/local/packages.sh
. "$ROOT/deploy/local/packages.sh"
export FLOWSENSOR=$BUILD/sensor/flowsensor
export FLOWSENSOR_SHARED=${FLOWSENSOR_SHARED:-$ROOT/../shared}
unset FLOWSENSOR_SANITIZED
# Who has become another user can't write its counts, and would say so where tests expect its own lines alone.
export GCOV_ERROR_FILE=/dev/null

MISSING=()
if [ "${1-}" = --missing ]; then
  MISSING=(--missing)
  shift
fi
MODULES=("$@")
[ $# -gt 0 ] || MODULES=(test_captures test_tunnels test_links test_offload test_interfaces test_scopes test_live test_hostile_clients
  test_probes test_metrics test_registry)

cd "$ROOT" || exit 70
{ cmake --preset coverage -DBUILD_TESTING=ON && cmake --build --preset coverage; } >"$ROOT/build/coverage.log" 2>&1 || {
  tail -n 40 "$ROOT/build/coverage.log"
  exit 1
}
PYTHON=$(python_environment "$ROOT/tests/requirements.txt") || exit
find "$BUILD" -name '*.gcda' -delete
failed=no
# Those of the other rooms are slow without optimization.
ctest --test-dir "$BUILD" --output-on-failure -j2 -R '^unit\.(base|capture|decode|sink|app)\.' || failed=yes
"$PYTHON" tests/e2e/run.py "${MODULES[@]}" || failed=yes
[ "$failed" = no ] || echo "coverage: tests failed, see above; what they would have run may be missing below"
"$PYTHON" tests/common/covered_lines.py "$BUILD" "${MISSING[@]}" "${FOLDERS[@]}"
