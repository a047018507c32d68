"""Tests of the engine, its packages and the stand-in switch."""
