"""Several engine processes on one machine as one service: a supervisor and its workers.

    supervisor.py  starts, watches, replaces and stops the workers; answers for all of them
    worker.py      one worker as the supervisor sees it: a process, a line to it, its state
    inside.py      the worker itself: an engine process at the other end of that line
    line.py        what the two tell each other
    tally.py       which limits the calls of all workers count against, and who must hear of it

The port is one socket that the supervisor binds and every worker inherits: whoever is free
takes the next call, and a worker that dies, hangs or is replaced takes none with it.
"""
