"""Everything killed, everywhere: at each step of a call's path, and at random under load."""
