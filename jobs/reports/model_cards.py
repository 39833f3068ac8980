"""The card of a model: what it asks, what it learnt from, how well it does, and why it was promoted or not."""

from typing import Any

from markupsafe import Markup

from jobs.reports import figures
from jobs.reports.pages import rendered

METRICS = {
    "auc": ("AUC", 3),
    "average_precision": ("average precision", 3),
    "lift_at_5_percent": ("lift at 5 %", 2),
    "lift_at_10_percent": ("lift at 10 %", 2),
    "calibration_error": ("calibration error", 4),
    "brier": ("Brier score", 4),
    "value_of_top_5_percent": ("value per contact of the top 5 %", 2),
}
MOST_LISTED = 12


def page(card: dict[str, Any]) -> str:
    """The card as a self-contained page."""
    return rendered("models.html", cards=[shown(card)], title=f"Model {card['model']}, {card['fitted_on']}")


def shown(
    card: dict[str, Any], watched: list[dict[str, Any]] | None = None, version: str | None = None
) -> dict[str, Any]:
    """What the page's template takes of a card; `watched`: what nights saw of the model since."""
    return {
        **card,
        "version": version,
        "metrics": METRICS,
        "drift": _first(card["drift"]),
        "alone": _first(card["alone"]),
        "svg": {name: Markup(svg) for name, svg in figures_of(card).items()},  # drawn here
        "watched": watched or [],
    }


def figures_of(card: dict[str, Any]) -> dict[str, str]:
    """The figures of a card as SVG, by name."""
    told, came = zip(*card["calibration"], strict=True)
    learnt = [each for each in card["learning_curve"] if each["auc"] is not None]
    by = {who: told_of["auc"] for who, told_of in card["figures"].items()}
    return {
        "auc": figures.intervals(list(by), [(f["value"], f["low"], f["high"]) for f in by.values()], "AUC"),
        "calibration": figures.calibration(told, came, "Told and came"),
        "learning_curve": figures.curve([e["rows"] for e in learnt], [e["auc"] for e in learnt], "AUC by rows learnt"),
    }


def lines(card: dict[str, Any], version: str) -> list[str]:
    """The card in a few lines for a terminal; the last one says what was decided."""
    dates = card["dates"]
    made = [
        f"{card['model']} as of {card['fitted_on']}, version {version}: {card['asks']}",
        (
            f"  learnt from {card['rows']['learn']:,} rows of {_span(dates['learn'])}, calibrated on those of "
            f"{_span(dates['calibrate'])}, tested on {card['rows']['test']:,} of {_span(dates['test'])} "
            f"({card['share_of_yes']['test']:.2%} yes)"
        ),
        f"  {'':<24}" + "".join(f"{who[:24]:>26}" for who in card["figures"]),
    ]
    for name, (title, digits) in METRICS.items():
        cells = (
            f"{told[name]['value']:.{digits}f} [{told[name]['low']:.{digits}f}, {told[name]['high']:.{digits}f}]"
            for told in card["figures"].values()
        )
        made.append(f"  {title[:24]:<24}" + "".join(f"{cell:>26}" for cell in cells))
    for gate in card["gates"]:
        state = "open" if gate["is_open"] else "SHUT"
        made.append(f"  gate {state}  {gate['name']}: {gate['found']}; wanted {gate['wanted']}")
    decided = "promoted" if card["is_promoted"] else "NOT promoted, the champion of before goes on"
    made.append(f"{card['model']} version {version} {decided}: {card['reason']}")
    return made


def _span(days: list[str]) -> str:
    return days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"


def _first(values: dict[str, float]) -> list[tuple[str, float]]:
    return list(values.items())[:MOST_LISTED]
