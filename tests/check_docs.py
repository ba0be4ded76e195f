#!/usr/bin/python3
"""check_docs.py LOCKSTEP - what the documentation says is there.

 - A relative link leads to a file, and to a heading of it.
 - A file of the sources that is named exists, and so does a function that one
   is told to break at.
 - Each setting of `lockstep --help` stands in docs/settings.md with its
   default and what is allowed, in the example with its default, and in
   lockstep.conf(5); and no other does.
 - Each command of its usage, with its options, stands in lockstep(1).
 - A test that is named as test_auth.py::test_right_password exists.
 - docs/README.md leads to each page of docs/.
 - README.md keeps to what a user needs first.
"""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
README_BYTES = 11_600  # a third of what it once was
README_LINES = 160

# What is built, kept or ignored is none of ours.
SKIPPED = {"build", ".git", ".lockstep", "node_modules"}
LINK = re.compile(r"(?<!!)\[(?:[^][]|\[[^][]*\])*\]\(([^)\s]+)\)|!\[[^]]*\]"
                  r"\(([^)\s]+)\)")
SOURCE = re.compile(r"(?<![\w/.-])(?:\.ci|conf|docs|policy|protocol|proxy|"
                    r"scripts|tests)/[\w./-]*\w")
SETTING = re.compile(r"^  (\w+) +(one per CPU|\S+) *(.*)\n(?: {6}(.*)\n)?",
                     re.M)

TEST = re.compile(r"(test_\w+\.py)::(test_\w+)")

problems = []


def complain(path, text):
    problems.append(f"{path.relative_to(ROOT)}: {text}")


def pages():
    return sorted(path for path in ROOT.rglob("*.md")
                  if not SKIPPED & set(path.relative_to(ROOT).parts))


def without_code(text):
    text = re.sub(r"^```.*?^```", "", text, flags=re.M | re.S)
    return re.sub(r"`[^`\n]*`", lambda code: re.sub(r"[][()]", "_", code[0]),
                  text)


def anchors(text):
    """The names that a renderer gives to headings."""
    found = set()
    for heading in re.findall(r"^#+ +(.*)", re.sub(
            r"^```.*?^```", "", text, flags=re.M | re.S), re.M):
        name = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        count = 0
        unique = name
        while unique in found:
            count += 1
            unique = f"{name}-{count}"
        found.add(unique)
    return found


def check_links(page):
    text = without_code(page.read_text())
    for match in LINK.finditer(text):
        link = match[1] or match[2]
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists():
            complain(page, f"{link} leads nowhere")
        elif anchor and anchor not in anchors(target.read_text()):
            complain(page, f"{link}: there is no such heading")


def check_sources(page):
    text = page.read_text()
    for name in SOURCE.findall(text):
        in_ctest = ROOT / "tests" / f"{name}_test.c"
        if not [*ROOT.glob(name), *ROOT.glob(name + ".*"),
                *in_ctest.parent.glob(in_ctest.name)]:
            complain(page, f"there is no {name}")
    sources = "\n".join(path.read_text() for path in
                        (ROOT / "proxy").rglob("*.c"))
    for function in re.findall(r"`break (\w+)`", text):
        if not re.search(rf"^{function}\(", sources, re.M):
            complain(page, f"there is no function {function}")


# -- settings ---------------------------------------------------------------

def settings_in_help(program):
    """name -> (default, allowed)"""
    text = subprocess.run([program, "--help"], capture_output=True, text=True,
                          check=True).stdout
    rows = text.split("Settings:\n")[1].split("\n\n")[0].split("\n", 1)[1]
    return {name: (default, allowed or more)
            for name, default, allowed, more in SETTING.findall(rows)}


def settings_in_page(page):
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|", page.read_text(),
                      re.M)
    return {name: (default.replace("`", ""), allowed.replace("`", ""))
            for name, default, allowed in rows}


def settings_in_example(path):
    """name -> value; of several the first, and no rule's."""
    plain = path.read_text().split("# --- Rules")[0]
    found = {}
    for name, value in re.findall(r"^#(\w+) = (.*)", plain, re.M):
        found.setdefault(name, value)
    return found


def settings_in_manual(path):
    """name -> default, None where none is told."""
    text = path.read_text().replace("\\-", "-").split(".SH SETTINGS")[1]
    text = text.split(".SH RULES")[0]
    found = {}
    for line in re.findall(r"^\.TP\n\.BR? (.*)", text, re.M):
        default = re.search(r'" \((.*)\)"', line)
        for name in re.findall(r"\b[a-z_]+\b", re.sub('".*?"', "", line)):
            found[name] = default and default[1]
    return found


def compare(path, found, expected):
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            complain(path, f"setting {name} is missing")
        elif name not in expected:
            complain(path, f"there is no setting {name}")
        elif found[name] != expected[name]:
            complain(path, f"{name}: {found[name]}, the program says "
                     f"{expected[name]}")


def usage(program):
    """command -> its options, and what may stand for them."""
    text = subprocess.run([program, "--help"], capture_output=True, text=True,
                          check=True).stdout.split("Usage:\n")[1]
    found = {}
    for line in re.split(r"^  lockstep ", text.split("\n\n")[0],
                         flags=re.M)[1:]:
        # What the command is for stands behind two blanks or more.
        words = " ".join(re.sub(r"\S  +.*", lambda part: part[0][0], row)
                         for row in line.splitlines() if "[" in row
                         or not row.startswith(" "))
        command = re.match(r"\[?(\w+)", words)
        found[command[1] if command else "-"] = set(
            re.findall(r"--?[a-z]+", words))
    return found


def check_usage(program):
    """Each command has its paragraph, and its options stand in its synopsis."""
    manual = ROOT / "conf/lockstep.1"
    text = re.sub(r"\\f[BIR]", "", manual.read_text().replace(
        "\\-", "-")).replace("\\\n", "")
    synopsis = re.split(r"^lockstep ", text.split(".nf\n")[1].split(
        "\n.fi")[0], flags=re.M)[1:]
    options = text.split(".SH OPTIONS")[1].split(".SH ")[0]
    for command, told in usage(program).items():
        own = next((line for line in synopsis if line.startswith(
            (command, f"[{command}]"))), "")
        shown = set(re.findall(r"(?<!\w)--?[a-z]+", own))
        if told != shown:
            complain(manual, f"lockstep {command}: {sorted(shown)}, the "
                     f"program says {sorted(told)}")
        if command != "-" and f"\n.TP\n.B {command}\n" not in text:
            complain(manual, f"does not tell of {command}")
        for option in told:
            if not re.search(rf"^(?:\.BR? )?{option}\b", options, re.M):
                complain(manual, f"does not tell of {option}")


def check_settings(program):
    told = settings_in_help(program)
    page = ROOT / "docs/settings.md"
    compare(page, settings_in_page(page), told)

    # An example of what has no default is anybody's choice.
    defaults = {name: default for name, (default, _) in told.items()}
    example = ROOT / "conf/lockstep.conf"
    found = settings_in_example(example)
    is_free = [name for name, default in defaults.items()
               if default in ("none", "all", "one per CPU")]
    compare(example, found, {**defaults, **{
        name: found.get(name) for name in is_free if name in found}})

    manual = ROOT / "conf/lockstep.conf.5"
    found = settings_in_manual(manual)
    compare(manual, found, {
        name: (found[name] if name in found and (
            found[name] is None or default == "one per CPU") else default)
        for name, default in defaults.items()})


# -- the two indexes --------------------------------------------------------

def check_index():
    index = ROOT / "docs/README.md"
    links = {match[1] for match in LINK.finditer(index.read_text())}
    for page in sorted((ROOT / "docs").glob("*.md")):
        if page != index and page.name not in links:
            complain(index, f"does not lead to {page.name}")


def check_size():
    readme = ROOT / "README.md"
    text = readme.read_bytes()
    if len(text) > README_BYTES or text.count(b"\n") > README_LINES:
        complain(readme, f"{len(text)} bytes, {text.count(10)} lines; at most "
                 f"{README_BYTES} and {README_LINES}: the rest goes to docs/")


def check_tests(page):
    for file, test in TEST.findall(page.read_text()):
        path = ROOT / "tests/e2e" / file
        if not path.exists() or not re.search(
                rf"^def {test}\(", path.read_text(), re.M):
            complain(page, f"there is no {file}::{test}")


def main():
    for page in pages():
        check_links(page)
        check_tests(page)
        # It names files by their module, without where they stand.
        if page.name != "ARCHITECTURE.md":
            check_sources(page)
    check_settings(sys.argv[1])
    check_usage(sys.argv[1])
    check_index()
    check_size()
    for problem in problems:
        print(problem)
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
