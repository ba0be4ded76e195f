#!/bin/bash
# tests/check_headers.sh [CC] - every header compiles alone.
set -euo pipefail

cd "$(dirname "$0")/.."
cc=${1:-cc}
status=0
while IFS= read -r header; do
	"$cc" -std=c11 -D_GNU_SOURCE -I. -Wall -Wextra -Wpedantic -Werror \
		-fsyntax-only -include "$header" -x c /dev/null || {
		echo "$header does not compile alone"
		status=1
	}
done < <(find protocol policy proxy tests -name '*.h' | sort)
exit $status
