"""The call-control engine: everything that touches the world.

Layout, top down; a line may import any line below it, never above:

    cli         the commands an operator types
    workers     several engine processes on one machine as one service
    wiring      builds every object once, joins them, starts and stops them in order
    calls       one live call, from the switch's connection to its record
    store       Postgres: reference in, records out; the only door to asyncpg and asyncio
    health      /livez, /readyz and /metrics
    metering    running meters: releases a call at its maximum charge
    cdr         the record of a call and the local journal that keeps it
    esl         the event socket of FreeSWITCH; the only door to greenswitch
    reference   the frozen snapshot of numbers and tariffs that calls decide with
    logs, metrics, clock, config, errors

The pure packages `dialplan` (where a call goes) and `tariffs` (what it costs) stand below all.
"""
