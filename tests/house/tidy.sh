#!/usr/bin/env bash
# Runs clang-tidy over the files of a build. Usage: tests/house/tidy.sh BUILD [PATTERN]
# BUILD has compile_commands.json; PATTERN is a regular expression that chooses files by path. Prints findings only.
set -euo pipefail

build=${1:?usage: tests/house/tidy.sh BUILD [PATTERN]}
pattern=${2-.}
root=$(cd "$(dirname "$0")/../.." && pwd)
if [[ ! -f $build/compile_commands.json ]]; then
    echo "tidy: no $build/compile_commands.json; configure with -DCMAKE_EXPORT_COMPILE_COMMANDS=ON" >&2
    exit 2
fi

mapfile -d '' -t files < <(python3 - "$build/compile_commands.json" "$root" "$pattern" <<'EOF'
import json, os, re, sys
commands, root, pattern = sys.argv[1:]
with open(commands, encoding="utf-8") as file:
    paths = {os.path.normpath(os.path.join(row["directory"], row["file"])) for row in json.load(file)}
ours = tuple(os.path.join(root, folder, "") for folder in ("sensor", "tests"))
for path in sorted(paths):
    if path.startswith(ours) and path.endswith(".c") and re.search(pattern, os.path.relpath(path, root)):
        sys.stdout.write(path + "\0")
EOF
)

# One process a file: clang-tidy 14 mixes up the va_list states of several files. Its count of suppressed warnings is
# no finding.
# shellcheck disable=SC2317 # xargs calls it
check() {
    local answer code=0
    # The second: clang 14 takes GCC's -ftrivial-auto-var-init=zero only with it.
    answer=$(clang-tidy --quiet -p "$1" --extra-arg=-Wno-unknown-warning-option \
        --extra-arg=-enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang "$2" 2>&1) || code=$?
    grep -Ev '^[0-9]+ warnings?( and [0-9]+ errors?)? (generated|treated as errors?)' <<<"$answer" | sed '/^$/d' || true
    return "$code"
}
export -f check

code=0
if ((${#files[@]})); then
    # shellcheck disable=SC2016 # the inner shell expands these
    printf '%s\0' "${files[@]}" | xargs -0 -n 1 -P 2 bash -c 'check "$0" "$1"' "$build" || code=1
fi
echo "tidy: ${#files[@]} files, $( ((code)) && echo findings || echo clean)"
exit "$code"
