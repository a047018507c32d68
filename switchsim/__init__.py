"""A stand-in for FreeSWITCH: SIP over UDP by sippy, the event socket by us.

It lets calls be placed, decided, bridged and ended where no switch is at hand, and behaves on
the wire as FreeSWITCH 1.11 did in the recordings of `fixtures/esl`. No voice flows, but keys in
the voice stream are taken.

Layout, top down; a line uses the lines below it:

    __main__      the command: options, start, one JSON line when ready, end on SIGTERM
    conformance   replays the recordings against it and compares, header for header
    phones        small SIP parties for a demo: destinations that answer, callers that call
    switch        one switch: builds and holds everything, knows every channel
    outbound, inbound   the two kinds of event-socket connection; listener, commands, api
    session       the caller's leg at work: dialplan, applications, park, command queue
    bridge, originate   ringing destinations, connecting, ending
    calling, called     the SIP side of the caller's leg and of a destination's leg
    channel, events, profile, variables    what a leg is and what events say of it
    sip, sip_text, sdp, voice_keys  messages in and out, keys in the voice stream
    dialplan, dialstring, causes, encoding, settings, loop
"""
