"""The documented shapes are those of the records."""

from pathlib import Path

import pytest

from unmask.service import wire


@pytest.fixture(scope="module")
def reports(samples, small_detector):
    paths = [*samples.iterdir(), samples / "missing.jpg"]
    return [report.to_dict() for report in small_detector.detect_all(paths)]


def test_reports_come_through_field_for_field(reports, sample_verdicts):
    verdicts = {Path(report["source"]).name: report["verdict"] for report in reports}
    assert verdicts == {**sample_verdicts, "missing.jpg": "error"}
    for report in reports:
        assert set(report) == set(wire.Report.model_fields)
        assert wire.Report.model_validate(report).model_dump(mode="json") == report


@pytest.mark.parametrize("model", [wire.Report, wire.Job, wire.Results, wire.Problem])
def test_examples_are_valid(model):
    for example in model.model_config["json_schema_extra"]["examples"]:
        model.model_validate(example)
