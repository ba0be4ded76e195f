#!/usr/bin/python3
"""check_sql.py - what stands in the .sql files asks no search_path.

They run in the client's session, and a schema that its search_path puts first
must not run code: so each function, type and relation is written with
pg_catalog, operators are such as embed_sql.cmake gives their schema, and no
construct stands there that looks an operator up by itself.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Grammar of its own, written like a call.
SYNTAX = {"ARRAY", "COALESCE", "EXISTS", "EXTRACT"}
OPERATORS = {"<>", "<=", ">=", "<@", "=", "<", ">", "+", "-", "*", "&", "||"}
BANNED = ["BETWEEN", "DISTINCT FROM", "ILIKE", "IN (", "LIKE", "NATURAL",
          "NULLIF", "OVERLAPS", "SIMILAR", "USING ("]

COMMON_TABLE = re.compile(r"^(\w+)(?: \([^()]*\))? AS(?: MATERIALIZED)? \($",
                          re.M)


def folders():
    """Folders of .sql files, each with the bare text of its files."""
    for folder in sorted({p.parent for top in ("policy", "proxy")
                          for p in (ROOT / top).rglob("*.sql")}):
        yield {path: bare(path.read_text())
               for path in sorted(folder.glob("*.sql"))}


def bare(text):
    """Without comments, and with empty strings and quoted names."""
    text = re.sub(r"--[^\n]*", "", text)
    text = re.sub(r"'[^']*'", "''", text)
    return re.sub(r'"[^"]*"', '""', text)


def bad_names(text, tables):
    for name in re.findall(r"(?<![\w.])(\w+)\(", text):
        if name not in SYNTAX:
            yield f"{name}() has no schema"
    for name in re.findall(r"::\s*([\w.]+)", text):
        if not name.startswith("pg_catalog."):
            yield f"the type {name} has no schema"
    for name in re.findall(r"\b(?:FROM|JOIN)\s+([a-z_][\w.]*)", text):
        if not name.startswith("pg_catalog.") and name not in tables:
            yield f"the relation {name} has no schema"


def bad_operators(text):
    for word in BANNED:
        if re.search(r"(?<!\w)" + re.escape(word) + r"(?!\w)", text):
            yield f"{word} looks an operator up"
    if re.search(r"\bCASE\b(?!\s+WHEN\b)", text):
        yield "CASE x WHEN looks an operator up"
    # Conversions of printf, casts, assignments, stars that stand for columns.
    text = re.sub(r"%(?:s|d|u|zu)|::|:=|SELECT \*|\.\*|\(\*\)", "", text)
    for operator in re.findall(r"\S*[-+*/<>=~!@#%^&|?]+\S*", text):
        if operator not in OPERATORS:
            yield f"embed_sql.cmake does not see {operator}"


def complaints(texts):
    tables = {name for text in texts.values()
              for name in COMMON_TABLE.findall(text)}
    # What lock_set_query.c itself puts around the files of lock_set_sql/.
    tables |= {"lck", "seed"}
    for path, text in texts.items():
        for complaint in (*bad_names(text, tables), *bad_operators(text)):
            yield f"{path.relative_to(ROOT)}: {complaint}"


def main():
    found = [line for texts in folders() for line in complaints(texts)]
    print("\n".join(found), end="\n" if found else "")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
