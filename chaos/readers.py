"""A reader who looks at a lake, and at what is delivered, all through the night."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from random import Random
from threading import Event, Thread

from chaos.lakes import Fingerprint, Lake
from chaos.promises import Broken, whole_folder

PAUSE_SECONDS = 1.0
"""Two cores are there for the night."""


class Reader:
    """Opens one table after the other, and the delivered folder; `looks` counts how often."""

    def __init__(
        self, root: Path, list_on: date, steps: Mapping[str, set[Fingerprint]], rng: Random, is_strict: bool
    ) -> None:
        """`is_strict`: every look must show what the night without a fault showed at some time."""
        self._lake, self._folder = Lake(root / "lake"), root / "delivery" / str(list_on)
        self._steps, self._rng, self._is_strict = steps, rng, is_strict
        self._over = Event()
        self._thread = Thread(target=self._look, daemon=True)
        self.looks = 0
        self.broken: list[Broken] = []
        self._thread.start()

    def _look(self) -> None:
        try:
            self._look_on()
        except Exception as error:
            found = f"{type(error).__name__}: {error}"[:300]
            self.broken.append(Broken("readers are never turned away", "the delivered folder to be readable", found))

    def _look_on(self) -> None:
        names = sorted(self._steps)
        while not self._over.wait(PAUSE_SECONDS):
            name = self._rng.choice(names)
            try:
                seen = self._lake.fingerprint(name)
            except Exception as error:
                expected, found = f"{name} to be readable", f"{type(error).__name__}: {error}"[:300]
                self.broken.append(Broken("readers are never turned away", expected, found))
            else:
                self.looks += 1
                if self._is_strict and seen not in self._steps[name]:
                    expected, found = f"{name} as before or after", f"{seen.rows} rows"
                    self.broken.append(Broken("readers never see half a table", expected, found))
            self.broken += whole_folder(self._folder)

    def stop(self) -> list[Broken]:
        """Ends it; returns what it saw that it must not see."""
        self._over.set()
        self._thread.join()
        return self.broken
