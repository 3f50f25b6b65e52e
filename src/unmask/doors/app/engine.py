"""What all visitors share: the models, and how many files are worked on at a time."""

import atexit
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import streamlit as st

from unmask.detection.detector import Detector
from unmask.doors.app.settings import AppSettings
from unmask.doors.app.visit import Visit
from unmask.inspection.inspect import Inspector
from unmask.media.limits import DecodeLimits
from unmask.media.samples import make_samples
from unmask.models.library import ModelFolder, list_models, open_model
from unmask.service.settings import count_processors
from unmask.service.spool import Spool

MOST_DETECTORS: Final = 8
"""Combinations of model, policy and frames that stay loaded."""


@dataclass(frozen=True, slots=True)
class Choice:
    """With what a file is asked about."""

    model: str
    policy: str
    frames: int


@st.cache_resource(show_spinner="Loading the model", max_entries=MOST_DETECTORS)
def open_inspector(model: str, policy: str, frames: int) -> Inspector:
    """An inspector; one for all visitors who choose the same."""
    detector = Detector(model, policy=policy, frames=frames, contained=DecodeLimits())
    return Inspector(detector)


@st.cache_resource(show_spinner=False)
def open_places() -> threading.Semaphore:
    """As many places as processors: more files at a time would only make all of them slower."""
    return threading.Semaphore(count_processors())


@st.cache_resource(show_spinner=False)
def offer_models(settings: AppSettings) -> dict[str, ModelFolder]:
    """The models to choose from, by what they are opened by; the first is where a visit begins.

    Raises:
        UsageError: one that was named when the page was started does not exist.
        ModelError: one is broken.
    """
    named = {model: open_model(model) for model in settings.models}
    paths = {folder.path for folder in named.values()}
    bundled = {folder.card.name: folder for folder in list_models() if folder.path not in paths}
    return {**named, **bundled}


@st.cache_resource(show_spinner="Making the sample media")
def open_samples() -> Path:
    """The folder with the package's own sample media; one for all visitors."""
    spool = Spool(None, max_bytes=0, total_bytes=0)
    atexit.register(spool.close)
    make_samples(spool.folder)
    return spool.folder


@st.cache_resource(scope="session", on_release=Visit.end, show_spinner=False)
def open_visit() -> Visit:
    """This visitor's files; closed when the browser goes away."""
    return Visit()
