#!/usr/bin/env bash
# Builds a Kubernetes control plane and helm, and fetches the definitions of custom resources: once, into the cache.
# Prints where they are, for the tests: lines of NAME=FOLDER.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

kubernetes=$("$HERE/../go_tools.sh" kubernetes)
kwok=$("$HERE/../go_tools.sh" kwok)
helm=$("$HERE/../go_tools.sh" helm)
crds=$("$HERE/crds.sh")
printf 'KUBERNETES=%s\nKWOK=%s\nHELM=%s\nCRDS=%s\n' "$kubernetes" "$kwok" "$helm" "$crds"
