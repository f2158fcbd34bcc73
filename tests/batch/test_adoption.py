"""Results are recognized by what their files say of themselves."""

from __future__ import annotations

import json

import numpy as np
from PIL import Image

from colorize.cli import main


def test_results_without_a_manifest_are_adopted(tmp_path, monkeypatch):
    """A folder that was done without a manifest is not done again once there is one."""
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.jpg"):
        Image.fromarray(rng.integers(0, 256, (32, 24), np.uint8)).save(tmp_path / name)
    run = ["-i", str(tmp_path / "a.png"), str(tmp_path / "b.jpg"), "-o", str(tmp_path / "out")]
    assert main([*run, "--quiet"]) == 0
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    manifest = tmp_path / "m.jsonl"
    assert main([*run, "--quiet", "--manifest", str(manifest), "--overwrite"]) == 0
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert before == after and len(before) == 2
    statuses = [json.loads(line)["status"] for line in manifest.read_text().splitlines()]
    assert statuses.count("done") == 2
    # other pixels and other settings are other results
    manifest.unlink()
    Image.fromarray(rng.integers(0, 256, (32, 24), np.uint8)).save(tmp_path / "a.png")
    assert main([*run, "--quiet", "--manifest", str(manifest), "--overwrite"]) == 0
    changed = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert changed["b.jpg"] == before["b.jpg"] and changed["a.png"] != before["a.png"]
    manifest.unlink()
    strong = [*run, "--quiet", "--manifest", str(manifest), "--overwrite", "--saturation", "2"]
    assert main(strong) == 0
    stronger = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    assert stronger["b.jpg"] != before["b.jpg"]
