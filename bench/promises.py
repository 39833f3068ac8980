"""What is promised of call lists, as SQL over the lake and the delivered files, by another reader than Spark.

The numbers stand here again, as docs/definitions.md has them: nothing that made the lists judges them.
"""

import csv
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pandas as pd
import yaml
from deltalake import DeltaTable

TABLES = {
    "candidates": "gold/call_candidates",
    "lists": "gold/call_lists",
    "results": "silver/contact_results",
    "calls": "silver/calls",
    "transactions": "silver/transactions",
    "people": "silver/customers_versions",
    "tickets": "silver/tickets_versions",
    "entries": "silver/do_not_call",
    "batches": "ops/batches",
    "returned": "ops/returned_lists",
    "scores": "gold/churn_scores",
    "contact_effects": "gold/contact_effects",
}
EXAMPLES = 3
LAW = Path("conf/jurisdictions.yaml")


class Finding(NamedTuple):
    """What a promise came to: how many rows were looked at, and those that break it."""

    promise: str
    looked_at: int
    breaks: Sequence[Any]

    @property
    def broken(self) -> int:
        """How many rows break it."""
        return len(self.breaks)

    @property
    def examples(self) -> list[str]:
        """Some of these, for a person."""
        return [str(row) for row in self.breaks[:EXAMPLES]]


class Lake:
    """Tables of a lake, and what was delivered of it, as DuckDB sees them."""

    def __init__(self, root: Path) -> None:
        self._db = duckdb.connect()
        self._db.execute("SET TimeZone = 'UTC'")
        for name, folder in TABLES.items():
            if DeltaTable.is_deltatable(str(root / folder)):
                self._db.register(name, DeltaTable(root / folder).to_pyarrow_dataset())

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        return self._db.execute(query).fetchall()

    def run(self, statement: str) -> None:
        """Runs a statement."""
        self._db.execute(statement)

    def add(self, name: str, rows: Iterable[Mapping[str, Any]], columns: str) -> None:
        """Rows as a table; `columns` is its DDL."""
        names = [column.split()[0] for column in columns.split(", ")]
        frame = pd.DataFrame([[row.get(each) for each in names] for row in rows], columns=names, dtype=object)
        self._db.register("_added", frame)
        casts = ", ".join(
            f"CAST({each} AS {kind}) AS {each}" for each, kind in (c.split() for c in columns.split(", "))
        )
        self._db.execute(f"CREATE TABLE {name} AS SELECT {casts} FROM _added")
        self._db.unregister("_added")

    def add_delivered(self, delivery: Path, days: Sequence[date]) -> None:
        """The rows of all delivered files as `delivered`, and what their manifests say as `manifests`."""
        rows, told = [], []
        for day in days:
            folder = delivery / str(day)
            manifest = json.loads((folder / "manifest.json").read_bytes())
            for file in sorted(folder.glob("*.csv")):
                content = file.read_bytes()
                read = list(csv.DictReader(content.decode("utf-8-sig").splitlines()))
                rows += [row | {"list_on": day, "campaign": file.stem, "phone": row["phone"] or None} for row in read]
                entry = manifest["files"][file.name]
                same = entry["rows"] == len(read) and entry["sha256"] == hashlib.sha256(content).hexdigest()
                told.append({"list_on": day, "campaign": file.stem, "is_true": same, **manifest["totals"][file.stem]})
        key = "list_on DATE, campaign VARCHAR"
        own = "customer_id VARCHAR, channel VARCHAR, phone VARCHAR, rank INTEGER, slot_start TIMESTAMP"
        self.add("delivered", rows, f"{key}, {own}")
        self.add(
            "manifests",
            told,
            f"{key}, is_true BOOLEAN, candidates BIGINT, listed BIGINT, holdout BIGINT, suppressed BIGINT",
        )

    def add_people(self, phones: Iterable[tuple[date, str, str]]) -> None:
        """As `phones` the number that the world gave each customer by the night before each list, in E.164."""
        rows = ({"list_on": list_on, "customer_id": who, "phone": phone} for list_on, who, phone in phones)
        self.add("phones", rows, "list_on DATE, customer_id VARCHAR, phone VARCHAR")

    def add_answers(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """As `answers` the results that were handed in."""
        self.add("answers", rows, "list_on DATE, campaign VARCHAR, customer_id VARCHAR, result VARCHAR")


def kept(lake: Lake, campaigns: Sequence[Any], audience: str, wide: Sequence[str]) -> list[Finding]:
    """What became of each promise; `wide` names the campaigns whose `audience` this is."""
    _prepare(lake, campaigns)
    found = []
    for promise, (looked_at, broken) in _promises(audience, wide).items():
        ((count,),) = lake.rows(f"SELECT count(*) FROM {looked_at}")
        found.append(Finding(promise, count, lake.rows(broken)))
    return found


def _prepare(lake: Lake, campaigns: Sequence[Any]) -> None:
    """What was known on the night before each list: who was taken, as whom, and all attempts up to then."""
    zones = yaml.safe_load(LAW.read_text())
    lake.add(
        "zones",
        [{"country": country, "zone": zone} for country, names in zones["time_zones"].items() for zone in names],
        "country VARCHAR, zone VARCHAR",
    )
    lake.add(
        "holidays",
        [{"country": country, "day": day} for country, days in zones["holidays"].items() for day in days],
        "country VARCHAR, day DATE",
    )
    lake.add(
        "quotas", [{"campaign": each.name, "quota": each.quota} for each in campaigns], "campaign VARCHAR, quota BIGINT"
    )
    for statement in _KNOWN.split(";"):
        if statement.strip():
            lake.run(statement)


_KNOWN = """
CREATE TABLE nights AS
    SELECT list_on, list_on - 1 AS night, CAST(list_on AS TIMESTAMPTZ) AS t,
        (SELECT max(ds) FROM batches b
         WHERE b.feed = 'contact_results' AND b.file NOT LIKE 'inbox/%' AND b.ds < list_on) AS results_until
    FROM (SELECT DISTINCT list_on FROM candidates);
CREATE TABLE known_people AS
    SELECT n.list_on, n.night, n.t, p.* FROM nights n JOIN people p
    ON p.known_on <= n.night AND (p.superseded_on IS NULL OR p.superseded_on > n.night);
CREATE TABLE taken AS
    SELECT c.list_on, c.campaign, c.customer_id, c.kind, c.channel, c.decision, c.slot_start_at, c.slot_end_at,
        p.night, p.t, p.phone_token, p.id_number_token, coalesce(p.country, 'CN') AS country, p.region, p.time_zone,
        p.marketing_consent, p.call_consent, p.sms_consent, p.profiling_objection, p.vulnerable, p.legal_hold,
        p.closed_on, date_trunc('quarter', c.list_on) AS season
    FROM candidates c LEFT JOIN known_people p USING (list_on, customer_id) WHERE c.decision <> 'suppressed';
CREATE TABLE known_results AS
    SELECT n.list_on AS for_list, r.* FROM nights n JOIN results r ON r.known_on <= n.night AND r.event_date <= n.night;
CREATE TABLE ledger AS
    WITH dialled AS (
        SELECT n.list_on AS for_list, c.customer_id, c.started_at, c.outcome FROM nights n JOIN calls c
        ON c.known_on <= n.night AND c.event_date <= n.night AND c.direction = 'outbound' AND c.customer_id IS NOT NULL
    )
    SELECT for_list AS list_on, customer_id, attempted_at AS tried_at, channel, campaign, result FROM known_results
    UNION ALL
    SELECT for_list, customer_id, started_at, 'call', NULL,
        CASE outcome WHEN 'answered' THEN 'reached' WHEN 'voicemail' THEN 'voicemail' ELSE 'no_answer' END
    FROM dialled d WHERE NOT EXISTS (
        SELECT 1 FROM known_results r
        WHERE r.for_list = d.for_list AND r.customer_id = d.customer_id AND r.channel = 'call'
            AND abs(epoch_us(r.attempted_at) - epoch_us(d.started_at)) <= 600000000)
    UNION ALL
    SELECT n.list_on, c.customer_id, c.slot_start_at, c.channel, c.campaign, 'shadow'
    FROM nights n JOIN candidates c ON c.list_on <= n.night AND c.decision = 'holdout'
    UNION ALL
    SELECT n.list_on, c.customer_id, c.slot_start_at, c.channel, c.campaign, 'pending'
    FROM nights n JOIN candidates c
    ON c.list_on <= n.night AND c.decision = 'listed' AND (n.results_until IS NULL OR c.list_on > n.results_until)
    WHERE NOT EXISTS (SELECT 1 FROM known_results r WHERE r.for_list = n.list_on AND r.list_on = c.list_on
        AND r.campaign = c.campaign AND r.customer_id = c.customer_id)
    AND NOT EXISTS (SELECT 1 FROM returned b
        WHERE b.ds <= n.night AND b.list_on = c.list_on AND b.campaign = c.campaign);
CREATE TABLE past AS
    SELECT t.*, l.tried_at, l.channel AS by_channel, l.campaign AS by_campaign, l.result,
        l.result NOT IN ('busy', 'no_answer') AS is_contact, epoch(t.t) - epoch(l.tried_at) AS before_seconds
    FROM taken t JOIN ledger l USING (list_on, customer_id) WHERE l.tried_at < t.t;
CREATE TABLE counts AS
    SELECT list_on, customer_id,
        count(*) FILTER (result NOT IN ('busy', 'no_answer') AND tried_at >= t - INTERVAL 24 HOUR) AS in_1d,
        count(*) FILTER (result NOT IN ('busy', 'no_answer') AND tried_at >= t - INTERVAL 168 HOUR) AS in_7d,
        count(*) FILTER (result NOT IN ('busy', 'no_answer') AND tried_at >= t - INTERVAL 720 HOUR) AS in_30d,
        count(*) FILTER (channel = 'call' AND result <> 'shadow' AND tried_at >= t - INTERVAL 24 HOUR) AS calls_1d
    FROM ledger JOIN nights USING (list_on) WHERE tried_at < t GROUP BY ALL;
CREATE TABLE barred AS
    WITH known AS (
        SELECT n.list_on, e.customer_id, coalesce(e.phone_token, p.phone_token) AS phone_token, e.channel
        FROM nights n JOIN entries e ON e.known_on <= n.night AND (e.expires_at IS NULL OR e.expires_at > n.t)
        LEFT JOIN known_people p ON p.list_on = n.list_on AND p.customer_id = e.customer_id
    )
    SELECT list_on, customer_id, channel FROM known WHERE customer_id IS NOT NULL
    UNION
    SELECT k.list_on, p.customer_id, k.channel FROM known k JOIN known_people p USING (list_on, phone_token);
CREATE TABLE barred_numbers AS
    SELECT DISTINCT r.for_list AS list_on, p.phone_token FROM known_results r JOIN people p
    ON p.customer_id = r.customer_id AND p.known_on <= r.event_date
        AND (p.superseded_on IS NULL OR p.superseded_on > r.event_date)
    WHERE r.result IN ('wrong_number', 'do_not_call') AND p.phone_token IS NOT NULL;
CREATE TABLE slots AS
    SELECT t.*, z.zone, timezone(z.zone, t.slot_start_at) AS begins, timezone(z.zone, t.slot_end_at) AS ends
    FROM taken t JOIN (
        SELECT customer_id, list_on, campaign, time_zone AS zone FROM taken WHERE time_zone IS NOT NULL
        UNION ALL
        SELECT customer_id, list_on, campaign, zone FROM taken JOIN zones USING (country) WHERE time_zone IS NULL
    ) z USING (customer_id, list_on, campaign);
CREATE TABLE abandoned AS
    WITH counted AS (
        SELECT n.list_on, r.campaign, count(*) FILTER (r.result = 'dropped') AS drops,
            count(*) FILTER (r.answered_by IS DISTINCT FROM 'machine' AND r.result IN (
                'reached', 'converted', 'refused', 'callback', 'wrong_number', 'do_not_call')) AS live,
            count(*) FILTER (r.answered_by = 'machine' OR (r.answered_by IS NULL AND r.result = 'voicemail')) AS machine
        FROM nights n JOIN known_results r ON r.for_list = n.list_on AND r.event_date > n.night - 30
        WHERE r.channel = 'call' AND r.campaign IS NOT NULL GROUP BY ALL
    ),
    adjusted AS (
        SELECT *, drops - CASE WHEN live + machine > 0 THEN machine / (live + machine) * drops ELSE 0 END AS lost
        FROM counted
    )
    SELECT list_on, campaign, lost / nullif(lost + live, 0) AS share FROM adjusted;
CREATE TABLE spared AS
    SELECT c.list_on, c.campaign, c.customer_id, c.channel, c.kind, c.reason, p.* EXCLUDE (list_on, customer_id)
    FROM candidates c JOIN known_people p USING (list_on, customer_id) WHERE c.decision = 'suppressed'
"""
KEY = "list_on, campaign, customer_id"
DAY = 86_400


def _promises(audience: str, wide: Sequence[str]) -> dict[str, tuple[str, str]]:
    """By promise the rows that it is about, and the query for those that break it."""
    return {**_of_decisions(audience, wide), **_of_files(), **_of_caps(), **_of_opt_outs(), **_of_days()}


def _of_decisions(audience: str, wide: Sequence[str]) -> dict[str, tuple[str, str]]:
    named = ", ".join(f"'{name}'" for name in wide)
    wanted = f"""(SELECT n.list_on, c.campaign, p.customer_id FROM nights n JOIN known_people p USING (list_on)
        CROSS JOIN (SELECT DISTINCT campaign FROM candidates WHERE campaign IN ({named})) c
        WHERE ({audience}) AND (p.closed_on IS NULL OR p.closed_on > n.night))"""
    return {
        "each candidate is decided once, with a reason unless listed by value": (
            "candidates",
            f"""SELECT {KEY} FROM candidates GROUP BY ALL HAVING count(*) > 1 UNION ALL SELECT {KEY} FROM candidates
            WHERE decision NOT IN ('listed', 'holdout', 'suppressed') OR (decision <> 'listed' AND reason IS NULL)
            OR (decision = 'listed') <> (rank IS NOT NULL)
            OR (decision <> 'suppressed') <> (slot_start_at IS NOT NULL)""",
        ),
        "the wide campaigns decide on every open customer of their audience": (
            wanted,
            f"""(SELECT {KEY} FROM candidates WHERE campaign IN ({named}) EXCEPT SELECT {KEY} FROM {wanted})
            UNION ALL (SELECT {KEY} FROM {wanted} EXCEPT SELECT {KEY} FROM candidates)""",
        ),
        "gold.call_lists is the listed candidates": (
            "lists",
            f"""SELECT {KEY} FROM (SELECT * FROM candidates WHERE decision = 'listed') c FULL JOIN lists l USING ({KEY})
            WHERE c.channel IS DISTINCT FROM l.channel OR c.rank IS DISTINCT FROM l.rank
                OR c.slot_start_at IS DISTINCT FROM l.slot_start_at""",
        ),
        "nobody is spared by a cap that was not reached": (
            "(SELECT 1 FROM spared WHERE reason = 'capped_all_channels')",
            f"""SELECT {KEY}, in_1d, in_7d, in_30d FROM spared LEFT JOIN counts USING (list_on, customer_id)
            WHERE reason = 'capped_all_channels' AND coalesce(in_1d, 0) < 1 AND coalesce(in_7d, 0) < 2
                AND coalesce(in_30d, 0) < 4 AND NOT (channel = 'call' AND coalesce(calls_1d, 0) >= 3)""",
        ),
        "nobody is spared for a refusal or protection that is none": (
            "(SELECT 1 FROM spared WHERE reason IN ('no_consent', 'protected', 'do_not_call'))",
            f"""SELECT {KEY}, reason FROM spared WHERE reason = 'no_consent'
                AND (kind <> 'marketing' OR (marketing_consent AND profiling_objection IS NOT TRUE))
                AND coalesce(CASE channel WHEN 'call' THEN call_consent WHEN 'sms' THEN sms_consent ELSE true END,
                    kind <> 'marketing')
            UNION ALL SELECT {KEY}, reason FROM spared s WHERE reason = 'protected' AND vulnerable IS NOT TRUE
                AND legal_hold IS NOT TRUE AND NOT EXISTS (SELECT 1 FROM tickets k WHERE k.customer_id = s.customer_id
                    AND k.known_on <= s.night AND k.category = 'complaint')
            UNION ALL SELECT {KEY}, reason FROM spared s WHERE reason = 'do_not_call'
                AND NOT EXISTS (SELECT 1 FROM barred b WHERE b.list_on = s.list_on AND b.customer_id = s.customer_id)
                AND NOT EXISTS (SELECT 1 FROM barred_numbers b
                    WHERE b.list_on = s.list_on AND b.phone_token = s.phone_token)
                AND NOT EXISTS (SELECT 1 FROM known_results r WHERE r.for_list = s.list_on
                    AND r.customer_id = s.customer_id AND r.result = 'do_not_call')""",
        ),
        "quotas are kept": (
            "(SELECT DISTINCT list_on, campaign FROM lists)",
            """SELECT list_on, campaign, count(*) FROM lists JOIN quotas USING (campaign)
            GROUP BY list_on, campaign, quota HAVING count(*) > quota""",
        ),
        "listed and held out are open customers": (
            "taken",
            f"SELECT {KEY} FROM taken WHERE t IS NULL OR closed_on <= night",
        ),
    }


def _of_files() -> dict[str, tuple[str, str]]:
    return {
        "delivered files hold the lists, row for row, at their hours": (
            "delivered",
            f"""SELECT {KEY} FROM delivered d FULL JOIN lists l USING ({KEY})
            WHERE d.rank IS DISTINCT FROM l.rank OR d.channel IS DISTINCT FROM l.channel
                OR timezone('UTC', d.slot_start) IS DISTINCT FROM l.slot_start_at""",
        ),
        "files have the customer's number for calls and text messages, else none": (
            "delivered",
            f"""SELECT {KEY}, d.channel FROM delivered d LEFT JOIN phones p USING (list_on, customer_id)
            WHERE d.phone IS DISTINCT FROM CASE WHEN d.channel IN ('call', 'sms') THEN p.phone END""",
        ),
        "manifests have the files' digests and the totals: listed + holdout + suppressed": (
            "manifests",
            """SELECT list_on, campaign FROM manifests m JOIN (
                SELECT list_on, campaign, count(*) AS n, count(*) FILTER (decision = 'listed') AS l,
                    count(*) FILTER (decision = 'holdout') AS h, count(*) FILTER (decision = 'suppressed') AS s
                FROM candidates GROUP BY ALL) c USING (list_on, campaign)
            WHERE NOT m.is_true OR m.candidates <> c.n OR m.listed <> c.l OR m.holdout <> c.h OR m.suppressed <> c.s
                OR m.candidates <> m.listed + m.holdout + m.suppressed""",
        ),
        "every result handed in is in silver, as it was told": (
            "answers",
            f"SELECT {KEY}, result FROM answers a ANTI JOIN results r USING ({KEY}, result)",
        ),
        "lists that came back are taken row for row: with a result, or not worked": (
            "returned",
            """SELECT ds, file FROM returned
            WHERE rows_refused > 0 OR rows_in <> rows_taken + rows_not_worked + rows_refused""",
        ),
    }


def _of_caps() -> dict[str, tuple[str, str]]:
    def at_most(count: int, condition: str) -> tuple[str, str]:
        """Nobody is taken of whom so many attempts meet the condition."""
        return "past", f"SELECT {KEY}, count(*) FROM past WHERE {condition} GROUP BY ALL HAVING count(*) >= {count}"

    def never(condition: str) -> tuple[str, str]:
        return "past", f"SELECT {KEY}, tried_at, result FROM past WHERE {condition}"

    same, week = "by_campaign = campaign", f"before_seconds <= {7 * DAY}"
    waits = "CASE result WHEN 'busy' THEN 30 WHEN 'no_answer' THEN 240 WHEN 'voicemail' THEN 1440 END"
    return {
        **{
            f"at most {most} contacts in {days} x 24 hours, whoever makes them": at_most(
                most, f"is_contact AND before_seconds <= {days * DAY}"
            )
            for days, most in {1: 1, 7: 2, 30: 4}.items()
        },
        "at most 3 attempts of a campaign in 7 days": at_most(3, f"{same} AND {week}"),
        "at most 2 attempts of a campaign to a number in 7 days": (
            "(SELECT 1 FROM taken WHERE channel IN ('call', 'sms'))",
            f"""SELECT t.list_on, t.campaign, t.customer_id, count(*) FROM taken t
            JOIN ledger l ON l.list_on = t.list_on AND l.campaign = t.campaign
            JOIN people p ON p.customer_id = l.customer_id AND p.phone_token = t.phone_token
            WHERE t.channel IN ('call', 'sms') AND l.channel IN ('call', 'sms')
                AND l.tried_at < t.t AND epoch(t.t) - epoch(l.tried_at) <= {7 * DAY}
                AND (p.known_on < CAST(l.tried_at AS DATE)
                    OR p.known_on = (SELECT min(f.known_on) FROM people f WHERE f.customer_id = p.customer_id))
                AND (p.superseded_on IS NULL OR p.superseded_on >= CAST(l.tried_at AS DATE))
            GROUP BY ALL HAVING count(*) >= 2""",
        ),
        "not again by a campaign within 30 days of being reached, won or held out": never(
            f"{same} AND result IN ('reached', 'converted', 'shadow') AND before_seconds <= {30 * DAY}"
        ),
        "not again by a campaign within 90 days of a refusal": never(
            f"{same} AND result = 'refused' AND before_seconds <= {90 * DAY}"
        ),
        "not before the wait after busy, no answer and voicemail is over": never(
            f"slot_start_at < tried_at + to_minutes({waits})"
        ),
        "Florida and Oklahoma: at most 3 calls in 24 hours": at_most(
            3,
            f"""channel = 'call' AND by_channel = 'call' AND result <> 'shadow' AND before_seconds <= {DAY}
            AND country = 'US' AND (region IS NULL OR region IN ('FL', 'OK', 'Florida', 'Oklahoma'))""",
        ),
        "United States: no calls of a campaign that gives up more than 3 %": (
            "(SELECT 1 FROM taken WHERE country = 'US' AND channel = 'call')",
            f"""SELECT {KEY}, share FROM taken JOIN abandoned USING (list_on, campaign)
            WHERE country = 'US' AND channel = 'call' AND share > 0.03""",
        ),
    }


def _of_opt_outs() -> dict[str, tuple[str, str]]:
    return {
        "nobody who must not be contacted, nor whoever shares the number": (
            "taken",
            f"""SELECT {KEY}, b.channel FROM taken t JOIN barred b USING (list_on, customer_id)
            WHERE b.channel IS NULL OR lower(b.channel) = t.channel""",
        ),
        "never again who said so, nor at that number, nor at a wrong one": (
            "taken",
            f"""SELECT {KEY} FROM taken t JOIN barred_numbers b USING (list_on, phone_token)
            WHERE t.channel IN ('call', 'sms')
            UNION ALL SELECT t.list_on, t.campaign, t.customer_id FROM taken t
            JOIN known_results r ON r.for_list = t.list_on AND r.customer_id = t.customer_id
            WHERE r.result = 'do_not_call'""",
        ),
        "consent for kind and channel: silence refuses marketing, a no refuses all": (
            "taken",
            f"""SELECT {KEY} FROM taken
            WHERE kind = 'marketing' AND (marketing_consent IS NOT TRUE OR profiling_objection
                OR (channel = 'call' AND call_consent IS NOT TRUE) OR (channel = 'sms' AND sms_consent IS NOT TRUE))
            OR (channel = 'call' AND call_consent = false) OR (channel = 'sms' AND sms_consent = false)""",
        ),
        "nobody vulnerable or on legal hold; open complaints only by duties": (
            "taken",
            f"""SELECT {KEY} FROM taken WHERE vulnerable OR legal_hold
            UNION ALL SELECT t.list_on, t.campaign, t.customer_id FROM taken t JOIN tickets k
                ON k.customer_id = t.customer_id AND k.known_on <= t.night
                AND (k.superseded_on IS NULL OR k.superseded_on > t.night)
            WHERE t.kind <> 'duty' AND k.category = 'complaint' AND k.opened_at < t.t
                AND (k.closed_at IS NULL OR k.closed_at >= t.t)""",
        ),
    }


def _of_days() -> dict[str, tuple[str, str]]:
    return {
        "between 09:00 and 20:00 where the customer lives, on no holiday": (
            "slots",
            f"""SELECT {KEY}, zone, begins FROM slots WHERE CAST(begins AS TIME) < TIME '09:00'
            OR CAST(ends AS TIME) > TIME '20:00' OR CAST(ends AS DATE) <> CAST(begins AS DATE)
            OR EXISTS (SELECT 1 FROM holidays h WHERE h.country = slots.country AND h.day = CAST(begins AS DATE))
            OR slot_start_at < t OR slot_end_at > t + INTERVAL 24 HOUR""",
        ),
        "each customer and person at most once a day": (
            "taken",
            """SELECT list_on, customer_id FROM taken GROUP BY ALL HAVING count(*) > 1
            UNION ALL SELECT list_on, id_number_token FROM taken WHERE id_number_token IS NOT NULL
            GROUP BY ALL HAVING count(*) > 1""",
        ),
        "each number at most once a day": (
            "taken",
            """SELECT list_on, phone_token FROM taken WHERE phone_token IS NOT NULL GROUP BY ALL HAVING count(*) > 1
            UNION ALL SELECT list_on, phone FROM delivered WHERE phone IS NOT NULL GROUP BY ALL HAVING count(*) > 1""",
        ),
        "who is held out is on no list of the campaign in the season": (
            "(SELECT 1 FROM taken WHERE decision = 'holdout')",
            """SELECT h.campaign, h.customer_id, h.list_on, l.list_on
            FROM taken h JOIN lists l USING (campaign, customer_id)
            WHERE h.decision = 'holdout' AND h.season = date_trunc('quarter', l.list_on)""",
        ),
        "who is held out is not worked by the campaign in the season": (
            "(SELECT 1 FROM taken WHERE decision = 'holdout')",
            """SELECT h.campaign, h.customer_id FROM taken h JOIN answers a USING (campaign, customer_id)
            WHERE h.decision = 'holdout' AND h.season = date_trunc('quarter', a.list_on)""",
        ),
        "duties hold nobody out": (
            "(SELECT 1 FROM candidates WHERE kind = 'duty')",
            f"SELECT {KEY} FROM candidates WHERE kind = 'duty' AND decision = 'holdout'",
        ),
    }
