"""One live call, from the switch's connection to its record; see lifecycle."""
