"""A server where the role's name says how it must authenticate.

PostgreSQL believes the root's client certificates and knows what it revoked.
"""

from cluster import Cluster
from clients import PASSWORD
from pki import shared as shared_pki

METHODS = {
    "trust": "host all m_trust all trust",
    "password": "host all m_password all password",
    "md5": "host all m_md5 all md5",
    "scram": "host all m_scram all scram-sha-256",
    "cert": "hostssl all m_cert all cert",
    # For no role of the matrix: as scram, and only where there is TLS, or
    # only where there is none.
    "tls_only": "hostssl all m_tls_only all scram-sha-256",
    "clear_only": "hostnossl all m_clear_only all scram-sha-256",
}


def role(method):
    return f"m_{method}"


class RoleCluster(Cluster):
    """Without TLS there is nothing for a few of the methods to match."""

    def __init__(self, pg_bin=None, certificate=None, encrypted=True,
                 **settings):
        own = {"certificate": certificate or shared_pki().server,
               "ca": shared_pki().root.file} if encrypted else {}
        super().__init__(pg_bin, settings, **own)

    def start(self):
        super().start()
        with self.connect() as admin:
            for method in METHODS:
                stored = "md5" if method == "md5" else "scram-sha-256"
                admin.execute(f"set password_encryption = '{stored}'")
                admin.execute(f"create role {role(method)} login superuser "
                              f"password '{PASSWORD}'")
            with open(f"{self.data}/pg_hba.conf", "w",
                      encoding="ascii") as hba:
                hba.write("\n".join(["local all all trust",
                                     "host all postgres all trust",
                                     *METHODS.values(),
                                     f"host replication {role('scram')} all "
                                     "scram-sha-256"
                                     ]) + "\n")
            admin.execute("select pg_reload_conf()")
        return self

    def verifiers(self, *methods):
        """The lines of an auth_file for these roles."""
        with self.connect() as admin:
            rows = admin.execute(
                "select rolname, rolpassword from pg_authid "
                "where rolname = any(%s)",
                [[role(method) for method in methods]]).fetchall()
        return "".join(f'"{name}" "{stored}"\n' for name, stored in rows)
