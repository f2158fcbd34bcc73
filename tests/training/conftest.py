"""Photographs to train on, and encoders without pretrained weights."""

import pytest
from fixtures.training import write_blobs

from colorize.training import recipes
from colorize.training.data.dataset import load_dataset


@pytest.fixture(scope="session")
def photo_folder(tmp_path_factory):
    folder = write_blobs(tmp_path_factory.mktemp("photographs"), 12)
    (folder / "notes.txt").write_text("not a picture")
    return folder


@pytest.fixture(scope="session")
def photos(photo_folder):
    return load_dataset([photo_folder], short_side=32, workers=1, quiet=True)


@pytest.fixture
def no_imagenet(monkeypatch):
    """Leave encoders with random weights: the packages with pretrained ones are optional."""
    monkeypatch.setattr(recipes, "load_imagenet", lambda encoder: None)
