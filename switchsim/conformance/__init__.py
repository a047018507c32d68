"""Holds the stand-in switch to recorded conversations with FreeSWITCH.

recording  the recorded cases
parties    SIP parties that say again what was recorded
engine     the engine's side of a recorded case, said again when its time has come
replay     runs cases against switches of their own, all in one thread
normal     makes what can never repeat (ids, times, ports) comparable
compare    recorded against replayed: names, order, headers, values, SIP messages
run        replays and compares; what differs is replayed once more
left_out   what is not compared, and why
__main__   the table scenario x same/left out
"""
