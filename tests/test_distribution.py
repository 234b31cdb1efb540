"""Training on several devices and on several machines gives the weights that one process gives."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SCRIPTS = Path(__file__).parent / "backends"


def started(script: str, *arguments: str, **environment: str) -> subprocess.Popen:
    command = [sys.executable, str(SCRIPTS / script), *arguments]
    return subprocess.Popen(
        command, env={**os.environ, **environment}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finished(process: subprocess.Popen) -> None:
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors[-3000:]


def assert_same_weights(one: Path, other: Path) -> None:
    with np.load(one) as first, np.load(other) as second:
        assert first.files == second.files
        for name in first.files:
            assert np.allclose(first[name], second[name], rtol=0, atol=1e-5), name


@pytest.mark.parametrize("script", ["two_devices.py", "two_workers.py"])
def test_the_page_shows_what_is_run_here(script):
    page = (SCRIPTS.parents[1] / "docs" / "scale_out.md").read_text()
    blocks = re.findall(r"```py\n(.*?)\n```", page, flags=re.DOTALL)
    shown = [[line.strip() for line in block.splitlines() if line.strip()] for block in blocks]
    code = [line.strip() for line in (SCRIPTS / script).read_text().splitlines() if line.strip()]
    assert any(block in [code[start : start + len(block)] for start in range(len(code))] for block in shown)
    assert len(blocks) == 2


@pytest.mark.slow(sample=0)
def test_two_devices_fit_as_one_does(tmp_path):
    for count in ("1", "2"):
        finished(started("two_devices.py", str(tmp_path / f"{count}.npz"), count))
    assert_same_weights(tmp_path / "1.npz", tmp_path / "2.npz")


@pytest.mark.slow(sample=0)
def test_two_workers_train_as_one_does(tmp_path):
    ports = []
    sockets = [socket.socket() for _ in range(2)]
    for opened in sockets:
        opened.bind(("127.0.0.1", 0))
        ports.append(opened.getsockname()[1])
    for opened in sockets:
        opened.close()
    finished(started("two_workers.py", str(tmp_path / "alone.npz")))
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    workers = [
        started(
            "two_workers.py",
            str(tmp_path / f"{number}.npz"),
            TF_CONFIG=json.dumps({"cluster": cluster, "task": {"type": "worker", "index": number}}),
        )
        for number in range(2)
    ]
    for worker in workers:
        finished(worker)
    assert_same_weights(tmp_path / "alone.npz", tmp_path / "0.npz")
    assert_same_weights(tmp_path / "0.npz", tmp_path / "1.npz")
