"""The words of tag expressions that Spark SQL does not have."""

import re

WORDS = {
    # The most frequent item of a map of counts; of several the least.
    "favourite": (
        "array_min(transform(map_entries({0}), entry -> struct(-entry.value AS rows, entry.key AS item))).item"
    ),
    # The most frequent items, the most frequent first, as a text.
    "favourites": (
        "nullif(array_join(transform(slice(sort_array(transform(map_entries({0}), "
        "entry -> struct(-entry.value AS rows, entry.key AS item))), 1, {1}), entry -> entry.item), ', '), '')"
    ),
}


def expanded(expression: str) -> str:
    """The expression in Spark SQL: favourite(map) and favourites(map, n) written out.

    Raises:
        ValueError: a bracket is not closed.
    """
    found = re.search(rf"\b({'|'.join(sorted(WORDS, key=len, reverse=True))})\(", expression)
    if found is None:
        return expression
    arguments, rest = _arguments(expression[found.end() :])
    written = WORDS[found[1]].format(*(expanded(argument) for argument in arguments))
    return f"{expression[: found.start()]}{written}{expanded(rest)}"


def _arguments(text: str) -> tuple[list[str], str]:
    """The arguments up to the bracket that closes, and what follows it."""
    depth, begins = 0, 0
    arguments: list[str] = []
    for place, sign in enumerate(text):
        if sign == ")" and depth == 0:
            return [*arguments, text[begins:place].strip()], text[place + 1 :]
        if sign == "," and depth == 0:
            arguments.append(text[begins:place].strip())
            begins = place + 1
        depth += (sign == "(") - (sign == ")")
    raise ValueError(f"expected a closing bracket in {text}")
