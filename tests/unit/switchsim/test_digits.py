"""What an argument of play_and_get_digits asks for."""

from switchsim.digits import wanted_by


def test_times_are_milliseconds():
    """The recorded argument is read word by word."""
    wanted = wanted_by(r"1 4 3 5000 # ask.wav silence_stream://250 menu_choice \d+ 2000")

    assert (wanted.least, wanted.most, wanted.tries) == (1, 4, 3)
    assert (wanted.patience_s, wanted.between_s) == (5.0, 2.0)
    assert (wanted.terminators, wanted.variable, wanted.pattern) == ("#", "menu_choice", r"\d+")


def test_the_time_between_digits_is_that_for_the_first():
    """Unless it is given, and a terminator `none` is none."""
    wanted = wanted_by("1 1 0 3000 none ask.wav wrong.wav")

    assert (wanted.between_s, wanted.terminators, wanted.tries) == (3.0, "", 1)


def test_too_few_words_ask_for_nothing():
    """Seven words are needed."""
    assert wanted_by("1 4 3 5000 #") is None
