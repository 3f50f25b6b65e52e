"""The same pipeline on Ray Data: chunks of inputs in, parts out, on as many machines as there are.

Each task answers one chunk with a crew of one worker, which it finds ready where its process has
had a chunk before, and leaves its part in the folder that all machines see. A part counts when the
driver moves it to the results. A task that dies with its process or machine is run again elsewhere;
what it may have written lies unfinished and is removed, so that nothing is lost or doubled.
"""

import atexit
import importlib
import json
import os
import pickle
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final

from unmask.errors import UnmaskError, UsageError
from unmask.scan.crew import Crew, Part
from unmask.scan.sources import Item
from unmask.scan.worker import Work

CHUNK_ITEMS: Final = 1024
"""Most inputs of a task: some 20 s of a core."""
LEAST_ITEMS: Final = 16
WINDOW_CHUNKS: Final = 32
"""Chunks for each core that are handed to Ray at a time; at the end of a window cores idle for up
to the time of one chunk."""
_TASKS_PER_CORE: Final = 4
"""Into at least so many chunks for each core a short listing is cut."""


class RayTasks:
    """Answers on the Ray cluster that `RAY_ADDRESS` names, or on one of this machine's own.

    Args:
        work: How a worker works; its folder must be on storage that all machines see.
        tasks: How many at a time; 0 for one on each core of the cluster.
        timeout_s: How long a worker may say nothing before it counts as stuck.
    """

    def __init__(self, work: Work, tasks: int, timeout_s: float) -> None:
        # Ray would build the environment anew on each machine where the driver was begun by uv.
        os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        ray: Any = importlib.import_module("ray")
        self._data: Any = importlib.import_module("ray.data")
        if not ray.is_initialized():
            ray.init(log_to_driver=False, include_dashboard=False)
        context = self._data.DataContext.get_current()
        context.enable_progress_bars = False
        context.print_on_execution_start = False
        self._cores = tasks or max(1, int(ray.cluster_resources().get("CPU", 1)))
        self._tasks = tasks or None
        self._failure: Any = ray.exceptions.RayError
        self._settings = (work, timeout_s)

    def answer(
        self, items: Iterable[Item], observe: Callable[[int], None] = lambda _: None
    ) -> Iterator[Part]:
        """Answer inputs; what is yielded is written, and each input is in one of the parts.

        Raises:
            UsageError: A machine of the cluster does not see the folder, or cannot begin.
        """
        source = iter(items)
        while window := list(islice(source, self._cores * WINDOW_CHUNKS * CHUNK_ITEMS)):
            for part in self._answer_window(window):
                observe(part.rows)
                yield part

    def _answer_window(self, window: list[Item]) -> Iterator[Part]:
        size = len(window) // (self._cores * _TASKS_PER_CORE)
        size = min(max(size, LEAST_ITEMS), CHUNK_ITEMS)
        starts = range(0, len(window), size)
        chunks = [
            {"number": number, "items": pickle.dumps(window[start : start + size])}
            for number, start in enumerate(starts)
        ]
        window.clear()
        data = self._data.from_items(chunks, override_num_blocks=len(chunks)).map_batches(
            _answer_chunk,
            batch_size=1,
            num_cpus=1,
            compute=self._data.TaskPoolStrategy(self._tasks),
            fn_args=self._settings,
        )
        chunks.clear()
        taken: set[int] = set()
        try:
            for row in data.iter_rows():
                if row["number"] not in taken:
                    taken.add(row["number"])
                    yield from (Part(Path(path), rows) for path, rows in json.loads(row["parts"]))
        except self._failure as error:
            reason = next((c for c in _causes(error) if isinstance(c, UnmaskError)), error)
            message = f"the Ray cluster could not answer: {reason}"
            raise UsageError(message) from error


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = getattr(error, "cause", None) or error.__cause__


_crews: dict[bytes, Crew] = {}
"""Of this process, which Ray gives one task after the other; at most one."""


def _answer_chunk(batch: dict[str, Any], work: Work, timeout_s: float) -> dict[str, Any]:
    """What a task does: a chunk in, the paths and rows of its parts out."""
    crew = _find_crew(work, timeout_s)
    items: list[Item] = pickle.loads(batch["items"][0])
    try:
        parts = [(str(part.path), part.rows) for part in crew.answer(items)]
    except BaseException:
        _drop_crew()
        raise
    return {"number": [int(batch["number"][0])], "parts": [json.dumps(parts)]}


def _find_crew(work: Work, timeout_s: float) -> Crew:
    if not Path(work.scratch).is_dir():
        message = (
            f"a machine of the cluster does not see {work.scratch}; --out must lie on storage that "
            "all of them share"
        )
        raise UsageError(message)
    key = pickle.dumps((work, timeout_s))
    if key not in _crews:
        _drop_crew()
        _crews[key] = Crew(work, 1, timeout_s)
    return _crews[key]


@atexit.register
def _drop_crew() -> None:
    while _crews:
        _crews.popitem()[1].close()
