"""A log whose file was removed or replaced while it was in use is said at once; nothing is written into nowhere."""

import pytest

from core.errors import StoreError
from serving.prediction_log.log import PredictionLog


@pytest.mark.parametrize("replaced", [False, True])
def test_nothing_is_stored_in_a_file_that_is_gone(tmp_path, replaced):
    path = tmp_path / "log.sqlite"
    log = PredictionLog.open(f"sqlite:///{path}")
    try:
        log.check()
        for file in tmp_path.iterdir():
            file.unlink()
        if replaced:
            path.write_bytes(b"")
        with pytest.raises(StoreError, match="removed or replaced while it was in use; put it back, or restart"):
            log.check()
    finally:
        log.close()
