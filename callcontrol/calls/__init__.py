"""One live call, from the switch's connection to its record; `lifecycle.run_call` is its life."""
