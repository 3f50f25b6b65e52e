"""Memory that two processes see, through which pixels go from one to the other."""

import mmap
import os
import tempfile
from typing import Final

KEPT_BYTES: Final = 64 * 2**20
"""What is kept between two uses: a picture of 20 million pixels fits."""


class Shelf:
    """Bytes at a file handle without a name: nothing is left of it when its processes are gone.

    It is no segment below `/dev/shm`, which containers keep to 64 MB.

    Args:
        handle: that of a shelf another process has made; a new one where None.
    """

    def __init__(self, handle: int | None = None) -> None:
        self.handle: Final = _make() if handle is None else handle
        self._mapped: mmap.mmap | None = None

    def put(self, content: memoryview) -> None:
        """Lay bytes there, in place of what was there before."""
        if os.fstat(self.handle).st_size < content.nbytes:
            os.ftruncate(self.handle, content.nbytes)
        self._map(content.nbytes)[: content.nbytes] = content

    def take(self, into: memoryview) -> None:
        """Copy bytes from there, and give back memory beyond what is kept.

        Raises:
            ValueError: there are fewer than asked for.
        """
        if os.fstat(self.handle).st_size < into.nbytes:
            message = f"{into.nbytes} bytes were announced, but there are fewer"
            raise ValueError(message)
        into[:] = self._map(into.nbytes)[: into.nbytes]

    def shrink(self) -> None:
        """Give back memory beyond what is kept; nobody may be using the shelf meanwhile."""
        if os.fstat(self.handle).st_size > KEPT_BYTES:
            self._unmap()
            os.ftruncate(self.handle, 0)

    def close(self) -> None:
        """Let go of it."""
        self._unmap()
        os.close(self.handle)

    def _map(self, size: int) -> memoryview:
        whole = os.fstat(self.handle).st_size
        if self._mapped is None or len(self._mapped) < size:
            self._unmap()
            self._mapped = mmap.mmap(self.handle, whole)
        return memoryview(self._mapped)

    def _unmap(self) -> None:
        if self._mapped is not None:
            self._mapped.close()
            self._mapped = None


def _make() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("unmask")
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
