"""What people decided about customers: who is filed under whom."""

from collections.abc import Sequence


def filed_under(same: Sequence[Sequence[str]]) -> dict[str, str]:
    """Each customer that pairs (A, B) file under another, with the one at the top.

    Raises:
        ValueError: a customer is filed under two others, or in the end under itself.
    """
    above = {below: one for one, below in same}
    if len(above) < len(same):
        raise ValueError("same files a customer under two others; name each once as the second of a pair")
    return {customer: _top(customer, above) for customer in above}


def _top(customer: str, above: dict[str, str]) -> str:
    seen = [customer]
    while seen[-1] in above:
        seen.append(above[seen[-1]])
        if seen[-1] in seen[:-1]:
            raise ValueError(f"same files {seen[-1]} under itself")
    return seen[-1]
