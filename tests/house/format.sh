#!/usr/bin/env bash
# Checks the C sources against .clang-format. Usage: tests/house/format.sh [--fix]   (--fix rewrites them)
set -euo pipefail
cd "$(dirname "$0")/../.."

mode=(--dry-run -Werror)
if [[ ${1-} == --fix ]]; then
    mode=(-i)
fi

mapfile -d '' -t files < <(find sensor tests deploy/examples/plugins -type f \( -name '*.c' -o -name '*.h' \) -print0 2>/dev/null | sort -z)
if ((${#files[@]})); then
    clang-format --style=file "${mode[@]}" -- "${files[@]}"
fi
echo "format: ${#files[@]} files"
