"""pgjdbc in the modes that change what it sends."""

import os
import subprocess

import pytest

import steps
from steps import Driver, all_but

JAR = "/usr/share/java/postgresql.jar"

# A batch that fails is undone in whole, unless each statement of it is a
# simple Query and so a transaction.
WHOLE_BATCH = "1 1 1; 22012; 3 rows, sum 6"
SEPARATE_BATCH = "1 1 1; 22012; 5 rows, sum 16"


@pytest.fixture(scope="module")
def jdbc_client(tmp_path_factory):
    folder = str(tmp_path_factory.mktemp("jdbc"))
    subprocess.run(["javac", "-cp", JAR, "-d", folder,
                    os.path.join(steps.HERE, "JdbcSteps.java")], check=True)
    return ("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC",
            "-Dfile.encoding=UTF-8", "-cp", f"{folder}:{JAR}", "JdbcSteps")


@pytest.mark.parametrize("mode, pipeline, failed", [
    ("autocommit=on", WHOLE_BATCH, "22012 25P02, then 1"),
    ("autocommit=off", WHOLE_BATCH, "22012 25P02, then 1"),
    ("autocommit=on,preferQueryMode=simple", SEPARATE_BATCH,
     "22012 25P02, then 1"),
    ("autocommit=off,preferQueryMode=simple", WHOLE_BATCH,
     "22012 25P02, then 1"),
    ("autocommit=on,preferQueryMode=extendedForPrepared", SEPARATE_BATCH,
     "22012 25P02, then 1"),
    ("autocommit=on,preferQueryMode=extendedCacheEverything", WHOLE_BATCH,
     "22012 25P02, then 1"),
    ("autocommit=off,preferQueryMode=extendedCacheEverything", WHOLE_BATCH,
     "22012 25P02, then 1"),
    ("autocommit=off,autosave=always", WHOLE_BATCH, "22012, then 1"),
    ("autocommit=off,autosave=conservative", WHOLE_BATCH,
     "22012 25P02, then 1"),
    ("autocommit=off,autosave=always,preferQueryMode=simple", WHOLE_BATCH,
     "22012, then 1"),
])
def test_jdbc(bench, entry, jdbc_client, mode, pipeline, failed):
    driver = Driver(client="pgjdbc", command=jdbc_client, mode=mode,
                    steps=all_but(),
                    expected={"pipeline": pipeline, "failed": failed})
    steps.check(bench, driver, entry, harm=mode == "autocommit=on")
