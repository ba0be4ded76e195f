#!/usr/bin/python3
"""check_tidy.py BUILD - clang-tidy has nothing to say about the sources.

.clang-tidy says what it looks for, and BUILD, a build folder, how each source
is compiled.  A source that passed leaves a stamp in BUILD/tidy, named by the
text that the compiler saw, and is not looked at again until that changes: all
of them take minutes of a core.
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("protocol", "policy", "proxy")


def run(command, folder):
    """Standard output of a command, and whether it succeeded."""
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.stdout, done.returncode == 0, done.stderr


def preprocess(entry):
    """The text of a source as its compiler sees it, with its comments: some
    of them speak to clang-tidy."""
    words = shlex.split(entry["command"])
    command = words[:words.index("-o")] + ["-E", "-C", entry["file"]]
    text, is_done, complaint = run(command, entry["directory"])
    if not is_done:
        sys.exit(complaint.decode())
    return text


def stamp_of(entry, settings):
    """The name of the stamp of a source in its present form."""
    return hashlib.sha256(settings + preprocess(entry)).hexdigest()


def sources(build):
    """The entries of compile_commands.json that are looked at."""
    commands = json.loads((build / "compile_commands.json").read_text())
    for entry in commands:
        path = pathlib.Path(entry["file"]).relative_to(ROOT)
        if path.parts[0] in FOLDERS:
            yield entry


class Tidy:
    """One run over a build folder."""

    def __init__(self, build):
        self.build = build
        self.stamps = build / "tidy"
        self.stamps.mkdir(exist_ok=True)
        version, _, _ = run(["clang-tidy", "--version"], ROOT)
        self.settings = version + (ROOT / ".clang-tidy").read_bytes()

    def check(self, entry):
        """The name of the stamp of a source, and what is wrong with it."""
        stamp = stamp_of(entry, self.settings)
        if (self.stamps / stamp).exists():
            return stamp, ""
        said, is_clean, complaint = run(
            ["clang-tidy", "--quiet", "-p", self.build, entry["file"]], ROOT)
        if is_clean:
            (self.stamps / stamp).touch()
            return stamp, ""
        return stamp, said.decode() or complaint.decode()

    def check_all(self):
        """Whether every source is clean; old stamps are removed."""
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            results = list(pool.map(self.check, sources(self.build)))
        for stamp in self.stamps.iterdir():
            if stamp.name not in {name for name, _ in results}:
                stamp.unlink()
        faults = sorted({text for _, text in results if text})
        print("".join(faults), end="")
        return results and not faults


def main():
    return 0 if Tidy(pathlib.Path(sys.argv[1]).resolve()).check_all() else 1


if __name__ == "__main__":
    sys.exit(main())
