"""The page as one file: `unmask app` starts it, and so does `streamlit run`."""

from collections.abc import Mapping
from typing import Final

import streamlit as st

from unmask.doors.app.engine import (
    Choice,
    offer_models,
    open_inspector,
    open_places,
    open_visit,
)
from unmask.doors.app.inputs import ask_for_files, ask_for_photo
from unmask.doors.app.live import show_live
from unmask.doors.app.result import show_comparison, show_finding, show_model, show_overview
from unmask.doors.app.settings import AppSettings, read_settings
from unmask.doors.app.visit import Key, Visit
from unmask.errors import UnmaskError, printable
from unmask.inspection.inspect import Inspector
from unmask.inspection.moments import Finding
from unmask.media.sources import NamedFile
from unmask.models.library import ModelFolder
from unmask.reporting.fragments import style_fragment

WAYS: Final = ("Pictures and clips", "Take a photo", "Live camera")
NO_COMPARISON: Final = "none"
MOST_FRAMES: Final = 256
_LOOK_S: Final = 0.25  # between two looks at the progress


def show_page() -> None:
    """The whole page, from top to bottom, as Streamlit runs it at every change."""
    st.set_page_config(page_title="Unmask: is this face real?", layout="centered")
    st.html(style_fragment())
    st.title("Is this face real?")
    st.write(
        "Give a picture or clip: the answer says how likely its faces were made or altered by a "
        "machine, and why. Files stay on the machine that runs this page, and are deleted when you "
        "leave."
    )
    try:
        _show_all(read_settings())
    except UnmaskError as error:
        st.error(f"{error.code}: {error}")


def _show_all(settings: AppSettings) -> None:
    models = offer_models(settings)
    choice, other = _choose(settings, models)
    way = st.radio("How do you want to ask?", WAYS, horizontal=True)
    if way == "Live camera":
        show_live(choice)
    else:
        visit = open_visit()
        files = ask_for_files(visit) if way == WAYS[0] else ask_for_photo(visit)
        _answer(visit, files, choice, other, models)
    show_model(models[choice.model])


def _choose(
    settings: AppSettings, models: Mapping[str, ModelFolder]
) -> tuple[Choice, Choice | None]:
    """With what is asked, and with what else: another model, or another policy of the same."""
    names = list(models)
    with st.sidebar:
        st.header("Settings")
        model = st.selectbox("Model", names, format_func=lambda name: models[name].card.name)
        policy = _choose_policy("Policy: which mistakes weigh more", models[model], settings.policy)
        frames = st.number_input(
            "Frames of a clip that are looked at", 1, MOST_FRAMES, min(settings.frames, MOST_FRAMES)
        )
        choice = Choice(model, policy, int(frames))
        alone = len(models[model].card.policies) == 1
        second = st.selectbox(
            "Compare with",
            [NO_COMPARISON, *(name for name in names if name != model or not alone)],
            format_func=lambda name: _name_other(name, model, models),
            help="Start the page with unmask app --model FOLDER to offer more models.",
        )
        if second == NO_COMPARISON:
            return choice, None
        taken = policy if second == model else None
        label = "Policy of the comparison"
        other = _choose_policy(label, models[second], policy, without=taken)
    return choice, Choice(second, other, int(frames))


def _choose_policy(
    label: str, folder: ModelFolder, first: str, *, without: str | None = None
) -> str:
    policies = folder.card.policies
    names = [name for name in policies if name != without]
    chosen: str = st.selectbox(
        label,
        names,
        index=names.index(first) if first in names else 0,
        format_func=lambda name: f"{name}: {policies[name].meaning}",
    )
    return chosen


def _name_other(name: str, model: str, models: Mapping[str, ModelFolder]) -> str:
    if name == model:
        return "the same model under another policy"
    return models[name].card.name if name in models else name


def _answer(
    visit: Visit,
    files: Mapping[str, NamedFile],
    choice: Choice,
    other: Choice | None,
    models: Mapping[str, ModelFolder],
) -> None:
    """Ask about the files, show what is known."""
    for asked in (choice, other):
        if asked is not None and not _find_out(visit, files, asked):
            return
    found = _known(visit, files, choice)
    if not found:
        return
    st.header("Answer" if len(found) == 1 else "Answers", divider="grey")
    token = show_overview(found) if len(found) > 1 else next(iter(found))
    if other is not None:
        second = visit.findings[_key(token, other)]
        show_comparison(
            (f"{models[choice.model].card.name}, {choice.policy}", found[token]),
            (f"{models[other.model].card.name}, {other.policy}", second),
        )
    show_finding(found[token], models[choice.model].card, str(_key(token, choice)))


def _key(token: str, choice: Choice) -> Key:
    return token, choice.model, choice.policy, choice.frames


def _known(visit: Visit, files: Mapping[str, NamedFile], choice: Choice) -> dict[str, Finding]:
    keys = {token: _key(token, choice) for token in files}
    return {token: visit.findings[key] for token, key in keys.items() if key in visit.findings}


def _find_out(visit: Visit, files: Mapping[str, NamedFile], choice: Choice) -> bool:
    """Inspect what is not known yet, showing how far it is; False where the visitor gave it up."""
    wanted = {_key(token, choice): file for token, file in files.items()}
    missing = {key: file for key, file in wanted.items() if key not in visit.findings}
    if visit.given_up.intersection(missing):
        st.info("Cancelled.")
        st.button("Ask again", on_click=visit.forget_giving_up)
        return False
    if missing:
        inspector = open_inspector(choice.model, choice.policy, choice.frames)
        _work(visit, missing, inspector)
    return True


def _work(visit: Visit, missing: Mapping[Key, NamedFile], inspector: Inspector) -> None:
    work = visit.begin(missing, inspector, open_places())
    place = st.empty()
    with place.container():
        bar = st.progress(0.0, "Beginning")
        st.button("Cancel", on_click=visit.give_up, key=f"cancel {inspector.detector.settings}")
        while not work.wait(_LOOK_S):
            bar.progress(work.share, f"Looking at {printable(work.name)}")
    place.empty()
    visit.gather()


show_page()
