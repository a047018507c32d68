"""Scenes for tests of the stand-in switch."""

import pytest

from tests.integration.switchsim.scene import Scene


@pytest.fixture
def make_scene():
    """Makes scenes with settings of their own, and closes them."""
    scenes = []

    def make(*args, **settings):
        scenes.append(Scene(*args, **settings))
        return scenes[-1]

    yield make
    for scene in scenes:
        scene.close()


@pytest.fixture
def scene(make_scene):
    """A switch that hands every call to the test's engine."""
    return make_scene()
