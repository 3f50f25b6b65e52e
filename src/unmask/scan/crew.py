"""Workers and who watches over them: inputs in, parts out, none lost to a worker that dies.

Workers answer in the order in which they are given inputs, so that a count says which of them are
answered and a part says which are written. Where a worker dies, what it had not written is given
out again; those inputs that it may have been at go, one by one, to a worker that does nothing else
meanwhile, and one on which two workers die is answered as `crashed`.
"""

import multiprocessing
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final, Self

from unmask.errors import ModelError, UnmaskError
from unmask.media.sources import describe
from unmask.records import Failure
from unmask.scan.sources import Item
from unmask.scan.worker import Answered, Batch, Flush, Ready, Refused, Work, Written, serve

BATCH_ITEMS: Final = 16
"""Inputs in one message to a worker."""
AHEAD_ITEMS: Final = 64
"""Inputs that a worker is given before the first of them is answered."""
SUSPECTS: Final = 20
"""Inputs that a worker may be at: those that a detector prepares ahead, with some room."""
_LIVES: Final = 2
"""Workers that may die on an input before it is answered as `crashed`."""
_DEAD_AT_START: Final = 3
"""Workers in a row that may die before they can begin."""
_PATIENCE_S: Final = 15.0
"""How long workers may take to write what is answered when the scan is interrupted."""
_TICK_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Part:
    """Rows that a worker has written."""

    path: Path
    rows: int


@dataclass(eq=False)
class _Member:
    """A worker as it is seen from outside."""

    process: BaseProcess
    connection: Connection
    waiting: deque[Item] = field(default_factory=deque)
    """What it was given and has not written."""
    answered: int = 0
    """How many of these it has answered: the first ones."""
    ready: bool = False
    careful: bool = False
    flushing: bool = False
    heard_s: float = field(default_factory=time.monotonic)

    @property
    def open_items(self) -> int:
        return len(self.waiting) - self.answered


class Crew:
    """Some workers.

    Args:
        work: How each of them works.
        workers: How many.
        timeout_s: How long a worker may say nothing before it counts as stuck.
    """

    def __init__(self, work: Work, workers: int, timeout_s: float) -> None:
        self._work = work
        self._timeout_s = timeout_s
        self._context = multiprocessing.get_context("spawn")
        self._again: deque[Item] = deque()
        self._suspects: deque[Item] = deque()
        self._deaths: Counter[str] = Counter()
        self._dead_at_start = 0
        self._written: deque[Part] = deque()
        self._workers = workers
        self._members: list[_Member] = []
        """Hired with the first input."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the workers; what they have not written is lost. Can be called twice."""
        for member in self._members:
            member.connection.close()
            member.process.terminate()
        for member in self._members:
            member.process.join()
        self._members.clear()

    def answer(
        self, items: Iterable[Item], observe: Callable[[int], None] = lambda _: None
    ) -> Iterator[Part]:
        """Answer inputs; what is yielded is written, and each input is in one of the parts.

        Args:
            items: What is to be answered; taken as workers need it.
            observe: Called with the number of inputs answered since the last call.

        Raises:
            ModelError: The workers cannot begin.
            UnmaskError, OSError: What a worker cannot work without is wrong, such as a full disk.
        """
        self._observe = observe
        self._source = iter(items)
        self._exhausted = False
        self._again.extend(islice(self._source, 1))
        if not self._again:
            return
        if not self._members:
            self._members = [self._hire() for _ in range(self._workers)]
        try:
            while self._feed_all():
                self._listen()
                yield from self._take_written()
        except KeyboardInterrupt:
            yield from self._flush_all()
            raise

    def _hire(self) -> _Member:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=serve, args=(theirs, self._work), daemon=True)
        process.start()
        theirs.close()
        return _Member(process, ours)

    def _feed_all(self) -> bool:
        """Give every worker enough to do; False where all is written."""
        for member in self._members:
            while member.ready and member.open_items <= AHEAD_ITEMS - BATCH_ITEMS:
                batch = self._next_batch(member)
                if not batch.items:
                    break
                member.waiting.extend(batch.items)
                member.flushing = False
                self._send(member, batch)
        if self._exhausted and not self._again and not self._suspects:
            for member in self._members:
                if member.waiting and not member.flushing:
                    member.flushing = True
                    self._send(member, Flush())
            return any(member.waiting for member in self._members)
        return True

    def _next_batch(self, member: _Member) -> Batch:
        if self._suspects and not any(other.careful for other in self._members):
            if member.open_items:
                return Batch([])  # it takes them when it has nothing else
            member.careful = True
            batch = Batch(list(self._suspects), careful=True)
            self._suspects.clear()
            return batch
        if member.careful and member.open_items:
            return Batch([])
        member.careful = False
        items = [self._again.popleft() for _ in range(min(BATCH_ITEMS, len(self._again)))]
        items += islice(self._source, BATCH_ITEMS - len(items))
        self._exhausted = self._exhausted or len(items) < BATCH_ITEMS
        return Batch(items)

    def _send(self, member: _Member, message: Any) -> None:
        member.heard_s = time.monotonic()
        try:
            member.connection.send(message)
        except (BrokenPipeError, ConnectionResetError):
            return  # it has died, which is noticed next

    def _listen(self, timeout_s: float = _TICK_S) -> None:
        members: dict[Any, _Member] = {member.connection: member for member in self._members}
        for connection in wait(list(members), timeout_s):
            self._hear(members[connection])
        now = time.monotonic()
        for member in self._members:
            if member.open_items and now - member.heard_s > self._timeout_s:
                member.process.kill()
                self._bury(member, stuck=True)

    def _hear(self, member: _Member) -> None:
        member.heard_s = time.monotonic()
        try:
            while member.connection.poll():
                self._understand(member, member.connection.recv())
        except (EOFError, ConnectionResetError):
            self._bury(member)

    def _understand(self, member: _Member, message: Any) -> None:
        if isinstance(message, Answered):
            member.answered += 1
            self._observe(1)
        elif isinstance(message, Written):
            for _ in range(message.rows):
                member.waiting.popleft()
            member.answered -= message.rows
            member.flushing = False
            self._written.append(Part(Path(message.path), message.rows))
        elif isinstance(message, Ready):
            member.ready = True
            self._dead_at_start = 0
        elif isinstance(message, Refused):
            raise message.error

    def _take_written(self) -> Iterator[Part]:
        while self._written:
            yield self._written.popleft()

    def _bury(self, member: _Member, *, stuck: bool = False) -> None:
        """Give out again what a dead worker had not written, and put another in its place."""
        member.connection.close()
        member.process.join()
        if not member.ready:
            self._dead_at_start += 1
            if self._dead_at_start >= _DEAD_AT_START:
                message = (
                    f"the processes that should answer die before they can begin (exit status "
                    f"{member.process.exitcode}); is there enough memory? try fewer --workers"
                )
                raise ModelError(message)
        items, begun = list(member.waiting), member.answered
        self._observe(-begun)
        self._again.extend(items[:begun])
        if member.careful and begun < len(items):
            items[begun] = self._judge(items[begun], stuck=stuck)
            self._suspects.extend(items[begun:])
        else:
            self._suspects.extend(items[begun : begun + SUSPECTS])
            self._again.extend(items[begun + SUSPECTS :])
        self._members[self._members.index(member)] = self._hire()

    def _judge(self, item: Item, *, stuck: bool) -> Item:
        """An input on which a worker died that did nothing else: answered where it is too much."""
        self._deaths[item.name] += 1
        if not stuck and self._deaths[item.name] < _LIVES:
            return item
        name = describe(item.name)
        failure = Failure("crashed", f"what decodes {name} died of it; give an intact copy")
        if stuck:
            reason = f"{name} was not answered within {self._timeout_s:g} s; give a shorter one"
            failure = Failure("timeout", reason)
        return replace(item, failure=failure)

    def _flush_all(self) -> Iterator[Part]:
        """Have the workers write what they have been given, if they can in a moment."""
        for member in self._members:
            self._send(member, Flush())
        ends_s = time.monotonic() + _PATIENCE_S
        try:
            while any(one.waiting for one in self._members) and time.monotonic() < ends_s:
                self._listen()
                yield from self._take_written()
        except UnmaskError:
            return
