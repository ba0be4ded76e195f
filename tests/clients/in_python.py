"""The frame of the programs that are written in Python."""

import sys


def conninfo_fields(conninfo):
    return dict(part.split("=", 1) for part in conninfo.split())


def arguments():
    """conninfo, mode, [(step, argument)]"""
    _program, conninfo, mode, *steps = sys.argv
    return conninfo, mode, [step.partition(":")[::2] for step in steps]


def tell(step, outcome):
    print(f"{step}\t{outcome}", flush=True)


def unexpected(problem):
    text = " ".join(str(problem).split())
    return f"unexpected {type(problem).__name__}: {text}"


def array_text(values):
    return "{" + ",".join("NULL" if value is None else str(value)
                          for value in values) + "}"


def parameters_text(number, text, nothing, raw, array):
    return " ".join([str(number), text,
                     "NULL" if nothing is None else str(nothing),
                     bytes(raw).hex(), array_text(array)])


def counts_text(outcomes):
    """The outcomes of rounds, as steps.Bench.loaded reads them."""
    return ", ".join(f"{outcomes.count(kind)} {kind}"
                     for kind in sorted(set(outcomes)))


COPY_ROWS = "".join(f"{i}\tname {i}\n" for i in range(1, 5001))
BAD_ROWS = "1\tx\nbad\ty\n"
SQUARE = "select $1::int * $1::int"
DROPS = ("drop table table_c",
         "alter table table_c drop column b_id, drop column a_id",
         "alter table table_c drop constraint c_b, drop constraint c_a")
