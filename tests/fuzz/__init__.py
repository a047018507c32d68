"""Fuzzing of the event-socket codec on what a real switch sent.

hostile_streams  streams made of recorded conversations: cut, joined, repeated, damaged, cut off
wire_laws        what holds of every stream, checked against an obvious, slow second decoder

Short runs are ordinary tests; `python -m bench.fuzz_wire` runs for as long as one likes.
"""
