"""tests/e2e's fixtures, and the results that tests/orm/table reads.

ORM_BUILD is the folder with what tests/orm/run has installed; the projects are
copied there, since some tools write beside what they read.
"""

import importlib.util
import json
import os
import pathlib
import sys

import pytest

E2E = pathlib.Path(__file__).resolve().parents[1] / "e2e"
sys.path.insert(0, str(E2E))

# It goes by the name of this file, so it is not to be had by `import`.
spec = importlib.util.spec_from_file_location("e2e_conftest",
                                              E2E / "conftest.py")
e2e_conftest = importlib.util.module_from_spec(spec)
spec.loader.exec_module(e2e_conftest)
globals().update({name: value for name, value in vars(e2e_conftest).items()
                  if not name.startswith("__")})


@pytest.fixture(scope="session")
def build():
    folder = pathlib.Path(os.environ["ORM_BUILD"]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def results(build):
    """{tool: what was measured}; results.json keeps those not run now."""
    path = build / "results.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    yield kept
    path.write_text(json.dumps(kept, indent=2) + "\n")
