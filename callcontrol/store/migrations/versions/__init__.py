"""Revisions: `NNNN_what.py`, each named by the one before it.

The new schema must serve the engines that still run on the old one: add in one revision, take
away in a later one.
"""
