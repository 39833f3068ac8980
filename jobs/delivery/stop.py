"""Opt-outs that came after a list was handed over: whom the holders of the list must leave alone."""

from collections.abc import Sequence
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from jobs.delivery.files import csv_bytes
from jobs.delivery.folder import AGAIN, headline_of, replace
from jobs.rights.stored import StoredTables
from jobs.settings import Settings
from jobs.tables import TABLES
from jobs.tables.outreach import ALL_CHANNELS, BARRED_CHANNEL, BARRING, NUMBERED

COLUMNS = ("customer_id", "campaign", "reason", "known_at")


def _refuses(consent: str) -> str:
    """SQL for: the customer (`c` now, `t` when the list was made) does not consent; silence refuses marketing alone.

    Silence counts where it came since, in the place of a yes.
    """
    return f"(NOT c.{consent} OR (l.kind = 'marketing' AND c.{consent} IS NULL AND t.{consent}))"


# What bars is what keeps from a list (jobs/gold/outreach/rules.py): an entry binds the customer whom it names and all
# who share the number, its own or else that customer's; what was said when a customer was tried binds the number that
# they had then. Whoever is on a list was not barred when it was made, so what bars now has come since.
_QUERY = f"""
WITH listed AS (
    SELECT campaign, channel, customer_id, coalesce(kind, 'marketing') AS kind
    FROM lists LEFT JOIN candidates USING (list_on, campaign, customer_id, channel)
    WHERE list_on = DATE '{{list_on}}'
),
numbers AS (
    SELECT customer_id, phone_token FROM versions WHERE superseded_on IS NULL OR superseded_on >= DATE '{{list_on}}'
    UNION SELECT customer_id, phone_token FROM customers
),
dialled AS (
    SELECT *, min(known_on) OVER (PARTITION BY customer_id) AS first_known_on FROM versions
),
entries AS (
    SELECT e.customer_id, coalesce(e.phone_token, c.phone_token) AS phone_token, {BARRED_CHANNEL} AS channel, e.known_on
    FROM do_not_call e LEFT JOIN customers c USING (customer_id)
    WHERE e.expires_at IS NULL OR e.expires_at > TIMESTAMPTZ '{{start_at}}'
),
said AS (
    SELECT r.customer_id, v.phone_token, r.result, r.known_on
    FROM results r LEFT JOIN dialled v ON v.customer_id = r.customer_id
        AND (v.known_on < r.event_date OR v.known_on = v.first_known_on)
        AND (v.superseded_on IS NULL OR v.superseded_on >= r.event_date)
    WHERE r.result IN {BARRING}
),
bound AS (
    SELECT customer_id, channel, 'do_not_call' AS reason, known_on FROM entries
    UNION ALL
    SELECT n.customer_id, e.channel, 'do_not_call', e.known_on FROM entries e JOIN numbers n USING (phone_token)
    UNION ALL
    SELECT customer_id, '{ALL_CHANNELS}', result, known_on FROM said WHERE result = 'do_not_call'
    UNION ALL
    SELECT n.customer_id, unnest({[*NUMBERED]}), s.result, s.known_on FROM said s JOIN numbers n USING (phone_token)
),
known_then AS (
    SELECT * FROM versions
    WHERE known_on < DATE '{{list_on}}' AND (superseded_on IS NULL OR superseded_on >= DATE '{{list_on}}')
),
stops AS (
    SELECT l.customer_id, l.campaign, b.reason, b.known_on
    FROM listed l JOIN bound b ON l.customer_id = b.customer_id AND b.channel IN (l.channel, '{ALL_CHANNELS}')
    UNION ALL
    SELECT l.customer_id, l.campaign, 'no_consent', c.ds
    FROM listed l JOIN customers c USING (customer_id) LEFT JOIN known_then t USING (customer_id)
    WHERE (l.kind = 'marketing' AND ({_refuses("marketing_consent")} OR c.profiling_objection))
        OR (l.channel = 'call' AND {_refuses("call_consent")}) OR (l.channel = 'sms' AND {_refuses("sms_consent")})
)
SELECT customer_id, campaign, reason, known_on AS known_at FROM stops
QUALIFY row_number() OVER (PARTITION BY customer_id, campaign ORDER BY reason, known_on) = 1
ORDER BY customer_id, campaign
"""


def write(tables: StoredTables, root: Path, days: Sequence[date], settings: Settings) -> dict[Path, int]:
    """Writes `stop/<day>.csv` for each of these days of lists with somebody to leave alone, now or when it was written.

    Returns the files that came or changed, with their rows.
    """
    written = {}
    for list_on in days:
        start_at = datetime.combine(list_on, time(), ZoneInfo(settings.time_zone)).isoformat()
        stops = tables.ask(
            _QUERY.format(list_on=list_on, start_at=start_at),
            lists=TABLES["gold.call_lists"],
            candidates=TABLES["gold.call_candidates"],
            customers=TABLES["silver.customers"],
            versions=TABLES["silver.customers_versions"],
            do_not_call=TABLES["silver.do_not_call"],
            results=TABLES["silver.contact_results"],
        )
        file = file_of(root, list_on)
        content = csv_bytes(COLUMNS, stops, settings.configuration.delivery.csv_bom)
        is_news = file.read_bytes() != content if file.exists() else bool(stops)
        if is_news:
            replace(file, content, headline_of(list_on), AGAIN)
            written[file] = len(stops)
    return written


def file_of(root: Path, list_on: date) -> Path:
    """Where the opt-outs that came after the lists of a day are told."""
    return root / "stop" / f"{list_on}.csv"
