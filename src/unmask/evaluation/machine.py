"""With what a result was made: versions and machine."""

import os
import platform
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Final

_PACKAGES: Final = ("unmask", "numpy", "opencv-python-headless", "pillow", "scipy", "matplotlib")
_CPU_INFO: Final = Path("/proc/cpuinfo")


def describe_versions() -> dict[str, str]:
    """The versions of Python and of what figures depend on."""
    return {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}}


def describe_hardware() -> dict[str, str | int]:
    """Processor, how many of its cores may be used, system."""
    return {
        "cpu": _cpu_name(),
        "cores": count_cores(),
        "machine": platform.machine(),
        "system": f"{platform.system()} {platform.release()}",
    }


def count_cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_name() -> str:
    try:
        lines = _CPU_INFO.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    return _find_model(lines) or platform.processor() or "unknown"


def _find_model(lines: Iterable[str]) -> str:
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return ""
