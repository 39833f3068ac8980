"""Hands the lists of a day over: once, whole, and frozen from then on."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from pathlib import Path

from jobs.delivery import files, lists, mail, records, sftp, stop, taken
from jobs.delivery.errors import DestinationError
from jobs.delivery.folder import DayFolder, left_behind, root_of
from jobs.delivery.records import FOLDER, Parcel
from jobs.delivery_settings import Delivery
from jobs.errors import DataError
from jobs.rights.stored import StoredTables
from jobs.settings import Settings

Send = Callable[[Path], list[str]]
"""Brings a folder to a destination; returns warnings."""


@dataclass
class Delivered:
    """What a delivery came to."""

    list_on: date
    folder: Path
    parcel: Parcel | None = None
    is_new: bool = False
    sent: list[tuple[str, date]] = field(default_factory=list)
    stops: dict[Path, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """For a person who waits."""
        if self.parcel is None:
            told = [f"lists for {self.list_on}: none, so there is nothing to hand over"]
        else:
            state = "delivered" if self.is_new else "delivered before, unchanged"
            told = [f"lists for {self.list_on}: {state}; {self.parcel.rows:,} contacts, {self.parcel.files} files"]
            told.append(f"  {self.folder}")
        told += [f"  {destination} has the lists for {day}" for destination, day in self.sent]
        return told + [f"  {file}: {rows:,} to leave alone" for file, rows in self.stops.items()]


def deliver(
    tables: StoredTables, list_on: date, settings: Settings, today: date | None = None, sends: bool = True
) -> Delivered:
    """Delivers the lists of a day to the folder, opt-outs beside it, and both to the destinations of conf.

    In this order, so that a kill at any point ends in one delivery: the folder is prepared out of sight, ops.deliveries
    says that it counts, it appears. What appeared is never written again. Destinations have no say in that: whoever
    fails is a warning, and gets what it lacks from the next run, as long as the day is not before `today`.

    Raises:
        DataError: the disk is full, the folder cannot be written or holds what is not ours.
    """
    root = root_of(settings)
    day = DayFolder(root, list_on)
    done = Delivered(list_on, day.path)
    before = records.delivered(tables, FOLDER)
    done.is_new = list_on in _end_killed(root, before)
    if list_on in before:
        _again(tables, day, before[list_on], done, settings)
    else:
        _first(tables, day, done, settings)
    if done.parcel is not None:
        taken.open_inbox(root)
    handed_over = records.delivered(tables, FOLDER)
    oldest = list_on - timedelta(days=settings.configuration.delivery.stop_days - 1)
    in_use = [each for each in sorted(handed_over) if oldest <= each <= list_on]
    done.stops = stop.write(tables, root, in_use, settings)
    if sends:
        due = _due(list_on, handed_over, today)
        _send(tables, [(DayFolder(root, each), handed_over[each]) for each in due], done, settings)
        _send_stops(tables, root, in_use, done, settings)
    return done


def _end_killed(root: Path, before: dict[date, Parcel]) -> list[date]:
    """Lets appear what counts already, and removes what does not; returns the days that appeared."""
    appeared = []
    for day in left_behind(root):
        parcel = before.get(day.list_on)
        if parcel and not day.exists() and day.is_prepared(parcel.manifest_sha256):
            day.publish(parcel.manifest_sha256)
            appeared.append(day.list_on)
        day.clear()
    return appeared


def _due(list_on: date, handed_over: dict[date, Parcel], today: date | None) -> list[date]:
    """The day at hand, unless a newer one was handed over before, and all days that have not passed."""
    newest = max(handed_over, default=None)
    return [each for each in sorted(handed_over) if each == list_on == newest or (today and each >= today)]


def _first(tables: StoredTables, day: DayFolder, done: Delivered, settings: Settings) -> None:
    lists.demand_agreement(tables, day.list_on)
    made = lists.of_day(tables, day.list_on, settings)
    if not made:
        return
    content = files.files_of(made, settings)
    done.warnings += _unreachable(made)
    done.parcel = _parcel(made, content)
    if day.exists():
        # The lake has forgotten a delivery, such as one that was deleted and made again.
        if not day.holds(content):
            raise DataError(
                f"delivery {day.list_on}: the folder is there, and ops.deliveries does not know it",
                expected=f"no {day.path}, or one with the lists of this lake",
                found="other files",
                todo="move it away, or keep it and leave this night as it is, and run make deliver again",
            )
        records.note(tables, FOLDER, done.parcel)
        return
    day.prepare(content)
    records.note(tables, FOLDER, done.parcel)
    day.publish(done.parcel.manifest_sha256)
    done.is_new = True


def _again(tables: StoredTables, day: DayFolder, parcel: Parcel, done: Delivered, settings: Settings) -> None:
    """What was delivered stays; what is gone from the folder appears as it was, or not at all."""
    done.parcel = parcel
    if day.exists():
        changed = day.changed(parcel.manifest_sha256)
        if changed:
            done.warnings.append(f"delivery {day.list_on}: changed in the folder since delivered: {', '.join(changed)}")
        return
    content = files.files_of(lists.of_day(tables, day.list_on, settings), settings)
    if files.digest(content[files.MANIFEST]) != parcel.manifest_sha256:
        done.warnings.append(
            f"delivery {day.list_on}: the folder is gone, and its lists cannot be made as they were delivered"
        )
        return
    day.prepare(content)
    day.publish(parcel.manifest_sha256)
    done.is_new = True


def _parcel(made: lists.Lists, content: dict[str, bytes]) -> Parcel:
    rows = sum(len(rows) for rows in made.rows.values())
    return Parcel(made.list_on, len(content) - 1, rows, files.digest(content[files.MANIFEST]))


def _unreachable(made: lists.Lists) -> Iterable[str]:
    return [
        f"delivery {made.list_on}: {n:,} contacts of {campaign} have no telephone number in the vault"
        for campaign, n in made.unreachable.items()
    ]


def _send(tables: StoredTables, days: list[tuple[DayFolder, Parcel]], done: Delivered, settings: Settings) -> None:
    for destination, send in _destinations(settings.configuration.delivery).items():
        has = records.delivered(tables, destination)
        for day, parcel in days:
            if day.list_on in has:
                continue
            if not day.exists() or day.changed(parcel.manifest_sha256):
                done.warnings.append(
                    f"delivery {day.list_on} to {destination}: not sent, the folder is not as delivered"
                )
                continue
            try:
                done.warnings += [f"delivery {day.list_on} to {destination}: {warning}" for warning in send(day.path)]
            except DestinationError as error:
                done.warnings.append(f"delivery {day.list_on} to {destination}: {error}")
                continue
            records.note(tables, destination, parcel)
            done.sent.append((destination, day.list_on))


def _destinations(conf: Delivery) -> dict[str, Send]:
    found: dict[str, Send] = {}
    if conf.sftp is not None:
        found["sftp"] = partial(sftp.send, server=conf.sftp)
    if conf.smtp is not None:
        found["smtp"] = partial(mail.send, server=conf.smtp)
    return found


def _send_stops(tables: StoredTables, root: Path, days: list[date], done: Delivered, settings: Settings) -> None:
    """Who got a list by SFTP gets the opt-outs that came after it there too."""
    server = settings.configuration.delivery.sftp
    has = records.delivered(tables, "sftp") if server else {}
    stops = [file for file in (stop.file_of(root, each) for each in days if each in has) if file.exists()]
    if server and stops:
        try:
            sftp.send_stops(stops, server)
        except DestinationError as error:
            done.warnings.append(f"delivery of opt-outs to sftp: {error}")
