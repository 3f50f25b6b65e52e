"""The page in a real browser."""

import base64
import json
import re
import signal
import time

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from unmask.detection.detector import Detector
from unmask.inspection.evidence import render_evidence
from unmask.inspection.inspect import Inspector
from unmask.media.sources import NamedFile

PATIENCE_S = 60
AXE_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


@pytest.fixture(scope="module")
def detector():
    return Detector()


def upload(page, *paths):
    page.locator('.st-key-files input[type="file"]').set_input_files([str(path) for path in paths])


def answer_for(page, name):
    return page.get_by_role("region", name=f"Answer for {name}", exact=True)


def serious(page):
    """What axe finds that keeps somebody out."""
    found = Axe().run(page, options=AXE_RULES).response["violations"]
    return {
        (rule["id"], node["html"][:200])
        for rule in found
        if rule["impact"] in {"serious", "critical"}
        for node in rule["nodes"]
    }


def test_a_first_visitor_sees_an_answer_after_one_key(visit, portrait_verdict):
    page = visit()
    page.get_by_role("button", name="Try a portrait").focus()
    page.keyboard.press("Enter")
    expect(answer_for(page, "portrait.jpg")).to_contain_text(portrait_verdict)
    expect(page.get_by_text("What the model went by")).to_be_visible()
    expect(page.get_by_alt_text(re.compile("heat, Face 1"))).to_be_visible()


def test_an_upload_is_answered_as_by_inspect(visit, detector, media):
    page = visit()
    upload(page, media["photo.jpg"])
    told = Inspector(detector).inspect(NamedFile(media["photo.jpg"], "photo.jpg"))
    shown = answer_for(page, "photo.jpg")
    expect(shown.locator(".unmask-word")).to_have_text(told.verdict.value)
    for reason in told.reasons:
        expect(shown).to_contain_text(reason)


def test_real_and_fake_are_told_apart(visit, shared_data):
    folder = shared_data / "rvf10k_valid_sample"
    pictures = {verdict: sorted((folder / verdict).iterdir())[0] for verdict in ("real", "fake")}
    page = visit()
    upload(page, *pictures.values())
    table = page.get_by_role("table").first
    for verdict, path in pictures.items():
        row = table.get_by_role("row").filter(has_text=path.name)
        expect(row.get_by_role("cell").first).to_have_text(verdict)


def test_bad_files_have_the_words_of_detect_and_the_others_go_on(
    visit, detector, media, portrait_verdict
):
    bad = ["broken.jpg", "text.jpg", "empty.png", "archive.zip"]
    page = visit()
    upload(page, *(media[name] for name in [*bad, "photo.jpg", "landscape.png"]))
    table = page.get_by_role("table").first
    for name in bad:
        error = detector.detect(NamedFile(media[name], name)).error
        row = table.get_by_role("row").filter(has_text=name)
        expect(row).to_contain_text(f"{error.code}: {error.message}")
    expect(table.get_by_role("row").filter(has_text="landscape.png")).to_contain_text("no face")
    expect(table.get_by_role("row").filter(has_text="photo.jpg")).to_contain_text("1 face")
    upload(page, media["portrait.jpg"])
    expect(table.get_by_role("row").filter(has_text="portrait.jpg")).to_contain_text(
        portrait_verdict
    )


def test_a_clip_has_a_course_and_moments(visit):
    page = visit()
    page.get_by_role("button", name="Try a clip").click()
    expect(answer_for(page, "clip.mp4")).to_contain_text("real")
    expect(page.get_by_role("img", name=re.compile("scores of person 0"))).to_be_visible()
    go = page.get_by_role("button", name=re.compile("Go to")).first
    moment = go.inner_text().removeprefix("Go to ")
    go.click()
    expect(page.get_by_alt_text(re.compile(f"The clip at {moment}"))).to_be_visible()
    slider = page.get_by_role("slider", name="Moment of the clip")
    slider.focus()
    page.keyboard.press("Home")
    expect(page.get_by_alt_text(re.compile("The clip at 0:00"))).to_be_visible()


def test_a_long_clip_shows_its_progress_and_can_be_given_up(visit, media):
    page = visit()
    upload(page, media["long.mp4"])
    page.get_by_text("Looking at long.mp4").wait_for()
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_text("Cancelled.")).to_be_visible()
    expect(page.get_by_role("button", name="Ask again")).to_be_enabled()
    page.get_by_role("button", name="Try a picture without a face").click()
    expect(page.get_by_text("Cancelled.")).to_be_visible()


def test_the_report_can_be_kept(visit, portrait_verdict):
    page = visit()
    page.get_by_role("button", name="Try a portrait").click()
    kept = {}
    for kind in ("HTML", "PDF", "JSON"):
        with page.expect_download() as begun:
            page.get_by_role("button", name=f"Report as {kind}").click()
        assert begun.value.suggested_filename == f"portrait-unmask.{kind.lower()}"
        kept[kind] = begun.value.path().read_bytes()
    assert kept["HTML"].lower().startswith(b"<!doctype html>")
    assert kept["PDF"].startswith(b"%PDF-")
    assert json.loads(kept["JSON"])["verdict"] == portrait_verdict


def test_a_picture_can_be_pasted(visit, media, portrait_verdict):
    page = visit()
    page.get_by_role("button", name="Paste a picture").wait_for()
    page.evaluate(
        """(content) => {
            const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
            const held = new DataTransfer();
            held.items.add(new File([bytes], "pasted.jpg", { type: "image/jpeg" }));
            const event = { clipboardData: held, bubbles: true, cancelable: true };
            document.body.dispatchEvent(new ClipboardEvent("paste", event));
        }""",
        base64.b64encode(media["portrait.jpg"].read_bytes()).decode(),
    )
    expect(answer_for(page, "pasted.jpg")).to_contain_text(portrait_verdict)


def test_two_models_and_two_policies_are_compared(visit):
    page = visit()
    page.get_by_role("button", name="Try a portrait").click()
    expect(page.get_by_text("What the model went by")).to_be_visible()
    table = page.get_by_role("table", name="The same file, asked in two ways")
    for choice, says in (("second-opinion", "90.0 %"), ("the same model", "unmask-mobilenetv2, ")):
        page.get_by_role("combobox", name=re.compile("Compare with")).click()
        page.get_by_role("option", name=re.compile(choice)).click()
        expect(table).to_contain_text(says)
    expect(table.get_by_role("columnheader")).to_have_text(
        ["", "unmask-mobilenetv2, balanced", "unmask-mobilenetv2, fpr_1"]
    )


def test_the_largest_file_is_told_before_and_after(visit, tmp_path):
    page = visit()
    expect(page.get_by_text("A file may have up to 200 MB")).to_be_visible()
    with (tmp_path / "huge.mp4").open("wb") as stream:
        stream.truncate(210 * 2**20)
    upload(page, tmp_path / "huge.mp4")
    expect(page.get_by_text("File must be 200.0MB or smaller")).to_be_visible()
    expect(page.locator(".unmask-word")).to_have_count(0)


def test_a_photo_is_answered(visit):
    page = visit(permissions=["camera"])
    page.get_by_text("Take a photo", exact=True).click()
    page.get_by_role("button", name="Take Photo").click()
    expect(page.locator(".unmask-word")).to_be_visible()


def watch_live(page):
    """Start the live camera; its words and its picture."""
    page.get_by_text("Live camera", exact=True).click()
    page.get_by_role("button", name="Start").click()
    said = page.locator(".unmask-live")
    expect(said).to_contain_text(re.compile(r"person 0: [A-Z]+, \d+ % fake"))
    return said, page.locator("video")


def test_the_live_camera_names_each_person_and_the_pace(visit):
    page = visit(permissions=["camera"])
    said, video = watch_live(page)
    expect(said).to_contain_text(re.compile(r"[1-9]\d* frames per second"))
    expect(said).to_contain_text(re.compile(r"[1-9]\d* answers per second, \d+ ms after"))
    assert video.evaluate("video => [video.videoWidth, video.videoHeight]") == [1280, 720]
    assert not serious(page)
    mark = page.locator(".mark")
    expect(mark).to_contain_text("person 0")
    left, right = video.evaluate(
        """video => {
            const [face, picture] = [video.getRootNode().querySelector(".mark"), video].map(
                (one) => one.getBoundingClientRect());
            return [face.left, face.right].map((x) => 1280 * (x - picture.left) / picture.width);
        }"""
    )
    assert 300 < left < right < 300 + 512 + 60  # in the portrait, wherever it has moved
    assert 480 < (left + right) / 2 < 660
    page.get_by_role("button", name="Stop").click()
    expect(video).to_be_hidden()
    expect(mark).to_have_count(0)


def test_the_live_picture_goes_on_and_nothing_piles_up_where_answers_stay_away(visit, served):
    page = visit(permissions=["camera"])
    said, video = watch_live(page)
    page.evaluate(
        """() => {
            const encode = HTMLCanvasElement.prototype.toBlob;
            window.stills = 0;
            HTMLCanvasElement.prototype.toBlob = function (...given) {
                window.stills += 1;
                return encode.apply(this, given);
            };
        }"""
    )
    shown = "video => video.getVideoPlaybackQuality().totalVideoFrames"
    served.process.send_signal(signal.SIGSTOP)
    try:
        stills, frames = page.evaluate("window.stills"), video.evaluate(shown)
        expect(said).to_contain_text("no answer for 3 seconds")
        expect(page.locator(".mark")).to_have_count(0)
        assert page.evaluate("window.stills") <= stills + 3
        assert video.evaluate(shown) > frames
    finally:
        served.process.send_signal(signal.SIGCONT)
    expect(said).to_contain_text("person 0: ")


def test_the_live_camera_goes_on_under_another_policy(visit):
    page = visit(permissions=["camera"])
    said, video = watch_live(page)
    page.get_by_role("combobox", name=re.compile("Policy")).click()
    page.get_by_role("option", name=re.compile("fpr_1")).click()
    expect(page.get_by_role("combobox", name=re.compile("Policy"))).to_have_value(
        re.compile("fpr_1")
    )
    expect(said).to_contain_text("person 0: ")
    assert video.evaluate("video => !video.paused")


def test_a_missing_camera_is_said(browser, program, served):
    plain = browser.browser_type.launch(executable_path=program, args=["--no-sandbox"])
    with plain, plain.new_page(permissions=["camera"]) as page:
        page.goto(served.url)
        page.get_by_text("Live camera", exact=True).click()
        page.get_by_role("button", name="Start").click()
        expect(page.get_by_role("alert").filter(has_text="There is no camera")).to_be_visible()
        expect(page.get_by_role("button", name="Start")).to_be_visible()


def test_nobody_is_kept_out(visit):
    page = visit(color_scheme="light")
    page.get_by_role("button", name="Try a clip").click()
    expect(answer_for(page, "clip.mp4")).to_be_visible()
    page.get_by_role("button", name=re.compile("Go to")).first.wait_for()
    for summary in page.locator("summary").all():
        summary.click()
    assert not serious(page)
    ground = "getComputedStyle(document.querySelector('.stApp')).backgroundColor"
    light = page.evaluate(ground)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"{ground} !== '{light}'")
    assert not serious(page)


def test_nothing_is_wider_than_a_phone(visit):
    page = visit(viewport={"width": 390, "height": 844}, is_mobile=True, has_touch=True)
    page.get_by_role("button", name="Try a clip").tap()
    expect(answer_for(page, "clip.mp4")).to_be_visible()
    page.get_by_role("button", name=re.compile("Go to")).first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    # The scrubber's thumb holds an input that is there for screen readers and not shown.
    overlong = "[...document.querySelectorAll('[data-testid=stMain] :not(input[type=range])')] \
        .filter(one => !one.closest('.unmask-scroll')) \
        .filter(one => one.getBoundingClientRect().right > 391).length"
    assert page.evaluate(overlong) == 0


def test_the_kept_report_fits_a_phone(browser, detector, media, tmp_path):
    found = Inspector(detector).inspect(media["portrait.jpg"])
    path = tmp_path / "report.html"
    path.write_text(render_evidence(found, "html"))
    with browser.new_page(viewport={"width": 390, "height": 844}) as page:
        page.goto(path.as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert not serious(page)


def uploads(served):
    """What lies in the folders of visits."""
    return [
        path.read_bytes() for path in served.folder.glob("unmask-uploads-*/*") if path.is_file()
    ]


def wait_until(true):
    ends_s = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < ends_s
        time.sleep(0.1)


def test_two_visitors_do_not_meet_and_uploads_go_with_them(visit, served, media):
    names = ("photo.jpg", "portrait.jpg")
    contents = [media[name].read_bytes() for name in names]
    pages = [visit(), visit()]
    for page, name in zip(pages, names, strict=True):
        upload(page, media[name])
    for page, name in zip(pages, names, strict=True):
        expect(answer_for(page, name)).to_be_visible()
    for page, other in zip(pages, reversed(names), strict=True):
        expect(answer_for(page, other)).to_have_count(0)
    assert all(content in uploads(served) for content in contents)
    pages[0].context.close()
    wait_until(lambda: contents[0] not in uploads(served))
    assert contents[1] in uploads(served)


def test_uploads_go_with_the_server(visit, start_page, media):
    served = start_page()
    page = visit(url=served.url)
    upload(page, media["photo.jpg"])
    wait_until(lambda: uploads(served))
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(PATIENCE_S) == 0
    assert not list(served.folder.glob("unmask-uploads-*"))
