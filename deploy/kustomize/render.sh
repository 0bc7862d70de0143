#!/usr/bin/env bash
# Renders the chart with values.yaml into base/. Usage: deploy/kustomize/render.sh [OUT]; HELM names the program (helm).
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
out=${1:-$HERE/base}
rendered=$(mktemp -d)
trap 'rm -rf "$rendered"' EXIT

"${HELM:-helm}" template flowsensor "$HERE/../../helm/flowsensor" --namespace flowsensor -f "$HERE/values.yaml" --no-hooks \
  --skip-tests --output-dir "$rendered" >/dev/null
mkdir -p "$out"
rm -f "$out"/*.yaml
mv "$rendered"/flowsensor/templates/*.yaml "$out/"
{
  cat <<'YAML'
# Made by deploy/kustomize/render.sh from the chart; don't edit. An overlay brings image, broker and registry.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
labels:
  - pairs:
      app.kubernetes.io/managed-by: kustomize
    includeTemplates: true
resources:
YAML
  for file in "$out"/*.yaml; do
    [ "$(basename "$file")" = kustomization.yaml ] || printf '  - %s\n' "$(basename "$file")"
  done
} >"$out/kustomization.yaml.new"
mv "$out/kustomization.yaml.new" "$out/kustomization.yaml"
