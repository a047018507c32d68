"""Running meters: what has to happen to a call because of what it costs."""
