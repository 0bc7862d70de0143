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

# What was clean stays clean while nothing that clang-tidy reads has changed: a mark in the cache for each such file.
marks=${FLOWSENSOR_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/flowsensor}/tidy
mkdir -p "$marks"
find "$marks" -type f -mtime +30 -delete
# Clang 14 takes GCC's -ftrivial-auto-var-init=zero only with the second.
options=(-Wno-unknown-warning-option -enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang)

# Prints the paths of the files, each followed by its mark: a checksum of clang-tidy's version, its configuration, this script, the
# file's compile commands, and the text of the file and of all that it includes; empty where clang can't read the file.
mapfile -d '' -t files < <(python3 - "$build/compile_commands.json" "$root" "$pattern" "$marks" "${options[@]}" <<'EOF'
import functools, hashlib, json, os, re, shlex, subprocess, sys
from concurrent.futures import ThreadPoolExecutor
commands, root, pattern, marks, *options = sys.argv[1:]
rows = {}
with open(commands, encoding="utf-8") as file:
    for row in json.load(file):
        rows.setdefault(os.path.normpath(os.path.join(row["directory"], row["file"])), []).append(row)
ours = tuple(os.path.join(root, folder, "") for folder in ("sensor", "tests"))
paths = [path for path in sorted(rows) if path.startswith(ours) and path.endswith(".c") and re.search(pattern, os.path.relpath(path, root))]

@functools.lru_cache(None)
def digest(path):
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()

def mark(path):
    parts = [common]
    for row in rows[path]:
        words = shlex.split(row["command"])[1:]
        if "-o" in words:
            del words[words.index("-o"):words.index("-o") + 2]
        done = subprocess.run(["clang", *words, *options, "-M", "-MT", "x"], cwd=row["directory"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            return ""
        read = done.stdout.replace("\\\n", " ").split()[1:]
        parts += [shlex.join(words).replace(root, ""), row["directory"].replace(root, "")]
        parts += [f"{name.replace(root, '')} {digest(os.path.join(row['directory'], name))}" for name in read]
    return os.path.join(marks, hashlib.sha256("\n".join(parts).encode()).hexdigest())

version = subprocess.run(["clang-tidy", "--version"], capture_output=True, text=True, check=True).stdout
common = " ".join([version, digest(os.path.join(root, ".clang-tidy")), digest(os.path.join(root, "tests", "house", "tidy.sh"))])
with ThreadPoolExecutor(2) as pool:
    for path, found in zip(paths, pool.map(mark, paths)):
        sys.stdout.write(f"{path}\0{found}\0")
EOF
)
changed=()
for ((i = 0; i < ${#files[@]}; i += 2)); do
    if [[ -n ${files[i + 1]} && -e ${files[i + 1]} ]]; then
        touch "${files[i + 1]}"
    else
        changed+=("${files[i]}" "${files[i + 1]}")
    fi
done

# One process a file: clang-tidy 14 mixes up the va_list states of several files. Its count of suppressed warnings is
# no finding.
# shellcheck disable=SC2317 # xargs calls it
check() {
    local answer code=0
    answer=$(clang-tidy --quiet -p "$1" "${@:4}" "$2" 2>&1) || code=$?
    answer=$(grep -Ev '^[0-9]+ warnings?( and [0-9]+ errors?)? (generated|treated as errors?)' <<<"$answer" | sed '/^$/d' || true)
    if [[ -n $answer ]]; then
        echo "$answer"
    elif [[ $code = 0 && -n $3 ]]; then
        : >"$3"
    fi
    return "$code"
}
export -f check

code=0
if ((${#changed[@]})); then
    # shellcheck disable=SC2016 # the inner shell expands these
    printf '%s\0' "${changed[@]}" | xargs -0 -n 2 -P 2 bash -c 'check "$0" "${@: -2}" "${@:1:$#-2}"' "$build" "${options[@]/#/--extra-arg=}" || code=1
fi
count=$((${#files[@]} / 2)) before=$(((${#files[@]} - ${#changed[@]}) / 2)) verdict=clean
((code)) && verdict=findings
((before)) && verdict="$verdict; $before were clean before and are unchanged"
echo "tidy: $count files, $verdict"
exit "$code"
