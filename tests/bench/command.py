"""What the measuring programs have in common on the command line.

names() is for options that choose some of what there is.  The rest is for a
program that measures in parts, each a list of rows, and writes a page of
docs/: growth.py, guard_costs.py.
"""

import argparse
import json
import pathlib
import sys
import time

import curve
import machine
import report

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"


def names(known):
    """Of an option's argument: NAME,... all of which are known."""
    def split(text):
        chosen = text.split(",")
        for name in chosen:
            if name not in known:
                raise argparse.ArgumentTypeError(
                    f"no {name!r} among {', '.join(known)}")
        return chosen
    return split


def parser_of_parts(description, parts, quick, page):
    """quick says what --quick does, page is the name of that of docs/."""
    parser = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("lockstep", nargs="?",
                        help="the program; a release build")
    parser.add_argument("--only", choices=parts, action="append")
    parser.add_argument("--quick", action="store_true", help=quick)
    parser.add_argument("--json", metavar="FILE", help="write the rows there")
    parser.add_argument("--svg", metavar="FILE", help="draw the curves there")
    parser.add_argument("--from", metavar="FILE", dest="source",
                        help="measure nothing, take these rows")
    parser.add_argument("--write-docs", action="store_true",
                        help=f"docs/{page}.json, .svg and .md")
    return parser


def parse(parser, parts):
    options = parser.parse_args()
    options.only = options.only or parts
    if (options.lockstep is None) == (options.source is None):
        parser.error("either a program or --from")
    return options


def begin(program, options):
    """The results of a run whose parts are still to come."""
    return {"machine": machine.describe(),
            "command": program + " --quick" * options.quick}


def measure(results, measured, only):
    """measured: {part: what yields its rows}"""
    begun = time.monotonic()
    for part in only:
        results[part] = []
        for row in measured[part]():
            results[part].append(row)
            print(part, row, file=sys.stderr, flush=True)
    results["minutes"] = round((time.monotonic() - begun) / 60, 1)
    return results


def finish(results, options, page, tables, plots):
    """Print the tables, and write what is asked for."""
    print(tables)
    if options.write_docs:
        options.json = DOCS / f"{page}.json"
        options.svg = DOCS / f"{page}.svg"
        report.update(DOCS / f"{page}.md", tables,
                      f"<!-- made by tests/bench/{page.replace('-', '_')}.py "
                      "-->")
    if options.json:
        pathlib.Path(options.json).write_text(
            json.dumps(results, indent=1) + "\n", encoding="utf-8")
    if options.svg and plots:
        pathlib.Path(options.svg).write_text(curve.draw(plots),
                                             encoding="utf-8")


def read(source):
    return json.loads(pathlib.Path(source).read_text(encoding="utf-8"))
