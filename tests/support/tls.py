"""Throw-away certificates and TLS contexts: one to trust, and one for each reason not to."""

import ssl
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

_HOSTS = ("localhost", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class TLS:
    """Server contexts for `FaultServer(tls=...)`, and the one authority that clients are to trust.

    ``good`` is signed by it for localhost and 127.0.0.1; so are ``expired``, ``not_yet_valid`` and
    ``wrong_host``, each with its one flaw. ``untrusted`` is good but of another authority. ``tls11`` speaks at
    most TLS 1.1 with the good certificate; it needs an OpenSSL that still can.
    """

    ca_file: Path
    good: ssl.SSLContext
    untrusted: ssl.SSLContext
    expired: ssl.SSLContext
    not_yet_valid: ssl.SSLContext
    wrong_host: ssl.SSLContext
    tls11: ssl.SSLContext

    def client_context(self) -> ssl.SSLContext:
        """A client's default context that trusts the authority."""
        return ssl.create_default_context(cafile=self.ca_file)


def make_tls(folder: Path) -> TLS:
    """Make everything anew; only the authority's certificate is written, into ``folder``, and no key."""
    authority, stranger = trustme.CA(), trustme.CA()
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(ca_file)
    now, day = datetime.now(UTC), timedelta(days=1)
    good = authority.issue_cert(*_HOSTS)
    return TLS(
        ca_file=ca_file,
        good=_context(good),
        untrusted=_context(stranger.issue_cert(*_HOSTS)),
        expired=_context(authority.issue_cert(*_HOSTS, not_before=now - 2 * day, not_after=now - day)),
        not_yet_valid=_context(authority.issue_cert(*_HOSTS, not_before=now + day, not_after=now + 2 * day)),
        wrong_host=_context(authority.issue_cert("elsewhere.example")),
        tls11=at_most_tls11(_context(good)),
    )


def _context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    return context


def at_most_tls11(context: ssl.SSLContext) -> ssl.SSLContext:
    """Make a context old, whichever side it is for: TLS 1.0 and 1.1 only, with the weak ciphers they need."""
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():  # setting them is deprecated, which is the point
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context
