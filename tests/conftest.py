"""What several test modules need."""

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the development pictures and clips, beside the checkout."""
    if not SHARED_DATA.is_dir():
        pytest.skip("the development data (../shared/data) are not beside this checkout")
    return SHARED_DATA
