"""Readers against input that a machine thinks out: an answer of ours, never another error.

UNMASK_FUZZ=20000 sets how many examples each property is tried on.
"""

import contextlib
import io
import json
import os
import zipfile

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unmask.data.reading import read_data
from unmask.errors import DataError, MediaError, ModelError, UnmaskError, UsageError
from unmask.inspection.metadata import read_xmp
from unmask.inspection.provenance import trace
from unmask.inspection.verify import read_report
from unmask.media.chunks import drop_text, read_texts
from unmask.media.images import read_image
from unmask.media.video import probe_clip
from unmask.models.card import ModelCard, read_card
from unmask.models.domain import read_domain
from unmask.models.library import open_model
from unmask.training.settings import load_settings

from .corpus import cut, flip, make_clips, make_stills

EXAMPLES = int(os.environ.get("UNMASK_FUZZ", "60"))
fuzz = settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
SEEDS = st.integers(0, 2**32 - 1)
STILLS = make_stills()
CLIPS = make_clips()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)
CELLS = st.text(st.characters(exclude_categories=[]), max_size=12)


def damage(content, seed):
    """Cut, or turn bits over, or both; chance decides."""
    chance = np.random.default_rng(seed)
    if chance.random() < 0.7:
        content = flip(content, chance)
    return cut(content, chance) if chance.random() < 0.4 else content


@fuzz
@given(st.sampled_from(sorted(STILLS)), SEEDS)
def test_damaged_pictures_are_read_or_refused(name, seed):
    with contextlib.suppress(MediaError):
        assert read_image(damage(STILLS[name], seed), max_pixels=10**7).ndim == 3


@fuzz
@given(st.sampled_from(sorted(CLIPS)), SEEDS)
def test_damaged_clips_are_measured_or_refused(name, seed):
    with contextlib.suppress(MediaError):
        assert probe_clip(damage(CLIPS[name], seed), max_pixels=10**7).width_px > 0


@fuzz
@given(st.binary(max_size=3000))
def test_bytes_are_read_or_refused(data):
    with contextlib.suppress(MediaError):
        read_image(data, max_pixels=10**7)


@fuzz
@given(st.sampled_from(sorted({**STILLS, **CLIPS})), SEEDS)
def test_where_a_damaged_file_is_from_is_told_or_refused(tmp_path, name, seed):
    path = tmp_path / f"damaged.{name}"
    path.write_bytes(damage({**STILLS, **CLIPS}[name], seed))
    with contextlib.suppress(MediaError):
        json.dumps(trace(path).to_dict())


@fuzz
@given(st.binary(max_size=2000) | st.text(max_size=500).map(str.encode))
def test_xmp_is_read_or_warned_of(packet):
    _, _, warnings = read_xmp(b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + packet)
    assert all(isinstance(warning, str) for warning in warnings)


@fuzz
@given(st.binary(max_size=2000))
def test_png_texts_are_read_or_warned_of(rest):
    data = STILLS["png"][:33] + rest
    texts, warnings = read_texts(data)
    assert isinstance(drop_text(data), bytes)
    assert len(texts) + len(warnings) >= 0


@fuzz
@given(st.data())
def test_a_card_is_read_or_refused(tmp_path, data):
    """Any JSON, and a true card in which one entry became any JSON."""
    card = json.loads(ModelCard.model_dump_json(open_model(None).card))
    key = data.draw(st.sampled_from([None, *card]))
    content = data.draw(JSON) if key is None else {**card, key: data.draw(JSON)}
    (tmp_path / "card.json").write_text(json.dumps(content), encoding="utf-8")
    with contextlib.suppress(ModelError):
        read_card(tmp_path)


@fuzz
@given(st.binary(max_size=500), SEEDS)
def test_a_description_is_read_or_refused(tmp_path, rest, seed):
    folder = open_model(None)
    whole = folder.domain_path.read_bytes()
    path = tmp_path / "domain.npz"
    path.write_bytes(rest if seed % 2 else damage(whole, seed))
    with contextlib.suppress(ModelError):
        read_domain(path, folder.card.domain)


@fuzz
@given(st.dictionaries(st.text(max_size=12), JSON, max_size=3), st.text(max_size=40))
def test_settings_are_read_or_refused(tmp_path, content, override):
    path = tmp_path / "settings.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with contextlib.suppress(UsageError):
        load_settings(str(path))
    with contextlib.suppress(UsageError):
        load_settings(None, [override])


@fuzz
@given(st.lists(st.lists(CELLS, max_size=5), max_size=6))
def test_tables_are_read_or_refused(tmp_path, rows):
    path = tmp_path / "table.csv"
    text = "\n".join(",".join(row) for row in [["path", "label", "split"], *rows])
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    with contextlib.suppress(DataError, UsageError):
        read_data(path)


@fuzz
@given(st.dictionaries(CELLS.filter(bool), st.binary(max_size=50), max_size=4), SEEDS)
def test_archives_are_read_or_refused_and_write_nothing_outside(
    tmp_path, monkeypatch, members, seed
):
    place = tmp_path / "in"
    place.mkdir(exist_ok=True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "in" / "cache"))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name, content in {"../up.png": b"x", "/root.png": b"x", **members}.items():
            with (
                contextlib.suppress(UnicodeEncodeError, ValueError),
                archive.open(zipfile.ZipInfo(name), "w") as stream,
            ):
                stream.write(content)
    data = packed.getvalue()
    (place / "data.zip").write_bytes(damage(data, seed) if seed % 3 == 0 else data)
    with contextlib.suppress(UnmaskError):
        read_data(place / "data.zip")
    assert [entry.name for entry in tmp_path.iterdir()] == ["in"]


@fuzz
@given(JSON)
def test_reports_are_read_or_refused(tmp_path, content):
    path = tmp_path / "report.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    with contextlib.suppress(UsageError, DataError, MediaError):
        read_report(path)
