"""Conformance: what any library for the switch's outbound event socket has to get right.

A library takes part through a *subject*: a small program that listens, serves each leg with the
library, and tells what it sees. It is driven from outside, by a scripted switch on a real
socket, so it may be in any style (threads, asyncio, gevent), and may freeze or die without
harm.

    python -m tests.integration.esl.conformance.ours_subject [--limit N]

What a subject writes to standard output, one JSON object a line:

* `{"port": n}` once it listens;
* `{"leg": uuid, "channel": {header: value}}` when `connect` was answered (then it sends
  `myevents`);
* then it does what the channel's `variable_scenario` says:
  * `listen`: `{"leg": …, "event": name, "headers": {…}, "body": text}` for each event,
    `{"leg": …, "over": true}` at the end;
  * `command`: sends `api status` and waits; `{"leg": …, "reply": text}` or
    `{"leg": …, "error": type}`;
  * `execute`: has `set` executed, with `variable_argument` as argument, or as many x as
    `variable_size` says; `{"leg": …, "sent": true}` or `{"leg": …, "error": type}`;
  * `run`: runs `playback` of first.wav and second.wav at the same time and waits for both;
    `{"leg": …, "done": argument}` as each wait ends.

With `--limit N` it admits N legs at a time.
"""
