"""The caller profile and the end variables."""

from switchsim.profile import CallerProfile, Times, end_variables

_START = 1_795_515_474_239_098


def _profile(**times):
    return CallerProfile(
        uuid="4711",
        channel_name="sofia/external/1@h",
        destination="0900123456",
        number="+41445550100",
        name="Muster Hans AG",
        times=Times(created=_START, profile_created=_START, **times),
    )


def _end(**times):
    return dict(end_variables(_profile(**times), last=("bridge", "x")))


def test_times_are_compared_in_microseconds():
    """Durations in µs are exact differences of the leg's own moments."""
    end = _end(answered=_START + 1_039_991, hungup=_START + 4_059_994)

    assert (end["uduration"], end["billusec"], end["answerusec"]) == (
        "4059994",
        "3020003",
        "1039991",
    )


def test_seconds_are_differences_of_truncated_seconds():
    """3.02 s from the end of one second reads 3, a fraction across a second reads 1."""
    end = _end(answered=1_795_515_475_980_000, hungup=1_795_515_476_100_000)

    assert (end["billmsec"], end["billsec"]) == ("120", "1")


def test_an_unanswered_leg_bills_nothing():
    """Without an answer every billed time is zero."""
    end = _end(hungup=_START + 800_003)

    assert {end[name] for name in ("billsec", "billmsec", "billusec", "flow_billusec")} == {"0"}


def test_only_moments_that_happened_have_a_stamp():
    """There is no answer_stamp without an answer, but its epoch is zero."""
    end = _end(hungup=_START + 1)

    assert "answer_stamp" not in end
    assert end["answer_uepoch"] == "0"


def test_empty_parties_are_left_out():
    """A profile without a callee has no such headers."""
    names = [name for name, _ in _profile().headers("Caller")]

    assert "Caller-Caller-ID-Number" in names
    assert "Caller-Callee-ID-Number" not in names


def test_the_other_sides_profile_starts_without_times():
    """A new leg shows its originator's profile with every time at zero."""
    shown = dict(_profile().copy(timeless=True).headers("Other-Leg"))

    assert shown["Other-Leg-Channel-Created-Time"] == "0"
    assert "Other-Leg-Profile-Index" not in shown
