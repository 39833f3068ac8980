"""The night's lock on object storage, where no file can be locked: each change is a new object, put where none is."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

FOLDER, SUFFIX = ".night.lock", ".json"
KEPT_FOR = timedelta(hours=1)
"""Whoever read a state must meet the next one, however long it was held up, so states that are over stay a while."""

Content = dict[str, Any]


def change(root: str, read: Callable[[bytes], Content], changed: Callable[[Content], Content]) -> Content:
    """Replaces what the lock says by what `changed` makes of it, and nobody's in between; returns what it said.

    The states are numbered objects. Whoever changes one puts the next number only if there is none yet
    (If-None-Match: *), which is all that Delta asks of the storage too; who comes second looks again.
    """
    # Half a second to import, which a lake in a folder need not pay.
    import obstore
    from obstore.exceptions import AlreadyExistsError
    from obstore.store import from_url

    store = from_url(f"{root}/{FOLDER}")
    while True:
        # Some servers show what is being put under a name of its own.
        listed = [state for state in obstore.list(store).collect() if state["path"].endswith(SUFFIX)]
        states = sorted(listed, key=lambda state: state["path"])
        text = bytes(obstore.get(store, states[-1]["path"]).bytes()) if states else b"{}"
        held = read(text)
        new = changed(held)
        if new == held:
            return held
        number = int(states[-1]["path"].removesuffix(SUFFIX)) + 1 if states else 0
        try:
            obstore.put(store, f"{number:020}{SUFFIX}", json.dumps(new).encode(), mode="create")
        except AlreadyExistsError:
            continue
        over = [state["path"] for state in states if states[-1]["last_modified"] - state["last_modified"] > KEPT_FOR]
        if over:
            obstore.delete(store, over)
        return held
