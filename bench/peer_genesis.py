"""A minimal application on genesis (PyPI `genesis`): answer, bridge, wait for the end.

Started by `bench.esl_calls --engine genesis` with the Python of an environment that has
genesis; it is no dependency of ours. Tells its port, then the CPU used so far for each line
that it reads.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys

from genesis.outbound import Outbound
from genesis.protocol.parser import ESLEvent
from genesis.session import Session

TARGET = "sofia/external/+41445550190@127.0.0.1:5090"


async def serve(session: Session) -> None:
    """Serve one call."""
    ended = asyncio.Event()

    async def on_end(_: ESLEvent) -> None:
        ended.set()

    session.on("CHANNEL_HANGUP_COMPLETE", on_end)
    if session.channel is not None:
        session.register_channel_handler(
            session.channel.uuid, "CHANNEL_HANGUP_COMPLETE", on_end
        )
    await session.sendmsg("execute", "bridge", TARGET)
    await asyncio.wait_for(ended.wait(), 60)


async def main(out: object) -> None:
    """Serve until standard input closes."""
    server = Outbound(serve, "127.0.0.1", 0)
    await server.start(block=False)
    assert server.server is not None
    print(json.dumps({"port": server.server.sockets[0].getsockname()[1]}), file=out, flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        used = resource.getrusage(resource.RUSAGE_SELF)
        told = {"user_s": used.ru_utime, "system_s": used.ru_stime}
        print(json.dumps(told), file=out, flush=True)


if __name__ == "__main__":
    told_to, sys.stdout = sys.stdout, sys.stderr  # where its log goes otherwise
    asyncio.run(main(told_to))
