"""conf/completion/lockstep: what bash offers, word by word."""
import os
import pty
import subprocess

import pytest

import program
import proxy

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.clear_only("nobody connects")]

SCRIPT = os.path.join(os.path.dirname(__file__),
                      "../../conf/completion/lockstep")
# COMP_WORDS as readline cuts them; then what Tab does: the function that
# `complete` names, with the program, the word and the one before it.  Of a bare
# = the word is empty.
ASK = r"""
source "$1"; shift
compopt() { echo "$*" >&2; }
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
set -- $(complete -p lockstep)
while [ "$1" != -F ]; do shift; done
"$2" "${COMP_WORDS[0]}" "${COMP_WORDS[COMP_CWORD]#=}" \
	"${COMP_WORDS[COMP_CWORD - 1]}"
[ ${#COMPREPLY[@]} -eq 0 ] || printf '%s\n' "${COMPREPLY[@]}"
"""
COMMANDS = {"serve", "check", "explain", "wait", "shutdown", "why"}


class Offer:
    """What is offered, and the options of compopt."""

    def __init__(self, words, folder):
        done = subprocess.run(
            ["bash", "-u", "-c", ASK, "bash", SCRIPT, proxy.lockstep_bin(),
             *words], text=True, capture_output=True, cwd=folder, timeout=60,
            env=program.environment(), check=True)
        self.words = set(done.stdout.splitlines())
        self.options = done.stderr.split()


@pytest.fixture
def offer(tmp_path):
    (tmp_path / "lockstep.conf").write_text("")
    (tmp_path / "key.pem").write_text("")
    return lambda *words: Offer(words, tmp_path)


def settings():
    rows = program.run("--help").stdout.split("Settings:\n")[1].split(
        "\n\n")[0].splitlines()[1:]
    return {row.split()[0] for row in rows if not row.startswith("   ")}


def test_commands_and_options(offer):
    assert COMMANDS < offer("").words
    assert offer("wa").words == {"wait"}
    assert offer("--").words == {"--help", "--version", "--listen",
                                 "--upstream", "--set"}


@pytest.mark.parametrize("command, options", [
    ("serve", {"-c", "--listen", "--upstream", "--set"}), ("check", {"-c"}),
    ("explain", {"-c", "--upstream", "--set", "--json"}),
    ("wait", {"-c", "--set", "--max"}), ("shutdown", {"-c", "--set"}),
    ("why", {"-c", "--set", "last"})])
def test_options_of_a_command(offer, command, options):
    """And the usage of --help has them."""
    assert offer(command, "").words == options
    usage = program.run("--help").stdout.split("Usage:")[1].split(
        "\n\n")[0]
    at = usage.index(f"lockstep {command}" if command != "serve"
                     else "lockstep [serve]")
    own = usage[at:].split("\n  lockstep")[0]
    assert all(option in own for option in options)


def test_every_command_of_the_usage_is_offered(offer):
    usage = program.run("--help").stdout.split("Usage:")[1].split("\n\n")[0]
    told = {words.split()[0].strip("[]")
            for words in usage.split("  lockstep ")[1:]}
    assert {word for word in told if word[0] != "-"} == COMMANDS


def test_settings(offer):
    found = offer("--set", "")
    assert found.words == {f"{name}=" for name in settings()}
    assert found.options == ["-o", "nospace"]
    assert offer("explain", "--set", "gate_w").words == {"gate_window="}


def test_values_of_a_setting(offer):
    """bash has cut the words at the =."""
    policies = {"auto", "lock", "hold", "pass", "reject"}
    assert offer("--set", "policy", "=").words == policies
    assert offer("--set", "policy", "=", "").words == policies
    assert offer("--set", "policy", "=", "ho").words == {"hold"}
    assert offer("wait", "--set", "http_admin", "=", "o").words == {"on",
                                                                    "off"}
    assert "verify-full" in offer("--set", "tls_mode", "=", "v").words
    assert offer("--set", "hold_timeout", "=", "").words == set()
    assert offer("--set", "no_such", "=", "").words == set()


def test_files(offer):
    for words in (("-c", ""), ("check", "-c", ""),
                  ("--set", "tls_key", "=", "")):
        found = offer(*words)
        assert found.words == {"lockstep.conf", "key.pem"}, words
        assert found.options == ["-o", "filenames"]
    assert offer("-c", "lo").words == {"lockstep.conf"}


def test_what_nobody_can_guess(offer):
    for option in ("--listen", "--upstream"):
        assert offer(option, "").words == set()
    assert offer("wait", "--max", "").words == set()


# -- at a terminal ----------------------------------------------------------

def type_at_bash(keys, folder):
    """What a terminal shows of an interactive bash in which they are typed."""
    environment = program.environment({
        "PATH": f"{os.path.dirname(proxy.lockstep_bin())}:{os.environ['PATH']}",
        "PS1": "", "TERM": "dumb", "INPUTRC": "/dev/null"})
    ours, theirs = pty.openpty()
    with subprocess.Popen(["bash", "--norc", "--noprofile", "-i"], cwd=folder,
                          stdin=theirs, stdout=theirs, stderr=theirs,
                          start_new_session=True, env=environment) as bash:
        os.close(theirs)
        os.write(ours, f"source {os.path.abspath(SCRIPT)}\n".encode())
        os.write(ours, keys.encode() + b"\nexit\n")
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:  # the last of the terminal's other end has gone
            pass
        bash.wait(60)
    os.close(ours)
    return shown.decode(errors="replace").replace("\r", "")


TAB, HOME = "\t", "\x01"


@pytest.mark.parametrize("typed, line", [
    ("lockstep wa", "lockstep wait"),
    ("lockstep --set pol", "lockstep --set policy="),
    ("lockstep --set policy=ho", "lockstep --set policy=hold"),
    ("lockstep serve --set policy=hold --set guard=dd",
     "lockstep serve --set policy=hold --set guard=ddl"),
    ("lockstep --set tls_key=ke", "lockstep --set tls_key=key.pem"),
    ("lockstep check -c lo", "lockstep check -c lockstep.conf"),
])
def test_tab_completes_the_line(offer, tmp_path, typed, line):
    shown = type_at_bash(f"{typed}{TAB}{HOME}echo GOT ", tmp_path)
    assert f"\nGOT {line}\n" in shown.replace(" \n", "\n"), shown


def test_tabs_list_the_values_of_a_setting(offer, tmp_path):
    shown = type_at_bash(f"lockstep --set policy={TAB}{TAB}{HOME}echo GOT ",
                         tmp_path)
    assert set("auto hold lock pass reject".split()) <= set(shown.split())
    assert "shutdown" not in shown
