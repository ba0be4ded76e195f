#!/bin/bash
# tests/check_headers.sh [CC] - every header compiles alone; one may have macros
# and nothing else.
set -euo pipefail

cd "$(dirname "$0")/.."
cc=${1:-cc}
status=0
while IFS= read -r header; do
	"$cc" -std=c11 -D_GNU_SOURCE -I. -Wall -Wextra -Wpedantic -Werror \
		-fsyntax-only -include "$header" -x c - \
		<<<'extern int nothing_else;' || {
		echo "$header does not compile alone"
		status=1
	}
done < <(find protocol policy proxy tests -name '*.h' | sort)
exit $status
