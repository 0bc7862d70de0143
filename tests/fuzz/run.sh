#!/usr/bin/env bash
# Builds the fuzz targets with clang and runs each for FLOWSENSOR_FUZZ_SECONDS (60). Usage: tests/fuzz/run.sh
# Finds are left in build/fuzz/tests/fuzz/ as crash-*; the target run with such a file as its argument shows it again.
set -euo pipefail
cd "$(dirname "$0")/../.."
cmake -S . -B build/fuzz -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=clang -DFLOWSENSOR_FUZZ=ON \
    -DFLOWSENSOR_FUZZ_SECONDS="${FLOWSENSOR_FUZZ_SECONDS:-60}"
cmake --build build/fuzz --target fuzz-targets
python3 tests/fuzz/seeds.py build/fuzz/tests/fuzz/corpus/meter tests/captures/*.pcap
ctest --test-dir build/fuzz --output-on-failure -R '^fuzz\.'
