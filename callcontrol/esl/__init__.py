"""The event socket: the only door to FreeSWITCH, and the only place that knows greenswitch."""
