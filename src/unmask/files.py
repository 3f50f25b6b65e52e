"""Files that are written whole or not at all, whatever happens meanwhile."""

import os
from pathlib import Path


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file beside its place and move it there once it lies on the disk.

    Whoever reads sees the earlier content or the new one; a process that is killed leaves the
    earlier one, and a hidden draft.

    Raises:
        OSError: it cannot be written; the earlier content is as it was.
    """
    data = content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content
    draft = path.with_name(f".{path.name[:100]}.{os.getpid()}.draft")
    try:
        with draft.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
