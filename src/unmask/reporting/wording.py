"""How an answer is said: words, percentages and colours for every page, table and picture."""

from typing import Final

from unmask.records import Report, Verdict

VERDICT_COLOURS: Final = {
    "fake": "#d55e00",
    "real": "#0072b2",
    "uncertain": "#e69f00",
    "no_face": "#767676",
    "error": "#a3004b",
}
"""One colour per verdict, told apart with colour-blind eyes too; always beside the word.

Source: M. Okabe and K. Ito, "Color Universal Design" (2008): vermillion, blue, orange.
"""

VERDICT_WORDS: Final = {
    "fake": "fake",
    "real": "real",
    "uncertain": "uncertain",
    "no_face": "no face",
    "error": "error",
}


def verdict_name(report: Report) -> str:
    """The verdict as the serialised report has it: `error` where there is an error."""
    return report.verdict.value if report.verdict else "error"


def percent(probability: float) -> str:
    """A score for people: `97 %`; never a rounded certainty, so `>99 %` and `<1 %` at the ends.

    >>> percent(0.968), percent(0.9999), percent(0.0001)
    ('97 %', '>99 %', '<1 %')
    """
    whole = round(probability * 100)
    return {0: "<1 %", 100: ">99 %"}.get(whole, f"{whole} %")


def report_percent(report: Report) -> str:
    """The score of a report for people, empty where nothing was scored."""
    return percent(report.score.probability) if report.score else ""


def note(report: Report) -> str:
    """One line beside the verdict: the error, or the first reason, or the first warning."""
    if report.error:
        return f"{report.error.code}: {report.error.message}"
    grounds = (*report.reasons, *report.warnings)
    return grounds[0] if grounds else ""


def who(report: Report) -> str:
    """How many faces were scored, for clips how many people: `1 face`, `2 people`."""
    if report.people:
        return f"{len(report.people)} {'person' if len(report.people) == 1 else 'people'}"
    if report.faces:
        return f"{len(report.faces)} {'face' if len(report.faces) == 1 else 'faces'}"
    return ""


def tone(probability: float, report: Report) -> str:
    """Which verdict's colour a single face or person of a report has.

    At or above the report's threshold it is that of `fake`, below it that of `real`; where the
    whole answer is uncertain so is every part of it.
    """
    if report.verdict is Verdict.UNCERTAIN:
        return "uncertain"
    return "fake" if probability >= report.threshold else "real"


def label(tone_name: str, probability: float) -> str:
    """What stands beside a box: the word and the score, so that colour is never needed.

    >>> label("fake", 0.97), label("real", 0.03)
    ('FAKE 97 %', 'REAL, 3 % fake')
    """
    word = VERDICT_WORDS[tone_name].upper()
    if tone_name == "fake":
        return f"{word} {percent(probability)}"
    return f"{word}, {percent(probability)} fake"
