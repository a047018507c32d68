"""Conformance: what any library for the switch's outbound event socket has to get right.

The README beside this file says how to run it, what a library must do to take part, and what
came out.

frames     what the switch writes, as bytes
stage      the scripted switch: starts a subject, plays legs to it, hears what it tells
values     cases: headers, bodies and framing
lives      cases: connections, commands and their ends
recorded   cases: conversations recorded from a real switch
cases      the list of them all
subjects   the libraries that have run: ours, plain greenswitch, genesis
"""
