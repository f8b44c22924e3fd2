"""Tests of the writers write thousands of small files; none of them pulls the plug."""

import os

import pytest


@pytest.fixture(autouse=True)
def _no_waiting_for_the_disk(monkeypatch):
    """`os.fsync` does nothing: it only guards against loss of power, and takes most of a small run's time."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
