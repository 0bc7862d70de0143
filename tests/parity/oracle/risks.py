"""Which of nDPI's risks a TLS handshake decides, by the values that the record has of it (tls.py says whether they are right)."""
from .assigned import microseconds

SECOND, DAY = 10**6, 86400 * 10**6
# Public certificates may be valid for 398 days since September 2020 (CA/Browser Forum, Ballot SC31).
LIMITED_SINCE, LONGEST = 1598918400 * SECOND, 398 * DAY
SOON = 30 * DAY


def decided(record):
    """{risk: whether the flow has it}, those that can be told."""
    made = {}
    first, last = (microseconds(record[f"bidirectional_{which}_seen"]) // SECOND * SECOND for which in ("first", "last"))
    begin, end = (record[name] and microseconds(record[name]) for name in ("tls_not_before", "tls_not_after"))
    if begin is not None and end is not None:
        made["tls_cert_validity_too_long"] = begin > LIMITED_SINCE and end - begin > LONGEST
        expired, soon = ([time < begin or time > end for time in (first, last)], [begin < time and end - SOON < time <= end for time in (first, last)])
        if expired[0] == expired[1]:  # else it depends on when the certificate came
            made["tls_certificate_expired"] = expired[0]
        if soon[0] == soon[1]:
            made["tls_certificate_about_to_expire"] = soon[0]
    if record["tls_issuer"] and record["tls_subject"] and len(record["tls_issuer"]) < 255:
        made["tls_selfsigned_certificate"] = record["tls_issuer"] == record["tls_subject"]
    return made
