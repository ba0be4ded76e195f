"""What a test run of an application lasts, of Django's and of Rails'.

Both are what Debian packages: python3-django, rails.  Whoever is not there is
left out.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import contestants
from cluster import Cluster

SOURCES = pathlib.Path(__file__).with_name("suites")
COMMANDS = {"django": [sys.executable, "manage.py", "test", "--noinput"],
            "rails": ["ruby", "suite.rb"]}
PROBES = {"django": [sys.executable, "-c", "import django, psycopg2"],
          "rails": ["ruby", "-e", "require 'active_record'; require 'pg'"]}
BOUND_S = 600


def run(command, folder, endpoint):
    environment = {
        **os.environ, "PYTHONDONTWRITEBYTECODE": "1",
        "DATABASE_HOST": endpoint.host, "DATABASE_PORT": str(endpoint.port),
        "DATABASE_URL": f"postgresql://postgres@{endpoint.host}:"
                        f"{endpoint.port}/rails"}
    begun = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, check=False,
                          timeout=BOUND_S, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
    return time.perf_counter() - begun


def is_there(name):
    try:
        return subprocess.run(PROBES[name], check=False,
                              capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


def rows(count):
    """By turns; the first round is to warm up."""
    with (tempfile.TemporaryDirectory(prefix="lsb") as folder,
          Cluster(settings={"log_statement": "none"}) as cluster,
          contestants.Lockstep(cluster) as lockstep,
          cluster.connect() as admin):
        for name in filter(is_there, COMMANDS):
            project = pathlib.Path(folder, name)
            shutil.copytree(SOURCES / name, project)
            for i in range(count + 1):
                for way, endpoint in (("direct", cluster),
                                      ("guarded", lockstep)):
                    admin.execute("drop database if exists rails")
                    admin.execute("create database rails")
                    seconds = run(COMMANDS[name], project, endpoint)
                    if i > 0:
                        yield {"suite": name, "way": way, "round": i,
                               "seconds": seconds}
