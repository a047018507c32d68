"""The event socket: the only door to FreeSWITCH, and the only place that knows greenswitch.

wire          bytes to frames and headers; no socket, no clock
event         what the switch says happened, typed and read-only
command       what we say to it, as bytes that cannot hold a second command
conversation  one connection: replies in order, one reader, one end; what both kinds share
session       an outbound connection: one leg, from `connect` to the hand-over
listener      the port the switch calls us at: admit, refuse, drain
link          an inbound connection, from its greeting to its end
control       the one link to the switch, kept up
keepalive     socket options of both
"""
