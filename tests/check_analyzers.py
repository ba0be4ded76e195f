#!/usr/bin/python3
"""check_analyzers.py BUILD - gcc -fanalyzer and cppcheck find no mistake.

BUILD, a build folder, says how each source is compiled.  What they say falsely
stands in EXCUSED, by the line that they say it of, and why it is false; an
excuse that nobody needs any more fails, too.

What gcc said of a source stays in BUILD/analyzer, by the text that the compiler
saw, and is not asked again until that changes; cppcheck keeps its own in
BUILD/cppcheck.
"""
import concurrent.futures
import os
import pathlib
import re
import shlex
import sys

sys.dont_write_bytecode = True
from check_tidy import FOLDERS, ROOT, run, sources, stamp_of  # noqa: E402

GCC = ["-O0", "-fanalyzer", "-fdiagnostics-path-format=none", "-S",
       "-o", "/dev/null"]
CPPCHECK = [
    "cppcheck", "--quiet", "--language=c", "--std=c11", "-I.", "-D_GNU_SOURCE",
    "-DLOCKSTEP_STOPS", '-DLOCKSTEP_VERSION="0"',
    "--enable=warning,style,performance,portability",
    "--template={file}:{line}: {message} [{id}]",
    # No headers of the system's are read.
    "--suppress=missingIncludeSystem",
    # Members of heads of lists are named by its macros alone.
    "--suppress=unusedStructMember",
    # Ours stand at the beginning of their function.
    "--suppress=variableScope",
]
FINDING = re.compile(r"^(\S+?):(\d+):(?:\d+: warning:)? (.*) "
                     r"\[(?:-W)?([\w-]+)\]$", re.M)

ELEMENT = ("gcc 12 loses what an element of an array owns where the index is "
           "no constant: it is freed with the array")
OUTPUT = "cppcheck takes what a function fills in for what it reads"
LETTER = "the first letter, of the others in the table"

# (file, a line of it, finding): why it is false.
EXCUSED = {
    ("proxy/config/config_section.c", "}", "analyzer-malloc-leak"): ELEMENT,
    ("proxy/config/conninfo_tls.c", "if (*all[i].field == NULL)",
     "analyzer-malloc-leak"): ELEMENT,
    ("proxy/config/value.c", "if (list[*count] == NULL)",
     "analyzer-malloc-leak"): ELEMENT,
    ("proxy/explain/explain_memory.c",
     "*item = (struct explain_remembered){", "analyzer-malloc-leak"): ELEMENT,
    ("proxy/guard/memory.c", "return &relations[e->count++];",
     "analyzer-malloc-leak"): ELEMENT,
    ("proxy/server/listener.c",
     "if (item->path == NULL || stat(path, &file) != 0)",
     "analyzer-malloc-leak"): ELEMENT,
    ("proxy/gate/turns.c",
     "is_taken = turn != NULL && turn_take(turn, claim, rival);",
     "analyzer-malloc-leak"): "the list has it, whose head is in the struct",
    ("proxy/gate/gate.c",
     "if (d->fleet != NULL && (w->maker & GATE_MAKER_ELSEWHERE) == 0)",
     "analyzer-use-after-free"):
        "gate_mail gives back the use that it took: the caller's own is left",
    ("proxy/gate/recall.c", "if (mentions[i].name == m->name &&",
     "analyzer-use-of-uninitialized-value"):
        "the first *count are set, and *count begins at 0",
    ("proxy/gate/recall.c", "mentions[i].schema == m->schema)",
     "analyzer-use-of-uninitialized-value"): "likewise",
    ("policy/catalog/session_facts.c", ": CATALOG_SQL_SESSION_FACTS_COLUMNS",
     "duplicateExpressionTernary"):
        "the branches differ in the literal that follows this one",
    ("policy/guard/report.c",
     "struct cut_text t = {.data = out->detail, .size = sizeof(out->detail)};",
     "ctuuninitvar"): OUTPUT,
    ("proxy/config/value.c",
     "vsnprintf(error->text, sizeof(error->text), format, args);",
     "ctuuninitvar"): OUTPUT,
    ("policy/sql/statement_arena.c", "return p != NULL ? p : give_up();",
     "memleak"): "p is NULL where it is not returned",
    ("policy/sql/statement_repeat.c",
     "(state = plain_block_next(&b, &text)) ==", "redundantAssignment"):
        "where there is an obstacle already, the loop's condition ends ahead "
        "of this",
    ("policy/sql/unforeseen.c", "['a' - 'a'] = {\"abort\", \"analyze\"},",
     "duplicateExpression"): LETTER,
    ("policy/sql/words.c", "['a' - 'a'] = {\"abort\"},",
     "duplicateExpression"): LETTER,
    ("proxy/guard/batch.c", "flag[0] = 't';", "unreadVariable"):
        "it is read by the pointer to it",
}


def gcc_command(entry):
    """As the source is compiled, but for sanitizers and warnings."""
    words = shlex.split(entry["command"])
    flags = words[next(i for i, word in enumerate(words)
                       if word.startswith("-")):words.index("-o")]
    return ["gcc", *(flag for flag in flags
                     if not re.match("-W|-f(no-)?sanitize", flag)),
            *GCC, entry["file"]]


def said_by_gcc(stamps, entry):
    """The stamp of a source, and what gcc says of it."""
    settings = " ".join(GCC) + run(["gcc", "--version"], ROOT)[0].decode()
    stamp = stamps / stamp_of(entry, settings.encode())
    if not stamp.exists():
        _, is_done, said = run(gcc_command(entry), entry["directory"])
        if not is_done:
            sys.exit(said.decode())
        stamp.write_bytes(said)
    return stamp, stamp.read_text()


def said_by_all_gcc(build):
    """What gcc says of every source; stamps that are old are removed."""
    stamps = build / "analyzer"
    stamps.mkdir(exist_ok=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        told = dict(pool.map(lambda entry: said_by_gcc(stamps, entry),
                             sources(build)))
    for stamp in set(stamps.iterdir()) - set(told):
        stamp.unlink()
    return "".join(told.values())


def said_by_cppcheck(build):
    cache = build / "cppcheck"
    cache.mkdir(exist_ok=True)
    _, is_done, said = run(
        [*CPPCHECK, f"--include={ROOT}/proxy/base/queue.h",
         f"-j{os.cpu_count()}", f"--cppcheck-build-dir={cache}", *FOLDERS],
        ROOT)
    if not is_done:
        sys.exit(said.decode())
    return said.decode()


def findings(said):
    """{what EXCUSED would have: its line of output}"""
    found = {}
    for match in FINDING.finditer(said):
        name, number, _, kind = match.groups()
        path = (ROOT / name).resolve()
        line = path.read_text("utf-8").splitlines()[int(number) - 1].strip()
        found[str(path.relative_to(ROOT)), line, kind] = match[0]
    return found


def main():
    os.environ["LC_ALL"] = "C.UTF-8"
    build = pathlib.Path(sys.argv[1]).resolve()
    found = findings(said_by_all_gcc(build) + said_by_cppcheck(build))
    faults = [text for key, text in found.items() if key not in EXCUSED]
    faults += [f"needs no excuse any more: {key}"
               for key in EXCUSED if key not in found]
    print(*faults, sep="\n", end="\n" if faults else "")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
