"""The command line: the same commands for people, make and Airflow."""

import argparse
import json
import os
import secrets
import sys
from contextlib import nullcontext
from datetime import date, datetime
from pathlib import Path

from jobs.errors import DataError, ExplainedError
from jobs.guarded import guard
from jobs.processes import stoppable

LOCAL = Path(__file__).resolve().parents[1] / ".local"
FAILED, WRONG_USAGE = 1, 2

WITH_SPARK = ("table", "train", "rollback", "load", "backfill", "erase")
"""Under `spark.remote: classic` these run as applications of their own; the tasks of a DAG each do so."""

CLEANS_UP = (*WITH_SPARK, "deliver", "run")
"""Commands that give the lake back and stop Spark as they end."""


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; returns 0 done, 1 failed, 2 wrong usage."""
    given = _with_table_first(arguments if arguments is not None else sys.argv[1:])
    parsed = _parser().parse_args(given)
    if "first" in parsed and parsed.first > parsed.last:
        print(f"usage: expected FROM <= TO, found {parsed.first} > {parsed.last}", file=sys.stderr)
        return WRONG_USAGE
    try:
        guard(LOCAL)
        if given[0] in WITH_SPARK and _is_submitted(given):
            return 0
        with stoppable() if given[0] in CLEANS_UP else nullcontext():
            return int(parsed.work(parsed) or 0)
    except ExplainedError as error:
        print(f"failed: {error}", file=sys.stderr)
        return FAILED
    except Exception as error:
        print(f"failed: {_unexpected(error)}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return FAILED


def _is_submitted(arguments: list[str]) -> bool:
    from jobs import submission
    from jobs.settings import read_settings

    settings = read_settings()
    if submission.is_due(settings):
        submission.submit(arguments, settings)
        return True
    return False


def _unexpected(error: Exception) -> str:
    """Notes an error that nobody foresaw, without data, and says in a line where."""
    import traceback

    from jobs.redaction import scrub

    log = LOCAL / "logs" / f"error-{datetime.now().astimezone():%Y%m%d-%H%M%S}.log"
    first = f"{type(error).__name__}: {scrub((str(error).splitlines() or [''])[0])[:300]}"
    try:
        log.write_text(scrub("".join(traceback.format_exception(error))))
    except OSError as second:
        return f"{first}; the whole of it could not be written to {log} ({second.strerror})"
    return f"{first}; the whole of it is in {log}"


def _with_table_first(arguments: list[str]) -> list[str]:
    # `python -m jobs gold.repeat_calls --date ...` is short for `python -m jobs table gold.repeat_calls ...`.
    return ["table", *arguments] if arguments and "." in arguments[0] and arguments[0][0] != "-" else arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m jobs", description="Makes the tables of the lake.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, about: str, work: object) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=about, description=about)
        added.set_defaults(work=work)
        return added

    table = command("table", "make one table for one business date", _table)
    table.add_argument("name", help="for example gold.repeat_calls")
    table.add_argument("--date", type=_date, help="business date (default: the previous one)")
    report = command("report", "write one report as a page for one business date", _report)
    report.add_argument("name", help="for example repeat_calls")
    report.add_argument("--date", type=_date, help="business date (default: the previous one)")
    deliver = command("deliver", "hand the lists for the day after one business date over", _deliver)
    deliver.add_argument("--date", type=_date, help="business date of the night (default: the previous one)")
    of_models: tuple[tuple[str, str, object], ...] = (
        ("train", "train a model, compare it with the champion, and promote it if every gate opens", _train),
        ("rollback", "make the champion before the present one champion again", _rollback),
    )
    for name, about, of_a_model in of_models:
        of_model = command(name, about, of_a_model)
        of_model.add_argument("model", help="for example churn")
        of_model.add_argument("--date", type=_date, help="business date (default: the previous one)")
    nightly = command("nightly", "the nightly DAG for one business date, through Airflow", _nightly)
    nightly.add_argument("--date", type=_date, help="business date (default: the previous one)")
    for name, about, work in (
        ("load", "the first load of a history: every table once for the whole range", _load),
        ("backfill", "the same lake as the nights of a range one by one, oldest first", _backfill),
    ):
        ranged = command(name, about, work)
        ranged.add_argument("--from", dest="first", type=_date, required=True, help="first business date")
        ranged.add_argument("--to", dest="last", type=_date, required=True, help="last business date")
    command("run", "a sample world and its last nights, through Airflow", _run)
    command("mlflow", "MLflow's UI on the models of this checkout", _mlflow)
    airflow = command("airflow", "Airflow with its four parts on this machine, or a command of Airflow's own", _airflow)
    airflow.add_argument("--home", type=Path, help="where its database and passwords are (default: .local/airflow)")
    airflow.add_argument("arguments", nargs=argparse.REMAINDER, help="for example users list (default: run all parts)")
    sql = command("sql", "a SQL prompt on the lake (DuckDB)", _sql)
    sql.add_argument("--role", help="see the lake as this role of conf/roles.yaml (default: ECHOLAKE_ROLE)")
    sql.add_argument("--team", help="the team of a role that sees rows by team (default: ECHOLAKE_TEAM)")
    sql.add_argument("-c", "--command", help="run this one statement and leave")
    of_persons: tuple[tuple[str, str, object], ...] = (
        ("erase", "erase one person from all that is kept", _erase),
        ("export", "write down all that is held of one person", _export),
        ("reveal", "show one value of a customer in clear, and note who looked", _reveal),
    )
    for name, about, right in of_persons:
        of_person = command(name, about, right)
        of_person.add_argument("--customer", required=True, help="customer_id as the source writes it")
    of_person.add_argument("--column", required=True, help="name, phone, email, ...")
    of_person.add_argument("--reason", required=True, help="why, for the record")
    of_person.add_argument("--by", required=True, help="who looks, for the record")
    of_person.add_argument("--role", help="a role that may (default: ECHOLAKE_ROLE)")
    dictionary = command(
        "dictionary", "write docs/data_dictionary.md, and the data map, from the declarations", _dictionary
    )
    dictionary.add_argument("--check", action="store_true", help="only say whether it is stale")
    tags = command("tags", "check conf/tags against its lock", _tags)
    tags.add_argument("--lock", action="store_true", help="lock versions of rules that are new")
    command("spark-conf", "print what a Spark that runs Echolake is told, as spark-submit reads it", _spark_conf)
    step = commands.add_parser("step")  # for jobs.submission alone, so without a help
    step.add_argument("name")
    step.add_argument("arguments", type=json.loads)
    step.add_argument("answer", type=Path)
    step.set_defaults(work=_step)
    command("maintain", "pack files, delete what no version needs, apply retention", _maintain)
    return parser


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a date like 2026-01-31, found {text!r}") from None


def _run_id(kind: str) -> str:
    # Two commands of one second are two runs: the lake's lock tells them apart by nothing else.
    return f"{kind}__{datetime.now().astimezone().isoformat(timespec='seconds')}_{secrets.token_hex(4)}"


def _table(parsed: argparse.Namespace) -> None:
    from jobs import night

    made = night.make_table(parsed.name, parsed.date or night.previous_business_day(), _run_id("table"))
    print(f"{made['table']}: {made['state']}, {made['rows']:,} rows, {made['seconds']:.1f} s")
    for warning in made["warnings"]:
        print(f"  warning: {warning}")


def _train(parsed: argparse.Namespace) -> None:
    from jobs import night

    print(night.train(parsed.model, parsed.date or night.previous_business_day(), _run_id("train")))


def _rollback(parsed: argparse.Namespace) -> None:
    from jobs import night

    print(night.roll_back(parsed.model, parsed.date or night.previous_business_day(), _run_id("rollback")))


def _report(parsed: argparse.Namespace) -> None:
    from jobs import night
    from jobs.reports import pages
    from jobs.settings import read_settings

    day = parsed.date or night.previous_business_day()
    written = pages.write(parsed.name, day, read_settings())
    if written is None:
        raise DataError(
            f"report {parsed.name} {day}",
            expected="a lake that holds what the report tells of as of the date",
            found="nothing of it",
            todo=f"run the night first (make nightly DATE={day}), or name a date whose night has run",
        )
    print(written)


def _deliver(parsed: argparse.Namespace) -> int:
    from jobs import night

    day = parsed.date or night.previous_business_day()
    done = night.deliver(day, _run_id("deliver"))
    if done.parcel is None:
        raise DataError(
            f"delivery {done.list_on}",
            expected=f"lists for {done.list_on}, which the night of {day} makes",
            found="no list and no candidate",
            todo=f"run the night first (make nightly DATE={day}), or name the date of a night that has run",
        )
    print("\n".join(done.lines))
    for warning in done.warnings:
        print(f"  warning: {warning}", file=sys.stderr)
    return FAILED if done.warnings else 0


def _nightly(parsed: argparse.Namespace) -> int:
    from jobs import airflow, night

    return airflow.run_night(parsed.date or night.previous_business_day())


def _load(parsed: argparse.Namespace) -> None:
    from jobs import ranges

    ranges.load(parsed.first, parsed.last, _run_id("load"))


def _backfill(parsed: argparse.Namespace) -> None:
    from jobs import ranges

    ranges.backfill(parsed.first, parsed.last, _run_id("backfill"))


def _run(parsed: argparse.Namespace) -> int:
    from jobs import sample_run

    return sample_run.run(_run_id("sample"))


def _mlflow(parsed: argparse.Namespace) -> int:
    from jobs import model_server
    from jobs.settings import read_settings

    return model_server.serve(read_settings())


def _airflow(parsed: argparse.Namespace) -> int:
    from jobs import standalone

    home = parsed.home.absolute() if parsed.home else None
    if parsed.arguments:
        standalone.call(home, parsed.arguments)
    return standalone.run(home)


def _sql(parsed: argparse.Namespace) -> int:
    from jobs import prompt

    return prompt.run(parsed.command, parsed.role, parsed.team)


def _erase(parsed: argparse.Namespace) -> None:
    from jobs.rights import erasure

    report = erasure.erase(parsed.customer, _run_id("erase"), print)
    print(f"erased; the report, which names nobody: {report}")


def _export(parsed: argparse.Namespace) -> None:
    from jobs.rights import export
    from jobs.settings import read_settings

    print(f"for the person alone, delete it once handed out: {export.export(parsed.customer, read_settings())}")


def _reveal(parsed: argparse.Namespace) -> None:
    from jobs.rights import reveal, roles
    from jobs.settings import read_settings

    seen_as = roles.access(parsed.role)
    print(reveal.reveal(read_settings(), seen_as, parsed.customer, parsed.column, parsed.reason, parsed.by))


def _dictionary(parsed: argparse.Namespace) -> int:
    from jobs import data_map, dictionary

    return dictionary.write(only_check=parsed.check) or data_map.write(only_check=parsed.check)


def _tags(parsed: argparse.Namespace) -> int:
    from jobs import tag_lock

    print(tag_lock.write() if parsed.lock else tag_lock.check())
    return 0


def _spark_conf(parsed: argparse.Namespace) -> None:
    from jobs import spark_conf
    from jobs.settings import read_settings

    print(spark_conf.text(read_settings()), end="")


def _step(parsed: argparse.Namespace) -> int:
    from jobs import submission

    return submission.answer(parsed.name, parsed.arguments, parsed.answer)


def _maintain(parsed: argparse.Namespace) -> int:
    from jobs import airflow, night

    return airflow.run_dag("maintain_weekly", {"date": str(night.previous_business_day())})


if __name__ == "__main__":
    code = main()
    if sys.argv[1:2] == ["sql"]:
        # A statement with a LIMIT leaves Arrow's readers at work, in threads that call Python: an interpreter that
        # shuts down meanwhile crashes or hangs.
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
