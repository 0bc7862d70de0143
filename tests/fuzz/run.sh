#!/usr/bin/env bash
# Builds the fuzz targets with clang and runs each for FLOWSENSOR_FUZZ_SECONDS (60). Usage: tests/fuzz/run.sh
# Finds are left in build/fuzz/tests/fuzz/ as crash-*; the target run with such a file as its argument shows it again.
set -euo pipefail
cd "$(dirname "$0")/../.."
cmake -S . -B build/fuzz -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=clang -DFLOWSENSOR_FUZZ=ON \
    -DFLOWSENSOR_FUZZ_SECONDS="${FLOWSENSOR_FUZZ_SECONDS:-60}"
cmake --build build/fuzz --target fuzz-targets
python3 tests/fuzz/seeds.py build/fuzz/tests/fuzz/corpus/meter tests/captures/*.pcap
mkdir -p build/fuzz/tests/fuzz/corpus/captures
cp tests/captures/*.pcapng build/fuzz/tests/fuzz/corpus/captures
for name in dns nano sll vlan; do
  head -c 3000 "tests/captures/$name.pcap" >"build/fuzz/tests/fuzz/corpus/captures/$name.pcap"
  gzip -c "build/fuzz/tests/fuzz/corpus/captures/$name.pcap" >"build/fuzz/tests/fuzz/corpus/captures/$name.gz"
  zstd -qcf "build/fuzz/tests/fuzz/corpus/captures/$name.pcap" >"build/fuzz/tests/fuzz/corpus/captures/$name.zst"
done
ctest --test-dir build/fuzz --output-on-failure -R '^fuzz\.'
