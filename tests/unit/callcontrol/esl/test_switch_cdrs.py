"""Tests of callcontrol.esl.switch_cdrs: what the switch wrote itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from callcontrol.errors import ConfigError
from callcontrol.esl.switch_cdrs import read_switch_cdrs
from switchsim.cdr_csv import write_line

RECORDED = Path(__file__).parents[4] / "fixtures" / "cdr-csv" / "Master.csv"
UUIDS = [f"00000000-0000-4000-8000-{number:012}" for number in range(10)]


def line(number=0, *, answered_us=5_000_000, ended_us=9_000_000):
    """Write a line as the switch would."""
    return (
        f'"{UUIDS[number]}","4000000","{answered_us}","{ended_us}","NORMAL_CLEARING",'
        '"recv_bye","NORMAL_CLEARING","","200","","",""\n'
    )


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "cdr-csv").mkdir()
    return tmp_path


def write(folder, *lines, name="Master.csv"):
    (folder / "cdr-csv" / name).write_text("".join(lines), encoding="utf-8", newline="")


def uuids(found):
    return [cdr.leg_uuid for cdr in found.cdrs]


class TestReadSwitchCdrs:
    def test_every_line_that_a_real_switch_wrote_is_read(self, folder):
        """Captured while engines were killed; each answered call has what we noted of it."""
        write(folder, RECORDED.read_text(encoding="utf-8"))

        found = read_switch_cdrs(folder, since_us=0)

        assert (len(found.cdrs), found.unreadable) == (8, 0)
        assert all(bool(cdr.call) == bool(cdr.answered_us) for cdr in found.cdrs)
        assert [cdr.cause for cdr in found.cdrs].count("ALLOTTED_TIMEOUT") == 1

    def test_end_is_told_as_an_event_would_have_told_it(self, folder):
        """The instants are the switch's, to the microsecond."""
        write(folder, RECORDED.read_text(encoding="utf-8"))

        uuid = "e9c9d08c-519b-4872-87b6-86f93e38e04e"
        (cdr,) = read_switch_cdrs(folder, since_us=0, legs=[uuid]).cdrs
        end = cdr.event()

        assert end.uuid == uuid
        assert (end.created_us, end.answered_us) == (1795533431996473, 1795533432156481)
        assert (end.hangup_us, end.hangup_cause) == (1795533439176457, "NORMAL_CLEARING")
        assert end.variable("sip_hangup_disposition") == "recv_bye"
        assert end.variable("sip_term_status") == "200"

    def test_stand_in_writes_the_same_shape(self, folder):
        """What a call does not have is empty, and an instant that never came is 0."""
        told = {
            "uuid": UUIDS[0], "start_uepoch": "4000000", "answer_uepoch": "0",
            "end_uepoch": "9000000", "hangup_cause": "USER_BUSY",
        }  # fmt: skip

        write_line(folder, told.get)

        (cdr,) = read_switch_cdrs(folder, since_us=0).cdrs
        assert (cdr.answered_us, cdr.ended_us, cdr.cause) == (None, 9_000_000, "USER_BUSY")

    @pytest.mark.parametrize(
        "text",
        [
            '"x","4000000","0","9000000","NORMAL_CLEARING","","","","","","",""\n',
            line().replace("NORMAL_CLEARING", 'NORMAL" "CLEARING'),
            line().replace("recv_bye", "recv,bye"),
            line().replace('""\n', '"a,b"\n'),
            line().replace("4000000", "-4000000"),
            line().replace("4000000", "4" * 20),
            line().replace('"200"', '"200","0900123456"'),
            "\0\0\0\n",
            "one, two\n",
        ],
    )
    def test_what_has_another_shape_is_counted_and_never_guessed_at(self, folder, text):
        """The lines around it are read."""
        write(folder, line(1), text, line(2))

        found = read_switch_cdrs(folder, since_us=0)

        assert uuids(found) == UUIDS[1:3]
        assert found.unreadable == 1

    def test_a_line_that_is_still_being_written_is_left(self, folder):
        """It is no fault, and read the next time."""
        write(folder, line(1), line(2)[:-5])

        found = read_switch_cdrs(folder, since_us=0)

        assert (uuids(found), found.unreadable) == (UUIDS[1:2], 0)

    def test_files_that_were_rotated_are_read_too(self, folder):
        """The newest first."""
        write(folder, line(1), name="Master.csv.2027-01-04-20-00-00")
        write(folder, line(2), name="Master.csv.2027-01-05-20-00-00")
        write(folder, line(3))

        assert uuids(read_switch_cdrs(folder, since_us=0)) == [UUIDS[3], UUIDS[2], UUIDS[1]]

    def test_of_many_bytes_only_the_last_are_read(self, folder):
        """And it is told from when on the list is whole."""
        lines = [line(number, ended_us=number + 10) for number in range(5)]
        write(folder, *lines)

        found = read_switch_cdrs(folder, since_us=0, most_bytes=len(lines[0]) * 2 + 10)

        assert uuids(found) == UUIDS[3:5]
        assert found.since_us == 13

    def test_older_files_are_not_opened(self, folder):
        """A file that begins before the instant asked for is the last one that matters."""
        write(folder, line(1, ended_us=10), line(2, ended_us=30))
        older = folder / "cdr-csv" / "Master.csv.2027-01-04-20-00-00"
        older.mkdir()

        found = read_switch_cdrs(folder, since_us=20)

        assert (uuids(found), found.since_us) == ([UUIDS[2]], 20)

    def test_only_the_legs_asked_for_are_given(self, folder):
        """One that is not there yet is left out."""
        write(folder, line(1), line(2), line(3))

        found = read_switch_cdrs(folder, since_us=0, legs=[UUIDS[2], UUIDS[9]])

        assert uuids(found) == [UUIDS[2]]

    def test_a_switch_that_had_no_call_yet_has_written_nothing(self, tmp_path):
        """Its folder is there, and no file in it."""
        assert read_switch_cdrs(tmp_path, since_us=0).cdrs == ()

    def test_a_folder_that_is_not_there_is_named(self, tmp_path):
        """A setting mistyped must not look like a quiet day."""
        with pytest.raises(
            ConfigError, match=r"CALLCONTROL_SWITCH_CDRS: no such folder: .*/gone"
        ):
            read_switch_cdrs(tmp_path / "gone", since_us=0)

    def test_a_file_that_cannot_be_read_is_named(self, folder):
        """Whatever the system says of it."""
        (folder / "cdr-csv" / "Master.csv").mkdir()

        with pytest.raises(ConfigError, match=r"Master\.csv: Is a directory"):
            read_switch_cdrs(folder, since_us=0)
