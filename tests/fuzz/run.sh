#!/usr/bin/env bash
# Builds the fuzz targets with clang and runs each for FLOWSENSOR_FUZZ_SECONDS (20; with LONG=yes 60), two at once. Usage: tests/fuzz/run.sh
# Finds are left in build/fuzz/tests/fuzz/ as crash-*; the target run with such a file as its argument shows it again.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=20
[ "${LONG:-no}" = no ] || seconds=60
seconds=${FLOWSENSOR_FUZZ_SECONDS:-$seconds}
cmake -S . -B build/fuzz -G Ninja -DCMAKE_BUILD_TYPE=Debug -DCMAKE_C_COMPILER=clang -DFLOWSENSOR_FUZZ=ON \
    -DFLOWSENSOR_FUZZ_SECONDS="$seconds"
cmake --build build/fuzz --target fuzz-targets
corpus=build/fuzz/tests/fuzz/corpus
# What long runs found: corpus/NAME.tar.gz has the inputs that together cover it (the target's -set_cover_merge=1).
for found in tests/fuzz/corpus/*.tar.gz; do
  tar -xzf "$found" -C "$corpus/$(basename "$found" .tar.gz)"
done
python3 tests/fuzz/seeds.py $corpus/meter tests/captures/*.pcap
python3 tests/fuzz/spool_seeds.py $corpus/spool
mkdir -p $corpus/captures
cp tests/captures/*.pcapng $corpus/captures
for name in dns nano sll vlan; do
  head -c 3000 "tests/captures/$name.pcap" >"$corpus/captures/$name.pcap"
  gzip -c "$corpus/captures/$name.pcap" >"$corpus/captures/$name.gz"
  zstd -qcf "$corpus/captures/$name.pcap" >"$corpus/captures/$name.zst"
done
for schema in schemas/*/*.avsc; do
    cp "$schema" "$corpus/schema/$(basename "$(dirname "$schema")")-$(basename "$schema")"
done
for file in deploy/*.conf deploy/*/flowsensor.conf; do
    { echo "meter.idle_timeout=5s"; cat "$file"; } >"$corpus/configuration/$(echo "$file" | tr / -)"
done
ctest --test-dir build/fuzz --output-on-failure -j2 -R '^fuzz\.'
