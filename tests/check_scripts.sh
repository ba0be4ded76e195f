#!/bin/bash
# tests/check_scripts.sh - shellcheck has nothing to say about the shell
# scripts, and the Python files compile.
set -euo pipefail

cd "$(dirname "$0")/.."
shell=()
python=()
while IFS= read -r file; do
	read -r first <"$file" || true
	case "$file $first" in
	*.py\ * | *'#!/usr/bin/python3'*) python+=("$file") ;;
	*'# shellcheck shell='* | *'#!/bin/bash'* | *'#!/bin/sh'*) shell+=("$file") ;;
	esac
done < <(find .ci conf scripts tests -type f ! -name '*.[ch]' ! -name '*.pyc' |
	sort)
shellcheck "${shell[@]}"
/usr/bin/python3 - "${python[@]}" <<'END'
import sys

for name in sys.argv[1:]:
    with open(name, "rb") as source:
        compile(source.read(), name, "exec")
END
