"""The erasure of one person, in an order in which a kill at any point is made good by the same command again."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from upath import UPath

from jobs import lock, night, runner
from jobs.errors import DataError
from jobs.known_names import ERASED_NAME
from jobs.person_names import name_length
from jobs.pseudonyms import keyed_token
from jobs.rights import export, opt_outs, outside, texts
from jobs.rights.aside import Aside, balance, feeds_of_persons
from jobs.rights.person import condition
from jobs.rights.plan import Plan, draw
from jobs.rights.stored import StoredTables, listed
from jobs.session import stop_server
from jobs.settings import Settings, read_settings
from jobs.table_logs import literal
from jobs.tables import TABLES, Kind, Table, nightly
from jobs.tables.landed import ERASED
from jobs.tables.persons import KEPT, MESSAGES, Who, holds_persons, names_in
from jobs.whole_files import put

FOLLOW_BY_LOGS = (Kind.WINDOW, Kind.DAILY, Kind.DERIVED)
"""Kinds that find out by themselves, from the logs of their inputs, what an erasure changed."""

NOT_REACHED = (
    "files of the landing root: they are their sources', which have to erase the person themselves",
    "backups of the lake and of the key",
    "files in the inbox that are no list: they stay there as they came, until somebody takes them away",
    "pairs of customers in conf (customer_identities: same, apart)",
    "copies that readers made, and lists that were handed out",
)


def erase(customer_id: str, run_id: str, say: Callable[[str], None]) -> UPath:
    """Erases the person from all that we keep; returns the report, which names nobody.

    Raises:
        DataError: nothing is held of such a customer, or something is left.
        LakeBusyError: a night is at work.
    """
    settings = read_settings()
    today = datetime.now(ZoneInfo(settings.time_zone)).date()
    if lock.take(settings, run_id, "process"):
        # Its server outlived it, and may still be committing what that had begun.
        stop_server(settings)
    try:
        return _Erasure(settings, customer_id, today, run_id, say).run()
    finally:
        night.close_night(run_id)


class _Erasure:
    """One run of the command."""

    def __init__(
        self, settings: Settings, customer_id: str, today: date, run_id: str, say: Callable[[str], None]
    ) -> None:
        self.settings, self.today, self.run_id, self.say = settings, today, run_id, say
        self.tables = StoredTables(settings.lake, {"run_id": run_id})
        self.customer_id = customer_id
        self.token = keyed_token(Who.CUSTOMER, customer_id, str(settings.key_file))

    def run(self) -> UPath:
        plan = draw(self.tables, self.settings, self.customer_id, self.token)
        # First of all, so that no night that comes between brings anything back.
        self._remember(plan)
        plan.barred = max(plan.barred, opt_outs.keep(self.tables, plan.person))
        plan.write()
        self._delete(plan)
        self._follow()
        self._forget_history(plan)
        stop_server(self.settings)
        pattern = outside.pattern_of(plan.traces)
        files = {
            "logs": outside.clean_logs(self.settings, pattern),
            "deliveries": outside.clean_deliveries(self.settings, pattern, plan.name_forms),
            "exports": outside.delete(export.file_of(self.settings, self.token)),
            "scratch_space_emptied": outside.empty_scratch(self.settings),
        }
        self._refuse_rest(plan)
        report = self._report(plan, files)
        plan.file.unlink()
        return report

    def _remember(self, plan: Plan) -> None:
        tokens = self._tokens(plan)
        where = f"token IN ({listed({token for _, token in tokens})})"
        stands = self.tables.select(ERASED, where)
        new = tokens.keys() - {(row["kind"], row["token"]) for row in stands}
        rows = [
            {"kind": kind, "token": token, "length": tokens[kind, token], "erased_on": self.today}
            for kind, token in sorted(new)
        ]
        if rows:
            self.tables.record(ERASED, [*stands, *rows], where)

    def _tokens(self, plan: Plan) -> dict[tuple[str, str], int | None]:
        """What remains, by kind and token; of names their length."""
        key = str(self.settings.key_file)
        tokens: dict[tuple[str, str], int | None] = {(Who.CUSTOMER.value, self.token): None}
        for who, things in plan.person.own.items():
            # Numbers are pseudonyms already.
            of_kind = things if who is Who.NUMBER else {keyed_token(who, each, key) for each in things}
            tokens |= {(who.value, token): None for token in of_kind}
        # Texts of others that mention the person must go on being redacted.
        names = {keyed_token(ERASED_NAME, form, key): name_length(form) for form in plan.name_forms}
        return tokens | {(Who.NAME.value, token): length for token, length in names.items()}

    def _delete(self, plan: Plan) -> None:
        country = self.settings.configuration.default_country
        aside = Aside(self.tables, plan.person, plan.clear, country)
        for feed in feeds_of_persons():
            aside.erase(feed)
        for table in TABLES.values():
            where = condition(table, plan.person)
            if where != "false" and self.tables.count(table, where):
                self.say(f"{table.name}: {self.tables.delete(table, where):,} rows deleted")
        for feed in feeds_of_persons():
            balance(self.tables, feed, plan.batches.get(feed.name, set()))
        texts.clean(self.tables, plan.traces, plan.name_forms)
        looked = f"customer_token = {literal(self.token)} AND reason IS NOT NULL"
        self.tables.change(TABLES["ops.pii_access"], looked, "reason", None)

    def _follow(self) -> None:
        """Facts become what a night makes of the rows that are left, day by day or caller by caller."""
        day = max(
            (row["ds"] for row in self.tables.records(TABLES["ops.nights"]) if row["passed_gate_at"]), default=None
        )
        for table in nightly():
            if day is not None and table.kind in FOLLOW_BY_LOGS:
                made = runner.run(table.name, [day], self.run_id, self.settings)
                self.say(f"{table.name}: {made.state}, {made.rows:,} rows")

    def _forget_history(self, plan: Plan) -> None:
        """Inputs before what is made of them, so that each can note the last version of its inputs."""
        order = [*nightly(), *(table for table in TABLES.values() if table.kind is Kind.RECORD)]
        for table in order:
            if not self.tables.exists(table):
                continue
            notes = self._notes(table, plan)
            if holds_persons(table) or table.name in KEPT or table.name in MESSAGES:
                self.tables.forget_history(table, notes)
            elif "inputs" in notes:
                self.tables.note_again(table, notes)
        self.say(f"{len(order)} tables without history")

    def _notes(self, table: Table, plan: Plan) -> dict[str, Any]:
        notes = self.tables.notes(table)
        inputs = {
            name: self.tables.version(TABLES[name])
            for name, version in notes.get("inputs", {}).items()
            # Who had not seen all of an input before the erasure cannot look it up any more, and makes all anew.
            if table.kind in FOLLOW_BY_LOGS or version >= plan.versions.get(name, version + 1)
        }
        return {**notes, "inputs": inputs} if "inputs" in notes else notes

    def _refuse_rest(self, plan: Plan) -> None:
        """The proof: no row, and no file or log entry besides those of the latest version."""
        left = []
        aside = Aside(self.tables, plan.person, plan.clear, self.settings.configuration.default_country)
        for table in TABLES.values():
            if not self.tables.exists(table) or not holds_persons(table):
                continue
            where = condition(table, plan.person)
            if self.tables.superfluous(table) or (names_in(table) and self.tables.count(table, where)):
                left.append(table.name)
        left += [f"quarantine.{feed.name}" for feed in feeds_of_persons() if any(aside.rows(feed))]
        if left:
            raise DataError(
                "erase: something is left",
                expected="no row, file or log entry of the person",
                found=f"some in {', '.join(sorted(set(left)))}",
                todo="make sure that nothing else writes to the lake, and run the same command again",
            )

    def _report(self, plan: Plan, files: dict[str, Any]) -> UPath:
        finished = datetime.now(UTC)
        content = {
            "what": "proof of an erasure; it names nobody: the token is a keyed pseudonym of the customer_id",
            "customer_token": self.token,
            "finished_at": finished.isoformat(timespec="seconds"),
            "rows_found": plan.found,
            "rows_left": dict.fromkeys(plan.found, 0),
            "tables_without_history": sorted(
                table.name for table in TABLES.values() if holds_persons(table) and self.tables.exists(table)
            ),
            "files_cleaned": files,
            "numbers_kept_on_do_not_call": plan.barred,
            "numbers_shared_with_others_that_stay": len(plan.person.shared_numbers),
            "keyed_tokens_kept": len(self._tokens(plan)),
            "not_reached": NOT_REACHED,
        }
        folder = UPath(self.settings.delivery, "rights")
        folder.mkdir(parents=True, exist_ok=True)
        report = folder / f"erasure-{self.token[:16]}-{finished:%Y%m%d-%H%M%S}.json"
        put(report, f"{json.dumps(content, indent=2)}\n".encode())
        return report
