"""Files that are inspected in a thread of its own, while a page shows how far it is."""

import threading
from collections.abc import Hashable, Mapping
from concurrent.futures import CancelledError
from typing import Final, Generic, TypeVar

from unmask.inspection.inspect import Inspector
from unmask.inspection.moments import Finding, find_out
from unmask.media.sources import NamedFile

KeyT = TypeVar("KeyT", bound=Hashable)

_TURN_S: Final = 0.1


class Work(Generic[KeyT]):
    """Inspects files one after the other; begins at once.

    Args:
        inspector: Inspects.
        files: What is asked about, by whatever the page knows it by.
        places: Limits how many files are worked on at a time, of all visitors together.
    """

    def __init__(
        self,
        inspector: Inspector,
        files: Mapping[KeyT, NamedFile],
        places: threading.Semaphore,
    ) -> None:
        self.keys: Final = tuple(files)
        self.findings: dict[KeyT, Finding] = {}
        self.name = ""
        """Of the file that is worked on."""
        self.error: BaseException | None = None
        self._inspector, self._files, self._places = inspector, dict(files), places
        self._share = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="unmask-page", daemon=True)
        self._thread.start()

    @property
    def share(self) -> float:
        """How much of all is done, in [0, 1]."""
        return min(1.0, (len(self.findings) + self._share) / max(1, len(self.keys)))

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end, at most so long; True where it has come."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def cancel(self) -> None:
        """Give up what is not yet found out, and wait until its files are let go."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        try:
            for key, file in self._files.items():
                self._take_place()
                try:
                    self._share, self.name = 0.0, file.name
                    found = find_out(self._inspector, file, stop=self._stop, watch=self._note)
                finally:
                    self._places.release()
                self._share = 0.0
                self.findings[key] = found
        except CancelledError:
            return
        except Exception as error:  # noqa: BLE001 (the page raises it where the visitor sees it)
            self.error = error

    def _take_place(self) -> None:
        while not self._places.acquire(timeout=_TURN_S):
            if self._stop.is_set():
                raise CancelledError

    def _note(self, share: float) -> None:
        self._share = share
