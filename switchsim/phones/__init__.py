"""Small SIP parties for demos and tests: destinations that answer, callers that call.

message      one SIP message taken apart, and the few that are written
line         a UDP socket with retransmission
destination  answers calls by rules on the called user
caller       places calls and reports what it saw
__main__     both as commands, reporting JSON lines
"""
