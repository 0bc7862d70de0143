#!/usr/bin/env bash
# The published definitions of the custom resources that the chart can render, fetched once; prints their folder.
# The Prometheus operator's are files of its Go module; Strimzi's own generator writes Strimzi's from Maven's jars.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
CACHE=${FLOWSENSOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/flowsensor}
OPERATOR=github.com/prometheus-operator/prometheus-operator@v0.85.0
OPERATOR_SUM=h1:M5xLCLEoaW2IJfnuCwFzzpL+jSVQu3KGT84Pye+fW8s=
OPERATOR_KINDS=(podmonitors prometheusrules servicemonitors)
STRIMZI_MODEL=io.strimzi.api.kafka.model

die() {
  printf 'crds.sh: %s\n' "$*" >&2
  exit 69
}

fetch_operator() {
  local target=$1 answer folder kind
  answer=$(cd "$target" && go mod download -json "$OPERATOR") ||
    die "Go could not fetch $OPERATOR; check that the Go module proxy can be reached"
  [[ $answer == *"\"Sum\": \"$OPERATOR_SUM\""* ]] || die "$OPERATOR has another checksum than $OPERATOR_SUM"
  folder=$(sed -n 's/^\t"Dir": "\(.*\)",$/\1/p' <<<"$answer")
  for kind in "${OPERATOR_KINDS[@]}"; do
    install -m 644 "$folder/example/prometheus-operator-crd/monitoring.coreos.com_$kind.yaml" "$target"
  done
}

fetch_strimzi() {
  local target=$1
  mvn -q -B -f "$HERE/crds/pom.xml" generate-resources "-Dcrds.dir=$target" >&2 ||
    die "Maven could not fetch Strimzi's jars; check that Maven Central can be reached"
  java -cp "$target/lib/*" io.strimzi.crdgenerator.CrdGenerator --yaml \
    "$STRIMZI_MODEL.topic.KafkaTopic=$target/kafka.strimzi.io_kafkatopics.yaml" \
    "$STRIMZI_MODEL.user.KafkaUser=$target/kafka.strimzi.io_kafkausers.yaml" >"$target/generator.log" 2>&1 ||
    die "Strimzi's generator failed: $(tail -n 1 "$target/generator.log")"
  rm -r "${target:?}/lib" "$target/generator.log"
}

sum=$(cat "$HERE/crds.sh" "$HERE/crds/pom.xml" | sha256sum)
target=$CACHE/crds-${sum:0:12}
if [ ! -d "$target" ]; then
  mkdir -p "$CACHE"
  exec 9>"$CACHE/.lock-crds"
  flock 9
  if [ ! -d "$target" ]; then
    echo "crds.sh: fetching custom resource definitions into $target" >&2
    rm -rf "$target.partial"
    mkdir "$target.partial"
    fetch_operator "$target.partial"
    fetch_strimzi "$target.partial"
    mv "$target.partial" "$target"
  fi
fi
printf '%s\n' "$target"
