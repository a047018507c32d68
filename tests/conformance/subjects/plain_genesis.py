"""genesis (PyPI `genesis`), its own server and sessions, as a subject.

No dependency of ours: it runs in an environment that has it, see the README. It has no limit on
legs, and no deadline for a command: where one is asked for, asyncio's is set around the call.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable

from genesis.exceptions import CommandStage, ConnectionLost
from genesis.outbound import Outbound
from genesis.protocol.parser import ESLEvent
from genesis.session import Session

from tests.conformance.subjects.telling import GIVE_UP_S, PATIENCE_S, argument_of, tell


async def serve(session: Session) -> None:
    """Serve one leg, as genesis' documentation shows."""
    leg, channel = session.uuid, session.context

    async def on_event(event: ESLEvent) -> None:
        name = event.get("Event-Name")
        if name is not None:
            tell(leg=leg, event=name, headers=dict(event), body=event.body or "")

    session.on("*", on_event)
    if session.channel is not None:
        # Its own channel object takes these events, and "*" does not get them then.
        session.register_channel_handler(session.channel.uuid, "CHANNEL_STATE", on_event)
    tell(leg=leg, channel=channel)
    await play_scenario(session, channel)
    try:
        await session.wait_lost(CommandStage.ACCEPTED)
    except ConnectionLost:
        tell(leg=leg, over=True)


async def play_scenario(session: Session, channel: dict[str, str]) -> None:
    """Do what the channel says."""
    match channel.get("variable_scenario"):
        case "command":
            await ask(session, "status")
        case "commands":
            await asyncio.gather(ask(session, "first"), ask(session, "second"))
        case "late":
            await ask(session, "first", GIVE_UP_S)
            await ask(session, "second")
        case "execute":
            await told_if_it_fails(session, execute(session, argument_of(channel)))
        case "run":
            await asyncio.gather(play(session, "first.wav"), play(session, "second.wav"))


async def told_if_it_fails(session: Session, act: Awaitable[None], **about: str) -> None:
    """Do something; whatever error it ends with is told."""
    try:
        await act
    except Exception as exc:  # noqa: BLE001 - whatever it is, it is told
        tell(leg=session.uuid, error=type(exc).__name__, **about)


async def ask(session: Session, name: str, deadline_s: float = PATIENCE_S) -> None:
    """Send an API command and tell its reply."""

    async def act() -> None:
        reply = await asyncio.wait_for(session.send(f"api {name}"), deadline_s)
        tell(leg=session.uuid, reply=reply.body, to=name)

    await told_if_it_fails(session, act(), to=name)


async def execute(session: Session, argument: str) -> None:
    """Have `set` executed."""
    await session.sendmsg("execute", "set", argument)
    tell(leg=session.uuid, sent=True)


async def play(session: Session, argument: str) -> None:
    """Play one and tell when its wait ends."""

    async def act() -> None:
        await session.sendmsg("execute", "playback", argument, block=True, timeout=PATIENCE_S)
        tell(leg=session.uuid, done=argument)

    await told_if_it_fails(session, act(), to=argument)


async def main() -> None:
    """Serve until the end."""
    server = Outbound(serve, "127.0.0.1", 0)
    await server.start(block=False)
    assert server.server is not None
    tell(port=server.server.sockets[0].getsockname()[1])
    await asyncio.Event().wait()


if __name__ == "__main__":
    sys.stdout = sys.stderr  # where its log goes otherwise, among what is told
    asyncio.run(main())
