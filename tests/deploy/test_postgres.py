"""The embedded server survives its owner, and is stopped by the next one."""

import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest

from deploy.local import postgres


def test_a_server_left_by_a_killed_owner_is_taken_over_and_stopped():
    with tempfile.TemporaryDirectory(prefix="molt-tests-") as folder:
        Path(folder).chmod(0o755)
        data = Path(folder) / "postgres"
        killed = (
            "import os, signal, sys; from pathlib import Path; from deploy.local import postgres\n"
            "with postgres.running(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
        )
        subprocess.run([sys.executable, "-c", killed, str(data)], check=False)
        with postgres.running(data) as url, psycopg.connect(url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        with pytest.raises(psycopg.OperationalError):
            psycopg.connect(url)
