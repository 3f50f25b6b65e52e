"""Where files come from: upload, paste, the sample media, a photo."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

import streamlit as st

from unmask.doors.app.engine import open_samples
from unmask.doors.app.visit import MAX_FILE_BYTES, MAX_VISIT_BYTES, Visit
from unmask.errors import printable
from unmask.media.sources import NamedFile
from unmask.service.problems import ProblemError

SAMPLES: Final = {
    "portrait.jpg": "Try a portrait",
    "clip.mp4": "Try a clip",
    "landscape.png": "Try a picture without a face",
}
_SAMPLE: Final = "sample"
_MEGABYTE: Final = 1_000_000
_HERE: Final = Path(__file__).parent
_paste = st.components.v2.component(
    "unmask_paste",
    html=(_HERE / "paste.html").read_text(encoding="utf-8"),
    css=(_HERE / "paste.css").read_text(encoding="utf-8"),
    js=(_HERE / "paste.js").read_text(encoding="utf-8"),
)


class _Upload(Protocol):
    file_id: str
    name: str

    def getbuffer(self) -> memoryview: ...


def ask_for_files(visit: Visit) -> dict[str, NamedFile]:
    """The files that the visitor uploaded, pasted or chose among the samples, by token."""
    uploads = st.file_uploader(
        "Pictures or clips",
        accept_multiple_files=True,
        max_upload_size=MAX_FILE_BYTES // _MEGABYTE,
        help="JPEG, PNG, WebP, AVIF, HEIC, TIFF, BMP, GIF; MP4, MOV, MKV, WebM, AVI and others.",
        key="files",
    )
    st.write(
        f"A file may have up to {MAX_FILE_BYTES // _MEGABYTE} MB, all files of a visit together "
        f"{MAX_VISIT_BYTES // _MEGABYTE} MB. A larger one is not taken: cut a clip to the part "
        "that matters, or save a picture as JPEG."
    )
    _paste(key="paste")
    with st.container(horizontal=True):
        for name, label in SAMPLES.items():
            st.button(label, on_click=_choose_sample, args=(name,))
        sample = st.session_state.get(_SAMPLE)
        if sample is not None:
            st.button(f"Put {sample} away", on_click=_choose_sample, args=(None,))
    taken = {}
    if sample is not None:
        taken[f"sample {sample}"] = NamedFile(open_samples() / sample, sample)
    return _take(visit, uploads, taken)


def ask_for_photo(visit: Visit) -> dict[str, NamedFile]:
    """The photo that the visitor took, by token."""
    photo = st.camera_input("Look into the camera and take a photo", key="photo")
    return _take(visit, [] if photo is None else [photo], {})


def _choose_sample(name: str | None) -> None:
    st.session_state[_SAMPLE] = name


def _take(
    visit: Visit, uploads: Sequence[_Upload], taken: dict[str, NamedFile]
) -> dict[str, NamedFile]:
    """Keep the uploads, and no others; one that is too large is refused and the rest goes on."""
    visit.keep_only({*taken, *(upload.file_id for upload in uploads)})
    for upload in uploads:
        try:
            taken[upload.file_id] = visit.take(upload.file_id, upload.name, upload.getbuffer())
        except ProblemError as error:
            st.error(f"{printable(upload.name)}: {error}")
    return taken
