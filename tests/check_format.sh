#!/bin/bash
# tests/check_format.sh - clang-format would change nothing.
set -euo pipefail

cd "$(dirname "$0")/.."
find protocol policy proxy tests -name '*.[ch]' -print0 |
	xargs -0 clang-format --dry-run -Werror
