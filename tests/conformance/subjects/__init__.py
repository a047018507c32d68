"""Libraries as subjects: each a program that serves legs and tells what it sees."""
