#!/usr/bin/python3
"""check_names.py - functions can be told apart by their names.

A debugger, a profile and a back trace show nothing but the name, so for the
sources of protocol/, policy/ and proxy/:

  twice   a static function has the name of a function in another file; inline
          functions of headers are the same function everywhere
  bare    a static function's name is one word: its subject is missing
"""
import collections
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("protocol", "policy", "proxy")


def functions():
    """(name, file, whether it is static) of each function of a source."""
    files = sorted(str(path.relative_to(ROOT)) for folder in FOLDERS
                   for path in (ROOT / folder).rglob("*.[ch]"))
    told = subprocess.run(
        ["ctags-universal", "--output-format=json", "--kinds-C=f",
         "--languages=C", "--langmap=C:.c.h", "--fields=+f", "-f", "-",
         *files],
        cwd=ROOT, check=True, text=True, stdout=subprocess.PIPE).stdout
    for tag in map(json.loads, told.splitlines()):
        yield tag["name"], tag["path"], tag.get("file", False)


def main():
    homes = collections.defaultdict(set)
    static = set()
    for name, path, is_static in functions():
        homes[name].add(path)
        if is_static:
            static.add(name)
    is_well = bool(static)
    for name in sorted(static):
        if len(homes[name]) > 1:
            print(f"{name} stands in {' and in '.join(sorted(homes[name]))}")
            is_well = False
        if "_" not in name:
            print(f"{min(homes[name])}: {name} does not name its subject")
            is_well = False
    return 0 if is_well else 1


if __name__ == "__main__":
    sys.exit(main())
