#!/usr/bin/python3
"""check_comments.py - comments say who does what, and prototypes what they ask.

The bans, for the sources of protocol/, policy/ and proxy/:

  riddle     a comment that begins with What, Who, Whom, Of, It, Its or Those
  pronoun    he, his, him: a client is a program
  half       a comment before or in a declaration that begins in the middle of
             a sentence, or ends there: each declaration gets its own
  false      a comment at a function that begins with "False:" or "NULL:", and
             so never says what true is; is_*, *_new and their like say it by
             name
  prototype  a prototype in a header without a comment: its own, above it or
             behind it, or one above a group that it follows without a blank
             line
"""
import bisect
import pathlib
import re
import sys
from typing import NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("protocol", "policy", "proxy")

# Comments, and the literals in which nothing is one.
PART = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|'
                  r"'(?:\\.|[^'\\\n])*'", re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.M)
# At the left margin: a type, a name, parameters, attributes.
PROTOTYPE = re.compile(
    r"^(?!typedef\b|static_assert\b|_Static_assert\b|extern const\b)"
    r"[a-z][\w \t\n*]*?\b(\w+)\s*\([^;{}]*\)[^;{}()]*"
    r"(?:__attribute__\s*\(\(.*?\)\)\s*)?;", re.M | re.S)
FUNCTION = re.compile(
    r"\s*(?:[A-Za-z_][\w \t\n*]*?)\b([a-z_]\w*)\s*\([^;{}]*\)"
    r"[^;{}()]*(?:__attribute__\s*\(\(.*?\)\)\s*)?[;{]", re.S)

RIDDLE = re.compile(r"(?:What|Who|Whom|Of|It|Its|Those)\b", re.I)
CONTINUED = re.compile(r"(?:and|or|but)\b")
PRONOUN = re.compile(r"\b(?:he|his|him|himself)\b", re.I)
FALSE = re.compile(r"(?:False|NULL):")
ANSWERS = re.compile(r"(?:^|_)(?:is|are|has|can|may|must|needs|knows|new|"
                     r"find)(?:_|$)")
# Names that are written small.
SMALL = {"inih", "libpq"}
CONJUNCTION = re.compile(r"(?:[,;]|\b(?:and|or|but|of|for|with|to|than))$")


class Comment(NamedTuple):
    """One comment of a file."""
    line: int
    text: str       # without its marks and line ends
    is_behind: bool # code stands before it on its line
    depth: int      # of braces
    before: str     # the code between it and the comment before
    after: str      # the code from it to the next comment


def blank(match):
    """Spaces in place of a part, lines kept."""
    return re.sub(r"[^\n]", " ", match[0])


def code_of(text):
    """The text without comments and literals, offsets kept."""
    return PART.sub(blank, text)


def words_of(comment):
    """What a comment says, in one line."""
    inner = comment[2:-2] if comment.startswith("/*") else comment[2:]
    lines = (re.sub(r"^\s*\*?", "", line) for line in inner.split("\n"))
    return " ".join(" ".join(lines).split())


def comments_of(text):
    """Every Comment of a file, in order."""
    code = code_of(text)
    parts = [m for m in PART.finditer(text) if m[0].startswith("/")]
    ends = [0] + [m.end() for m in parts]
    starts = [m.start() for m in parts] + [len(text)]
    for i, part in enumerate(parts):
        margin = code[code.rfind("\n", 0, part.start()) + 1:part.start()]
        head = code[:part.start()]
        yield Comment(line=text.count("\n", 0, part.start()) + 1,
                      text=words_of(part[0]),
                      is_behind=margin.strip() != "",
                      depth=head.count("{") - head.count("}"),
                      before=code[ends[i]:part.start()],
                      after=code[part.end():starts[i + 1]])


def begins_inside(comment):
    """A comment of a declaration that begins in the middle of a sentence."""
    if comment.is_behind:
        return CONTINUED.match(comment.text) is not None
    word = re.match(r"[a-z]\w*", comment.text)
    if word is None or word[0] in SMALL:
        return False
    rest = comment.text[word.end():]
    if "_" in word[0] or re.match(r"[.(*\[:=/<>]|->| =|(?:-\w+)+:", rest):
        return False
    declaration = re.split(r"[;{]", comment.after)[0]
    return re.search(rf"\b{word[0]}\b", declaration) is None


def ends_inside(comment):
    """A comment whose sentence goes on behind the declaration."""
    return CONJUNCTION.search(comment.text) is not None


def function_of(comment):
    """The name of the function that a comment is at, or None."""
    if comment.depth > 0:
        return None
    if comment.is_behind:
        found = list(PROTOTYPE.finditer(DIRECTIVE.sub(blank, comment.before)))
        return found[-1][1] if found else None
    found = FUNCTION.match(comment.after)
    return found[1] if found else None


def is_of_declaration(comment):
    """Something at file level, or a field or constant of a header's type."""
    return comment.depth == 0 and comment.after.strip() != ""


def check_comment(comment, is_header):
    """What is wrong with a comment, as texts."""
    if RIDDLE.match(comment.text):
        yield f"begins with \"{comment.text.split()[0]}\""
    pronoun = PRONOUN.search(comment.text)
    if pronoun:
        yield f"says \"{pronoun[0]}\": a client is \"it\""
    if is_of_declaration(comment) or (is_header and comment.depth > 0):
        if begins_inside(comment):
            yield "begins in the middle of a sentence"
        if ends_inside(comment):
            yield "ends in the middle of a sentence"
    function = function_of(comment)
    if function and FALSE.match(comment.text) and not ANSWERS.search(function):
        yield f"says what false is, and not what {function} does"


def prototypes_without(text):
    """(line, name) of each prototype of a header without a comment."""
    code = DIRECTIVE.sub(blank, code_of(text))
    lines = text.split("\n")
    offsets = [0] + [m.end() for m in re.finditer("\n", text)]
    last_good = 0 # the line on which the last one with a comment ended
    for match in PROTOTYPE.finditer(code):
        first = bisect.bisect_right(offsets, match.start())
        last = bisect.bisect_right(offsets, match.end() - 1)
        above = lines[first - 2].strip() if first > 1 else ""
        if above.endswith("*/") or "/*" in lines[last - 1] or (
                last_good == first - 1 and last_good > 0):
            last_good = last
        else:
            yield first, match[1]


def check_file(path):
    """What is wrong with a file: pairs of line and text."""
    text = path.read_text()
    for comment in comments_of(text):
        for fault in check_comment(comment, path.suffix == ".h"):
            yield comment.line, f"{fault}: {comment.text[:50]}"
    if path.suffix == ".h":
        for line, name in prototypes_without(text):
            yield line, f"{name} has no comment"


def main():
    is_clean = True
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.[ch]")):
            for line, text in check_file(path):
                print(f"{path.relative_to(ROOT)}:{line}: {text}")
                is_clean = False
    return 0 if is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
