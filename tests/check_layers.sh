#!/bin/bash
# tests/check_layers.sh - who may include whom.
#
#   protocol/  the C library's pure part, and itself
#   policy/    the same; statement*.c also see libpg_query
#   proxy/     anything but tests/; only tls*.c (connections) and digest.c
#              (hashes, random bytes, base64) see OpenSSL
#   anywhere   root-relative paths, a source's own header first
set -euo pipefail

cd "$(dirname "$0")/.."
pure='assert|ctype|errno|inttypes|limits|stdarg|stdbool|stddef|stdint|stdio'
pure="($pure|stdlib|string|strings)\.h"
status=0

# Report the includes of folder $1 that match pattern $2 (extended, on
# FILE:LINE:#include ...) and none of the others.
forbid() {
	local folder=$1 pattern=$2 found
	shift 2
	found=$(grep -nHE '^[[:space:]]*#[[:space:]]*include' \
		"$folder"/*.[ch] | grep -E "$pattern" |
		grep -vE "${@/#/-e}") || return 0
	echo "$folder/ may not include:"
	echo "$found"
	status=1
}

own_header_first() {
	local header=${1%.c}.h first
	[ -e "$header" ] || return 0
	first=$(grep -m 1 '^#include' "$1" || true)
	[ "$first" = "#include \"$header\"" ] && return
	echo "$1: the first include is not \"$header\""
	status=1
}

forbid protocol . '"protocol/' "<$pure>"
forbid policy . '"policy/' "<$pure>" '^policy/statement(_[a-z]+)?\.[ch]:.*<pg_query'
forbid proxy '"' '"(protocol|policy|proxy)/'
forbid proxy '<openssl/' '^proxy/(tls(_[a-z]+)*|digest)\.[ch]:'
forbid proxy '<pg_query' '^$'
for folder in protocol policy proxy support; do
	forbid "tests/$folder" '"' '"(protocol|policy|proxy|tests)/'
done
forbid tests/fuzz '"' '"(protocol|policy|proxy|tests)/'

for source in protocol/*.c policy/*.c proxy/*.c; do
	own_header_first "$source"
done
exit $status
