"""Inputs from anywhere, prepared side by side and scored together.

Reading a file and finding its faces takes most of the time and is done in several threads, an input
in each. One further thread takes whatever is ready, up to a full batch, through one call of the
network: also inputs that were submitted by different callers. It never waits for a batch to fill,
so that an input that comes alone is answered at once.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final, Generic, Protocol, TypeVar

BATCH_CROPS: Final = 16
"""Crops per call of the network."""

SourceT = TypeVar("SourceT", contravariant=True)
ItemT = TypeVar("ItemT")
AnswerT = TypeVar("AnswerT")


class Stages(Protocol[SourceT, ItemT, AnswerT]):
    """The two halves of answering an input."""

    def prepare(self, source: SourceT, stop: threading.Event) -> ItemT:
        """Do what can be done of one input alone; end early, with anything, once `stop` is set."""
        ...

    def count_waiting(self, item: ItemT) -> int:
        """How many crops of a prepared input wait for a score."""
        ...

    def finish(self, items: Sequence[ItemT]) -> list[AnswerT]:
        """Score what waits, of all inputs together, and answer each, in their order."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class _Ready(Generic[ItemT, AnswerT]):
    item: ItemT
    future: Future[AnswerT]
    stop: threading.Event


class Batcher(Generic[SourceT, ItemT, AnswerT]):
    """Answers inputs as they come; may be used from several threads.

    Args:
        stages: What prepares and what finishes.
        workers: Threads that prepare.
        observe: Called with the number of inputs of each batch before they are answered.
    """

    def __init__(
        self,
        stages: Stages[SourceT, ItemT, AnswerT],
        workers: int,
        observe: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._stages = stages
        self._observe = observe
        self._ready: SimpleQueue[_Ready[ItemT, AnswerT] | None] = SimpleQueue()
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="unmask-prepare")
        self._finisher = threading.Thread(
            target=self._finish_all, name="unmask-finish", daemon=True
        )
        self._finisher.start()

    def submit(self, source: SourceT, stop: threading.Event) -> Future[AnswerT]:
        """Take an input; its future raises `CancelledError` where `stop` was set before its end."""
        future: Future[AnswerT] = Future()
        work = self._pool.submit(self._prepare, source, stop, future)
        work.add_done_callback(lambda done: _follow(done, future))
        return future

    def close(self) -> None:
        """Cancel what was not begun and wait for the rest; can be called twice."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._ready.put(None)
        self._finisher.join()

    def _prepare(self, source: SourceT, stop: threading.Event, future: Future[AnswerT]) -> None:
        if stop.is_set() or not future.set_running_or_notify_cancel():
            future.cancel()
            return
        try:
            item = self._stages.prepare(source, stop)
        except BaseException as error:  # noqa: BLE001 (it belongs to whoever waits for the answer)
            future.set_exception(error)
            return
        self._ready.put(_Ready(item, future, stop))

    def _finish_all(self) -> None:
        while (first := self._ready.get()) is not None:
            batch = [first]
            crops = self._stages.count_waiting(first.item)
            while crops < BATCH_CROPS:
                try:
                    following = self._ready.get_nowait()
                except Empty:
                    break
                if following is None:
                    self._ready.put(None)
                    break
                batch.append(following)
                crops += self._stages.count_waiting(following.item)
            self._finish(batch)

    def _finish(self, batch: list[_Ready[ItemT, AnswerT]]) -> None:
        wanted = [ready for ready in batch if not ready.stop.is_set()]
        for ready in batch:
            if ready.stop.is_set():
                ready.future.set_exception(CancelledError())
        if not wanted:
            return
        self._observe(len(wanted))
        try:
            answers = self._stages.finish([ready.item for ready in wanted])
        except Exception as error:  # noqa: BLE001 (one input's trouble must not end the others')
            if len(wanted) == 1:
                wanted[0].future.set_exception(error)
                return
            for ready in wanted:
                self._finish([ready])
            return
        for ready, answer in zip(wanted, answers, strict=True):
            ready.future.set_result(answer)


def _follow(work: Future[None], future: Future[AnswerT]) -> None:
    if work.cancelled():
        future.cancel()
