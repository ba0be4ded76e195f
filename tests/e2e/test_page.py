"""The page for people, as Chromium shows it, while real statements are held.

The pictures of docs/ are made here, with LOCKSTEP_RENEW=1.
"""
import contextlib
import os
import pathlib
import re
import socket
import time

import pytest
from selenium.webdriver.common.keys import Keys

import wire
from browser import Browser, watching
from cluster import free_port
from proxy import Lockstep
from scene import Asked, Holder
from test_history import BRIEF, Traffic, guarded, newest
from test_http import Served, until
from wire import Wire, errors, query

pytestmark = pytest.mark.needs_lockstep

DOCS = pathlib.Path(__file__).resolve().parents[2] / "docs"
TABLES = """
create table customers(id int primary key);
create table orders(id int primary key, customer int references customers);
create table lines(id int, of int references orders);
"""
DROP = "drop table lines, orders, customers"
WIDE, NARROW = (800, 1200), (360, 740)
MANY = 1000
SHOWN = 50
HOSTILE = ["<script>document.title='bad'</script>",
           "<img src=x onerror=document.title='bad'>",
           "line\nbreak\t\"quoted\" & ${name} \u202eback",
           "\u00e4\u4e16\U0001f512" * 7]


@pytest.fixture(scope="module")
def browser():
    with Browser() as browser:
        yield browser


@pytest.fixture
def served(cluster):
    with Served(cluster) as served:
        yield served


@pytest.fixture
def page(browser, served):
    """The page, in a light room and wide."""
    with opened(browser, served) as page:
        yield page


@contextlib.contextmanager
def opened(browser, served):
    browser.resize(*WIDE)
    browser.prefer("light")
    with watching(browser, url(served)) as page:
        page.until_text("#connection", "live")
        yield page


def url(served):
    return f"http://127.0.0.1:{served.http_port}/"


@pytest.fixture
def tables(admin):
    admin.execute(TABLES)


@contextlib.contextmanager
def held(served, cluster, database, admin):
    """A drop that a reader of one of its tables holds up: (holder, asked)."""
    with Holder(cluster, database, "select * from orders") as holder, \
            Wire(served, database, application_name="deploy") as session:
        asked = Asked(session, query(DROP))
        until(lambda: [entry for entry in guarded(served, limit=1)
                       if entry["in_the_way"] > 0])
        yield holder, asked


def released(holder, asked):
    holder.release()
    assert errors(asked.answer()) == []


def order_shown(page):
    """The names of the picture, as its numbers go."""
    rows = page.run(
        "return [...document.querySelectorAll('#picture .table')].map(g =>"
        " [g.querySelector('.number').textContent,"
        "  g.querySelector('text:not(.number)').textContent])")
    assert [number for number, _ in rows] == [
        str(i + 1) for i in range(len(rows))]
    return [name for _, name in rows]


# -- a statement that is held -----------------------------------------------

def test_a_drop_that_is_held_and_what_becomes_of_it(
        page, served, cluster, database, admin, tables):
    assert "No statement is held." in page.text("#held-none")
    assert page.value("document.title") == "Lockstep"
    with held(served, cluster, database, admin) as (holder, asked):
        pid = holder.session.pid
        shown = page.until_text("#held li", "DROP TABLE", DROP, f"pid {pid} ",
                                "in the way since", "idle in transaction")
        assert "deploy" in shown and database in shown
        assert (f"pid {pid} e2e_holder: idle in transaction, "
                "AccessShareLock on public.orders") in shown
        began = newest(served)["began"][11:19]
        assert f"held since {began} UTC" in shown
        assert f"pid {pid}" in page.text("#held-told")
        assert page.value("document.title") == "(1) Lockstep"
        page.until_text("#story-why", "in the way: pid", "e2e_holder")
        see_picture(page, served, pid)
        released(holder, asked)
    page.until("document.querySelectorAll('#held li').length === 0")
    page.until_text("#history li", "protected DROP TABLE", DROP, "deploy")
    page.until_text("#story-title", "protected")
    page.until_text("#story-why", "done: DROP TABLE")
    assert page.texts("#picture .warn") == []
    assert page.value("document.title") == "Lockstep"


def see_picture(page, served, pid):
    """The lock order, numbered; the keys; who holds what."""
    page.until_text("#picture .warn", f"AccessShareLock: pid {pid} e2e_holder")
    locks = guarded(served, limit=1)[0]["locks"]
    assert order_shown(page) == [lock["name"] for lock in locks]
    assert {lock["name"] for lock in locks} == {
        "public.customers", "public.orders", "public.lines"}
    assert {lock["mode"] for lock in locks} == {"AccessExclusiveLock"}
    named = {lock["name"]: [locks[i]["name"] for i in lock["behind"]]
             for lock in locks}
    assert named == {"public.lines": ["public.orders"],
                     "public.orders": ["public.customers"],
                     "public.customers": []}
    assert len(page.texts("#picture .reference")) == 2
    [taken] = page.run("return [...document.querySelectorAll('.taken')].map("
                       "box => box.parentElement.textContent)")
    assert "public.orders" in taken
    words = page.value("document.querySelector('#picture svg')"
                       ".getAttribute('aria-label')")
    assert "public.lines references public.orders" in words


def test_a_statement_that_is_refused(browser, cluster, database, admin,
                                     tables):
    with Served(cluster, hold_timeout="300ms") as served, \
            opened(browser, served) as page, \
            Holder(cluster, database, "select * from orders"), \
            Wire(served, database) as session:
        assert errors(session.query(DROP))[0]["C"] == "55P03"
        page.until_text("#history li", "timed-out 55P03", DROP)
        assert page.texts("#history .bad") == ["timed-out 55P03"]


def test_windows_on_the_time_line(browser, cluster, database, admin, tables):
    admin.execute("create table parent()")
    with Served(cluster, hold_timeout="3s") as served, \
            opened(browser, served) as page, \
            Traffic(cluster, database), Wire(served, database) as session:
        session.query("drop table parent, lines")
        assert newest(served)["windows"] >= 1
        page.until("document.querySelectorAll('#windows .window').length > 0")
        lane = page.until_text("#windows .lane", "DROP TABLE")
        assert f"{newest(served)['id']} " in lane
        assert "gate shut for" in lane and "held for" in lane
        assert re.search(r"\d+ windows? in the last 1 min: shut for",
                         page.text("#windows-told"))


# -- sessions -----------------------------------------------------------------

def sessions(page):
    """The texts of the list, in its order."""
    return page.texts("#sessions li")


def test_sessions_are_shown(page, served, cluster, database, admin, tables):
    with Wire(served, database, application_name="nightly") as idle, \
            Wire(served, database, application_name="report") as busy:
        page.until_text("#sessions-count", "2")
        page.until_text("#sessions li", "nightly", "idle", "user postgres",
                        f"database {database}", f"pid {idle.pid}",
                        "from 127.0.0.1 port", "connected for")
        busy.query("begin; select 1")
        page.until_text("#sessions li", "in a transaction",
                        "waits for its client", "report")
        assert "report" in sessions(page)[0]
        with held(served, cluster, database, admin) as (holder, asked):
            page.until_text("#sessions li", "is held by the guard", "deploy")
            busy.send(query("select pg_sleep(3600)"))
            page.until_text("#sessions li", "waits for the server", "report")
            # The one that has waited for longest stands first.
            assert "report" in sessions(page)[0]
            assert "deploy" in sessions(page)[1]
            assert "nightly" in sessions(page)[2]
            admin.execute("select pg_terminate_backend(%s)", (busy.pid,))
            released(holder, asked)
    page.until("document.querySelectorAll('#sessions li').length === 0")
    assert "Nobody is there." in page.text("#sessions-none")


def test_sessions_are_asked_for_while_they_are_shown(page):
    asked = "performance.getEntriesByName(new URL(" \
        f"'api/sessions?limit={SHOWN}', location).href).length"
    page.until(f"{asked} > 0")
    page.run("document.getElementById('sessions-box').open = false")
    page.until_text("#connection", "live")
    time.sleep(2)
    before = page.value(asked)
    time.sleep(3)
    assert page.value(asked) == before
    page.run("document.getElementById('sessions-box').open = true")
    page.until(f"{asked} > {before}")


# -- names that nobody should have -------------------------------------------

def test_hostile_names(page, served, cluster, database, admin):
    names = ['"' + name.replace('"', '""') + '"' for name in HOSTILE]
    for name in names:
        admin.execute(f"create table {name}(id int primary key)")
    with Holder(cluster, database, f"select * from {names[0]}") as holder, \
            Wire(served, database, application_name=HOSTILE[1]) as session:
        page.until_text("#sessions li", HOSTILE[1])
        asked = Asked(session, query("drop table " + ", ".join(names)))
        page.until_text("#held li", HOSTILE[0], HOSTILE[1],
                        "AccessShareLock on public.")
        page.until("document.querySelectorAll('#picture .table').length === "
                   f"{len(names)}")
        shown = order_shown(page)
        for part in ("<script>document.title", "<img src=x",
                     "line\\u000abreak", "\\u202eback", "\u00e4"):
            assert any(part in name for name in shown), (part, shown)
        assert page.value("document.querySelectorAll("
                          "'main script, main img').length") == 0
        page.resize(*NARROW)
        assert not is_wider_than_the_screen(page)
        released(holder, asked)
    page.until_text("#history li", HOSTILE[0], "protected")
    assert page.value("document.title") == "Lockstep"


def test_nothing_is_loaded_from_elsewhere(page, served):
    loaded = page.until("performance.getEntriesByType('resource')"
                        ".map(entry => entry.name)")
    assert all(name.startswith(url(served)) for name in loaded)
    # The policy forbids what a script of anybody else's would do.
    page.run("const s = document.createElement('script');"
             "s.textContent = 'document.title = 1'; document.body.append(s)")
    assert page.value("document.title") == "Lockstep"
    assert any("Content Security Policy" in line
               for line in page.complaints())


# -- the server goes and comes ------------------------------------------------

def test_the_server_goes_and_comes_again(browser, cluster, database):
    port = free_port()
    where = {"http_listen": f"127.0.0.1:{port}"}
    with Lockstep(cluster, where) as first:
        browser.resize(*WIDE)
        browser.open(f"http://127.0.0.1:{port}/")
        browser.until_text("#connection", "live")
        first.stop()
        browser.until_text("#connection", "does not answer since", "UTC")
        assert browser.value("document.body.className") == "stale"
    with Lockstep(cluster, where) as second:
        browser.until_text("#connection", "live")
        assert browser.value("document.body.className") == ""
        with Wire(second, database):
            browser.until_text("[data-name=connections]", "1 of ")
    browser.open("about:blank")


def test_it_asks_seldom_while_nobody_looks(page):
    asked = "performance.getEntriesByName(" \
        "new URL('api/status', location).href).length"
    hide = "Object.defineProperty(document, 'hidden', {value: %s," \
        "configurable: true}); document.dispatchEvent(" \
        "new Event('visibilitychange'))"
    page.run(hide % "true")
    page.run("performance.clearResourceTimings()")
    time.sleep(4)
    assert page.value(asked) <= 2  # the one that was under way, and the next
    before = page.value(asked)
    page.run(hide % "false")
    page.until(f"{asked} > {before} + 1")


# -- for all eyes and hands ---------------------------------------------------

CONTRAST = """
const light = color => {
	const [r, g, b] = color.match(/[\\d.]+/g).slice(0, 3).map(c => {
		c /= 255;
		return c <= .03928 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
	});
	return .2126 * r + .7152 * g + .0722 * b;
};
const behind = element => {
	const color = getComputedStyle(element).backgroundColor;
	return color !== "rgba(0, 0, 0, 0)" || !element.parentElement ?
		color : behind(element.parentElement);
};
return [...document.querySelectorAll(arguments[0])].filter(
	element => element.textContent && element.checkVisibility()).map(
	element => {
		const a = light(getComputedStyle(element).color);
		const b = light(behind(element));
		return [element.tagName + "." + element.className, (Math.max(a, b)
			+ .05) / (Math.min(a, b) + .05)];
	});
"""


def test_light_and_dark_can_be_read(
        page, served, cluster, database, admin, tables):
    backs = set()
    with held(served, cluster, database, admin) as (holder, asked):
        page.until_text("#held li", "in the way since")
        for scheme in "light", "dark":
            page.prefer(scheme)
            backs.add(page.value(
                "getComputedStyle(document.body).backgroundColor"))
            ratios = page.run(CONTRAST, "body, p, h1, h2, small, .bad, .good,"
                              " .warn, .aside, dt, dd, pre, code")
            assert len(ratios) > 20
            assert [at for at in ratios if at[1] < 4.5] == []
        released(holder, asked)
    assert len(backs) == 2


def is_wider_than_the_screen(page):
    return page.value("document.documentElement.scrollWidth > innerWidth")


def test_a_phone(page, served, cluster, database, admin, tables):
    page.resize(*NARROW)
    with held(served, cluster, database, admin) as (holder, asked):
        page.until_text("#held li", "in the way since")
        page.until_text("#picture .warn", "AccessShareLock")
        assert page.value("innerWidth") == NARROW[0]
        assert not is_wider_than_the_screen(page)
        released(holder, asked)
    page.until_text("#history li", "protected")
    assert not is_wider_than_the_screen(page)


def focused(page):
    return page.value("document.activeElement.dataset.id")


def test_by_keyboard_alone(page, served, database, admin, tables):
    with Wire(served, database) as session:
        for _ in range(3):
            assert errors(session.query(
                BRIEF.replace("child", "lines"))) == []
    ids = [str(entry["id"]) for entry in guarded(served)]
    page.until("document.querySelectorAll('#history li').length === 3")
    page.run("document.getElementById('filter').focus()")
    page.press(Keys.TAB)
    assert focused(page) == ids[0]
    page.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    assert focused(page) == ids[2]
    page.press(Keys.HOME)
    assert focused(page) == ids[0]
    page.press(Keys.ARROW_DOWN, Keys.ENTER)
    page.until_text("#story-title", f"Statement {ids[1]}:")
    page.until_text("#history [aria-selected=true]", f"id {ids[1]},")
    assert focused(page) == ids[1]
    assert outline(page) == "solid"


def outline(page):
    return page.value("getComputedStyle(document.activeElement).outlineStyle")


def test_sessions_by_keyboard(page, served, database):
    with Wire(served, database), Wire(served, database):
        page.until("document.querySelectorAll('#sessions li').length === 2")
        ids = page.run("return [...document.querySelectorAll('#sessions li')]"
                       ".map(li => li.dataset.id)")
        page.run("document.querySelector('#sessions-box summary').focus()")
        page.press(Keys.TAB)
        first = focused(page)
        assert first in ids
        page.press(Keys.END)
        assert focused(page) in ids
        page.press(Keys.HOME, Keys.ARROW_DOWN)
        assert focused(page) in ids and outline(page) == "solid"
        # There is nothing to be chosen.
        page.press(Keys.ENTER)
        assert page.value("wish.chosen") is None


# -- many ---------------------------------------------------------------------

def test_a_long_history_is_shown_in_part(page, served, cluster, database, admin,
                                         tables):
    text = BRIEF.replace("child", "lines")
    with Wire(served, database) as session:
        errors(session.query(text.replace("lines", "customers")))
        for _ in range(SHOWN + 20):
            errors(session.query(text))
    page.until(f"document.querySelectorAll('#history li').length === {SHOWN}")
    with held(served, cluster, database, admin) as (holder, asked):
        page.until("document.querySelectorAll('#held li').length === 1")
        page.open(url(served))
        page.until(f"seen.history.length === {SHOWN - 1}")
        page.until("!document.getElementById('older').hidden")
        released(holder, asked)
    page.run("document.getElementById('older').click()")
    page.until_text("#history-more", f"{SHOWN} of {SHOWN + 22} shown")
    page.run("document.getElementById('filter').focus()")
    page.press("no_such_key CUSTOMERS")
    page.until("document.querySelectorAll('#history li').length === 1")
    page.until_text("#history li", "alter table customers")


def test_a_thousand_sessions(browser, cluster):
    with contextlib.ExitStack() as stack:
        served = stack.enter_context(Served(
            cluster, max_connections=str(2 * MANY), login_timeout="5min"))
        page = stack.enter_context(opened(browser, served))
        for _ in range(MANY):
            stack.enter_context(socket.create_connection(
                (served.host, served.port), wire.HANG_BOUND_S))
        page.until_text("#states", "startup 1,000")
        page.until_text("[data-name=connections]", "1,000 of 2,000")
        assert page.value("document.querySelectorAll('*').length") < 1000
        page.until_text("#connection", "live")
        page.until_text("#sessions-count", "1,000")
        page.until_text("#sessions-more", f"{SHOWN} of 1,000 shown")
        assert page.value("document.querySelectorAll('#sessions li').length"
                          ) == SHOWN


# -- pictures -----------------------------------------------------------------

@pytest.mark.skipif(os.environ.get("LOCKSTEP_RENEW") != "1",
                    reason="LOCKSTEP_RENEW=1 makes the pictures anew")
def test_pictures(page, served, cluster, database, admin, tables):
    with Wire(served, database, application_name="flyway") as session:
        for text in ("drop index if exists lines_by_order",
                     BRIEF.replace("child", "orders")):
            errors(session.query(text))
    with held(served, cluster, database, admin) as (holder, asked):
        page.until_text("#picture .warn", "AccessShareLock")
        page.run("document.querySelector('details').open = false")
        time.sleep(8)
        page.shoot(DOCS / "page-light.png")
        page.prefer("dark")
        page.resize(*NARROW)
        time.sleep(2)
        page.shoot(DOCS / "page-phone.png")
        released(holder, asked)


def test_a_number_beyond_those_of_javascript_is_shown_whole(page):
    answer = '{"session": 9007199254740993}'
    assert page.value("JSON.parse(arguments[0], plain).session",
                      answer) == "9007199254740993"
