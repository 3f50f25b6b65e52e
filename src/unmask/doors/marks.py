"""What stands on a live picture."""

from collections.abc import Iterable

from unmask.detection.live import LivePerson
from unmask.reporting.drawing import Mark
from unmask.reporting.wording import label


def mark_people(people: Iterable[LivePerson]) -> tuple[Mark, ...]:
    """A box with words for each person."""
    return tuple(
        Mark(
            person.box_xyxy,
            f"person {person.person}: {label(person.verdict.value, person.score.probability)}",
            person.verdict.value,
        )
        for person in people
    )
