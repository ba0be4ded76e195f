"""The fixtures of tests/e2e, and the record of what was tried.

Each test that passes a Driver through check() leaves an entry; entries go to
$LOCKSTEP_CLIENTS_RESULTS (a folder), one file for each test file.
"""

import importlib.util
import json
import os
import sys

import pytest

HERE = os.path.dirname(os.path.abspath(__file__))
E2E = os.path.join(os.path.dirname(HERE), "e2e")

sys.path.insert(0, E2E)

pytest.register_assert_rewrite("steps", "in_python")
import steps  # noqa: E402 (it needs what is in E2E)


def _load_fixtures():
    """e2e/conftest.py under another name: this file has its own."""
    spec = importlib.util.spec_from_file_location(
        "e2e_fixtures", os.path.join(E2E, "conftest.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_fixtures = _load_fixtures()
globals().update({name: value for name, value in vars(_fixtures).items()
                  if not name.startswith("_")
                  and name != "pytest_runtest_makereport"})


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Lockstep's log of a failed test, and how each recorded test ended."""
    outcome = yield
    report = outcome.get_result()
    for name, value in getattr(item, "funcargs", {}).items():
        if (report.failed and isinstance(value, _fixtures.Lockstep)
                and os.path.exists(value.log_path)):
            report.sections.append((f"log of {name}", value.tail()))
    entry = dict(item.user_properties).get("entry")
    if entry is not None and (report.when == "call" or report.failed):
        entry["passed"] = report.passed
        entry["test"] = item.nodeid.rsplit("/", 1)[-1]
        _entries[entry["test"]] = entry


_entries = {}


def pytest_sessionfinish():
    folder = os.environ.get("LOCKSTEP_CLIENTS_RESULTS")
    if not folder or not _entries:
        return
    os.makedirs(folder, exist_ok=True)
    by_file = {}
    for entry in _entries.values():
        by_file.setdefault(entry["test"].split(".py")[0], []).append(entry)
    for name, entries in by_file.items():
        with open(os.path.join(folder, name + ".json"), "w",
                  encoding="utf-8") as out:
            json.dump(entries, out, indent=1)
            out.write("\n")


@pytest.fixture
def entry(request):
    """What the compatibility table will say; the test fills it in."""
    entry = {}
    request.node.user_properties.append(("entry", entry))
    return entry


@pytest.fixture
def bench(cluster, lockstep, database, tmp_path):
    return steps.Bench(cluster, lockstep, database, tmp_path)
