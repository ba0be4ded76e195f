"""Every way to encrypt each leg, with every way to authenticate.

Client sslmode x tls_mode x upstream sslmode x method: what must come of it is
computed by expected(), which knows four things.  A client of mode allow tries
in clear and then by TLS, one of mode prefer the other way round; so does
Lockstep on its leg.  tls_mode says what Lockstep's leg may be.  A server's
rule may want TLS.  And a SCRAM exchange is bound to one certificate, so it
cannot pass through where each leg shows another one.
"""

import itertools

import pytest

import pki
from clients import (Attempt, Jdbc, asyncpg_client, has_jdbc, psql_client,
                     psycopg_client)
from proxy import Lockstep
from tls_roles import METHODS, RoleCluster, role

MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
AUTHENTICATION = ["trust", "password", "md5", "scram", "scram-plus", "cert"]
MUST_ENCRYPT = ("require", "verify-ca", "verify-full")

needs_lockstep = pytest.mark.needs_lockstep
pytestmark = pytest.mark.clear_only("makes its own TLS")


# -- what must come of it ---------------------------------------------------

def attempts(sslmode):
    """How a connection is tried, as libpq has it."""
    return {"disable": ["clear"], "allow": ["clear", "tls"],
            "prefer": ["tls", "clear"]}.get(sslmode, ["tls"])


def server_leg(upstream, authentication):
    """clear, tls, or None where the server has no rule for it."""
    for leg in attempts(upstream):
        if leg == "tls" or authentication != "cert":
            return leg
    return None


def outcome(leg, upstream, authentication, binds, passes):
    """With the client's leg as it is.

    binds: the client does where it can; passes: "through", where SCRAM is
    between client and server, "same" if so and both legs show the same
    certificate, "ends" where Lockstep itself checks the client.
    """
    server = server_leg(upstream, authentication)
    if server is None:
        return "no rule"
    if authentication == "scram-plus":
        bound_to = "tls" if passes == "ends" else server
        if (leg, bound_to) != ("tls", "tls"):
            return "not bound"
    is_bound = authentication == "scram-plus" or (
        authentication == "scram" and binds)
    if is_bound and passes == "through" and leg == server == "tls":
        return "cannot bind"
    return f"{leg}>{server}"


def expected(sslmode, tls_mode, upstream, authentication, binds=True,
             passes="through", tells="last"):
    """tells: which of two refusals the client does."""
    refusals = []
    for leg in attempts(sslmode):
        if leg == "tls" and tls_mode == "disable":
            if sslmode in MUST_ENCRYPT:
                return "no TLS"
            leg = "clear"
        if leg == "clear" and tls_mode in MUST_ENCRYPT:
            found = "must encrypt"
        else:
            found = outcome(leg, upstream, authentication, binds, passes)
        # A client's own refusal ends it, a server's is tried around.
        if ">" in found or found == "not bound":
            return found
        refusals.append(found)
    return refusals[0 if tells == "first" else -1]


# -- what comes of it -------------------------------------------------------

@pytest.fixture(scope="module")
def role_cluster(request):
    with RoleCluster(request.config.getoption("--pg-bin")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def jdbc():
    with Jdbc() as jdbc:
        yield jdbc


def start(cluster, tls_mode, upstream, certificate, **settings):
    if tls_mode != "disable":
        settings.update(tls_cert=certificate.cert, tls_key=certificate.key,
                        tls_ca=pki.shared().root.file)
    # To the server Lockstep is m_cert; to itself, each client is who it is.
    own = pki.shared().client(role("cert"))
    options = {"sslmode": upstream, "sslcert": own.cert, "sslkey": own.key,
               "sslrootcert": pki.shared().root.file}
    return Lockstep(cluster, {"tls_mode": tls_mode, **settings}, options)


def attempt(endpoint, sslmode, authentication):
    method = authentication.removesuffix("-plus")
    return Attempt(endpoint, role(method), sslmode,
                   channel_binding="require" if method != authentication
                   else "", certificate=pki.shared().client(role(method)))


def assert_matrix(client, endpoint, cells, *leg, **how):
    """Each cell (sslmode, authentication) turns out as it must."""
    seen = {cell: client(attempt(endpoint, *cell)) for cell in cells}
    assert seen == {(sslmode, authentication):
                    expected(sslmode, *leg, authentication, **how)
                    for sslmode, authentication in cells}


ALL = list(itertools.product(MODES, AUTHENTICATION))
SCRAM = list(itertools.product(MODES, ["scram", "scram-plus"]))


def some(tls_mode, upstream):
    """Six cells of this proxy's: over all proxies, each pair of values."""
    shift = MODES.index(tls_mode) + MODES.index(upstream)
    return [(sslmode, AUTHENTICATION[(i + shift) % 6])
            for i, sslmode in enumerate(MODES)]


def unbound(cells):
    """For clients that know nothing of channel binding."""
    return [(sslmode, authentication.removesuffix("-plus"))
            for sslmode, authentication in cells]


@needs_lockstep
@pytest.mark.parametrize("upstream", MODES)
@pytest.mark.parametrize("tls_mode", MODES)
def test_authentication_passes_through(request, role_cluster, tls_mode,
                                       upstream):
    leg = tls_mode, upstream
    with start(role_cluster, *leg, pki.shared().lockstep) as lockstep:
        assert_matrix(psycopg_client, lockstep, ALL, *leg)
        assert_matrix(lambda it: psql_client(it, role_cluster.pg_bin),
                      lockstep, some(*leg), *leg)
        assert_matrix(asyncpg_client, lockstep, unbound(some(*leg)), *leg,
                      binds=False)
        if has_jdbc():
            assert_matrix(request.getfixturevalue("jdbc"), lockstep,
                          unbound(some(*leg)), *leg, binds=False,
                          tells="first")


FEW = [("allow", "disable"), ("prefer", "allow"), ("prefer", "verify-full"),
       ("require", "prefer"), ("verify-ca", "disable"),
       ("verify-full", "verify-full")]


@needs_lockstep
@pytest.mark.parametrize("leg", FEW, ids="/".join)
def test_with_the_servers_certificate_binding_passes(role_cluster, leg):
    with start(role_cluster, *leg, pki.shared().server) as lockstep:
        assert_matrix(psycopg_client, lockstep, SCRAM, *leg, passes="same")


@needs_lockstep
@pytest.mark.parametrize("leg", [("disable", "prefer"), *FEW], ids="/".join)
def test_with_auth_scram_binding_ends_at_lockstep(request, role_cluster, leg,
                                                  tmp_path):
    file = tmp_path / "auth_file"
    file.write_text(role_cluster.verifiers("scram"))
    file.chmod(0o600)
    with start(role_cluster, *leg, pki.shared().lockstep, auth="scram",
               auth_file=str(file)) as lockstep:
        assert_matrix(psycopg_client, lockstep, SCRAM, *leg, passes="ends")
        cells = list(itertools.product(MODES, ["scram"]))
        assert_matrix(asyncpg_client, lockstep, cells, *leg, binds=False,
                      passes="ends")
        if has_jdbc():
            assert_matrix(request.getfixturevalue("jdbc"), lockstep, cells,
                          *leg, binds=False, passes="ends", tells="first")


@needs_lockstep
@pytest.mark.parametrize("sslmode", MUST_ENCRYPT)
@pytest.mark.parametrize("upstream", ["disable", "require"])
def test_psql_comes_by_direct_tls(role_cluster, sslmode, upstream):
    """A psql of version 17 or later."""
    with role_cluster.connect() as admin:
        if admin.info.server_version < 170000:
            pytest.skip("this psql does not know sslnegotiation")
    with start(role_cluster, "require", upstream,
               pki.shared().server) as lockstep:
        seen = psql_client(attempt(lockstep, sslmode, "scram"),
                           role_cluster.pg_bin, {"sslnegotiation": "direct"})
        assert seen == outcome("tls", upstream, "scram", True, "same")


# -- the tests' own side ----------------------------------------------------

def straight(sslmode, authentication):
    """At a server that takes both; its certificate is its own."""
    for leg in attempts(sslmode):
        found = "no rule"
        if leg == "clear" and authentication == "cert":
            continue
        if leg == "clear" and authentication == "scram-plus":
            return "not bound"
        return f"{leg}>{leg}"
    return found


@pytest.mark.parametrize("name", ["psycopg", "psql", "asyncpg", "pgjdbc"])
def test_clients_at_the_server_itself(request, role_cluster, name):
    client = {"psycopg": lambda: psycopg_client,
              "psql": lambda: lambda it: psql_client(it, role_cluster.pg_bin),
              "asyncpg": lambda: asyncpg_client,
              "pgjdbc": lambda: request.getfixturevalue("jdbc")}[name]
    if name == "pgjdbc" and not has_jdbc():
        pytest.skip("no JVM here, or no pgjdbc")
    cells = ALL if name in ("psycopg", "psql") else unbound(ALL)
    client = client()
    assert {cell: client(attempt(role_cluster, *cell)) for cell in cells} == {
        cell: straight(*cell) for cell in cells}


def test_each_pair_of_values_is_among_the_cells_of_some():
    cells = [(tls_mode, upstream, *cell)
             for tls_mode, upstream in itertools.product(MODES, MODES)
             for cell in some(tls_mode, upstream)]
    for a, b in itertools.combinations(range(4), 2):
        assert len({(cell[a], cell[b]) for cell in cells}) == 36
    assert set(METHODS) >= {a.removesuffix("-plus") for a in AUTHENTICATION}
