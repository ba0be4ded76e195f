"""The manifests of conf/kubernetes and the compose file, run as processes.

There is no kubelet and no container engine: kubelet.py does what these would.
"""
import re
import signal
import time
import urllib.request

import psycopg
import pytest

from kubelet import ROOT, Compose, Pod
from wire import HANG_BOUND_S

pytestmark = [pytest.mark.needs_lockstep,
              pytest.mark.clear_only("the manifests have no certificates")]

KUBERNETES = ROOT / "conf/kubernetes"


def manifest(name):
    return (KUBERNETES / name).read_text()


@pytest.fixture(scope="module")
def shop(cluster):
    """The roles and databases that the files speak of."""
    with cluster.connect() as admin:
        for role in ("shop", "lockstep"):
            admin.execute(f"create role {role} login superuser")
            admin.execute(f"create database {role} owner {role}")
    return cluster


def connect(port, database="shop", user="shop"):
    return psycopg.connect(host="127.0.0.1", port=port, user=user,
                           dbname=database, autocommit=True)


@pytest.fixture
def tables(shop):
    """Those that the migration drops, or changes."""
    with connect(shop.port) as admin:
        admin.execute("drop table if exists order_notes, orders, coupons")
        admin.execute("create table coupons (id int primary key)")
        admin.execute("create table orders (id int primary key,"
                      " coupon_id int references coupons)")
        yield admin


def exists(admin, table):
    return admin.execute("select to_regclass(%s)",
                         (table,)).fetchone() != (None,)


def wait_until(is_so, process_log):
    deadline = time.monotonic() + HANG_BOUND_S
    while not is_so():
        assert time.monotonic() < deadline, process_log()
        time.sleep(0.02)


def job(cluster, more="", addition=""):
    return Pod(cluster, manifest("migration-job.yaml"), "Job",
               f"{manifest('sidecar.yaml')}\n---\n{more}", addition)


# -- a migration that ends --------------------------------------------------

def test_job_is_complete_when_its_migration_is(shop, tables):
    with job(shop) as pod:
        pod.start()
        assert pod.complete(HANG_BOUND_S) == ([0], [0]), pod.place.log()
        assert "guarded statement" in pod.place.log()
    assert not exists(tables, "coupons")


def test_job_waits_for_a_transaction_that_is_in_its_way(shop, tables):
    with connect(shop.port) as other, job(shop) as pod:
        other.execute("begin")
        other.execute("select from orders")
        pod.start()
        wait_until(lambda: "statement is held" in pod.place.log(),
                   pod.place.log)
        other.execute("commit")
        assert pod.complete(HANG_BOUND_S) == ([0], [0]), pod.place.log()
    assert not exists(tables, "coupons")


def test_job_fails_by_its_migration_alone(shop, tables):
    tables.execute("drop table coupons, orders")
    with job(shop) as pod:
        pod.start()
        assert pod.complete(HANG_BOUND_S) == ([3], [0]), pod.place.log()


def test_job_does_not_begin_before_its_proxy_serves(shop):
    with job(shop) as pod:
        sidecar = pod.sidecars[0]
        assert not sidecar.probe("startupProbe")
        sidecar.start()
        sidecar.wait_for_startup()
        connect(pod.place.port).close()
        assert sidecar.stop(pod.grace_s) == 0
        assert not sidecar.probe("startupProbe")


# -- beside an application --------------------------------------------------

def metric(container, pattern):
    """What the pattern's group matches in its /metrics."""
    port = next(port["containerPort"] for port in container.spec["ports"]
                if port["name"] == "http")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics",
                                timeout=HANG_BOUND_S) as answer:
        return re.search(pattern, answer.read().decode(), re.M)[1]


def test_sidecar_outlives_its_application(shop):
    with Pod(shop, manifest("sidecar.yaml"), "Deployment") as pod:
        pod.start()
        sidecar = pod.sidecars[0]
        assert sidecar.probe("livenessProbe")
        wait_until(lambda: sidecar.probe("readinessProbe"), pod.place.log)
        wait_until(lambda: metric(sidecar, r"^lockstep_logins_total (\d+)")
                   != "0", pod.place.log)
        assert pod.stop() == ([0], [0]), pod.place.log()
        assert not sidecar.probe("livenessProbe")


def test_sidecar_and_job_share_windows(shop, tables):
    """By what docs/deployment.md tells to add to both."""
    page = (ROOT / "docs/deployment.md").read_text()
    addition = re.search(r"```yaml\n(.*?)```", page, re.S)[1]
    secret = manifest("deployment.yaml")
    with Pod(shop, manifest("sidecar.yaml"), "Deployment", secret,
             addition) as beside, job(shop, secret, addition) as migration:
        for pod in (beside, migration):
            pod.start()
            wait_until(lambda: "windows are shared" in pod.place.log(),
                       pod.place.log)
        assert migration.complete(HANG_BOUND_S) == ([0], [0])
        assert beside.stop() == ([0], [0]), beside.place.log()


# -- one for all ------------------------------------------------------------

def test_deployment_drains_while_clients_come(shop):
    with Pod(shop, manifest("deployment.yaml"), "Deployment") as pod:
        pod.start()
        container = pod.containers[0]
        container.wait_for_startup()
        wait_until(lambda: container.probe("readinessProbe"), pod.place.log)
        with connect(pod.place.port):
            wait_until(lambda: metric(
                container, r'^lockstep_fleet_state{state="(\w+)"} 1')
                == "ready", pod.place.log)
        container.process.send_signal(signal.SIGTERM)
        wait_until(lambda: not container.probe("readinessProbe"),
                   pod.place.log)
        assert container.probe("livenessProbe")
        connect(pod.place.port).close()
        assert container.stop(pod.grace_s) == 0, pod.place.log()


@pytest.mark.parametrize("name", ["sidecar.yaml", "migration-job.yaml",
                                  "deployment.yaml"])
def test_grace_is_longer_than_draining(shop, name):
    """kubelet must not kill what still drains."""
    kind = "Job" if "job" in name else "Deployment"
    with Pod(shop, manifest(name), kind, manifest("sidecar.yaml")) as pod:
        (ours,) = [container for container
                   in (*pod.sidecars, *pod.containers) if container.ours]
        drain_s = sum(int(ours.environment.get(setting, default).rstrip("s"))
                      for setting, default in (
                          ("LOCKSTEP_MIN_DRAIN_TIME", "0s"),
                          ("LOCKSTEP_DRAIN_TIMEOUT", "25s")))
        assert drain_s < pod.grace_s


# -- compose ----------------------------------------------------------------

def test_compose_migrates_beside_its_application(shop, tables):
    tables.execute("drop table orders, coupons")
    text = (ROOT / "conf/compose.yaml").read_text().replace(
        "PGUSER: postgres", "PGUSER: shop")
    with Compose(shop, text) as compose:
        log = compose.place.log
        run = compose.containers
        run["lockstep"].start()
        wait_until(lambda: compose.healthy("lockstep"), log)
        run["schema"].start()
        assert run["schema"].wait(HANG_BOUND_S) == 0, log()
        run["application"].start()
        wait_until(lambda: tables.execute("select count(*) from orders"
                                          ).fetchone()[0] > 2, log)
        run["migration"].start()
        assert run["migration"].wait(HANG_BOUND_S) == 0, log()
        assert not exists(tables, "coupons")
        assert exists(tables, "orders")
        assert run["application"].stop(HANG_BOUND_S) == 0, log()
        assert run["lockstep"].stop(HANG_BOUND_S) == 0, log()
        assert not compose.healthy("lockstep")
