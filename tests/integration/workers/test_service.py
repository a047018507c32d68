"""Several workers as one service: what an operator and a caller see of it."""

from __future__ import annotations

import os
import signal
import socket

import pytest

from callcontrol.workers.share import name_of
from tests.integration.workers.service import LIMITED, NEVER, SLOW, Service, end, is_running
from tests.waiting import eventually


def finals(summaries):
    """Give the SIP codes that the callers got."""
    return [summary["final"] for summary in summaries]


class TestOneService:
    def test_workers_share_the_calls_and_figures_are_of_all(self, service: Service):
        """Each call is one worker's; health and figures are told on one port."""
        service.start()
        name = service.environment["CALLCONTROL_ENGINE"]
        engines: set[str] = set()
        placed = 0
        while engines != {name, f"{name}.2"}:  # the kernel deals them out, not evenly
            assert placed < 200
            placed += 30
            assert finals(service.place(30, rate=20)()) == [200] * 30
            records = service.wait_for_records(placed)
            engines = {record.engine for record in records}

        assert all(record.is_charged_right() for record in records)
        assert service.metric("callcontrol_calls_total") == placed
        assert service.metric("callcontrol_ready") == 2
        assert service.readiness() == "worker 1: yes\nworker 2: yes\n"

    def test_a_limit_is_one_of_the_service(self, service: Service):
        """Two calls at once are two, whichever workers have them."""
        service.start()
        ended = service.place(6, number=LIMITED, rate=5, talk_s=3)()

        assert sorted(finals(ended)) == [200] * 2 + [486] * 4

    @pytest.mark.long
    def test_the_limit_of_all_calls_is_one_of_the_service(self, service: Service):
        """CALLCONTROL_MAX_CALLS is not for each worker."""
        service.environment["CALLCONTROL_MAX_CALLS"] = "3"
        service.start()
        ended = service.place(6, rate=5, talk_s=3)()

        assert sorted(finals(ended)) == [200] * 3 + [503] * 3


class TestDeath:
    def test_the_calls_of_a_killed_worker_are_taken_over(self, service: Service):
        """They go on, and are recorded once with the right charge; figures do not fall."""
        service.start()
        ended = service.place(8, rate=20, talk_s=8)
        service.wait_for_answers(8)
        before, killed = service.pids(), service.busiest()
        end(before[killed])
        service.wait_for_worker(killed, other_than=before[killed])

        assert finals(ended()) == [200] * 8
        records = service.wait_for_records(8)
        names = [name_of(service.environment["CALLCONTROL_ENGINE"], n) for n in (1, 2)]
        other = names.pop(killed % 2)
        assert all(record.is_charged_right() for record in records)
        ends = {(record.engine, record.closed_how) for record in records}
        assert ends - {(other, "normal")} == {(names[0], "recovered")}
        assert service.pids()[3 - killed] == before[3 - killed]
        assert service.metric("callcontrol_calls_total") == 8
        assert service.metric("callcontrol_worker_deaths_total") == 1
        (line,) = service.log_lines("worker_ended")
        assert (line["worker"], line["reason"]) == (killed, "killed by SIGKILL")

    @pytest.mark.long
    def test_calls_that_end_while_their_worker_is_down_are_charged_right(
        self, service: Service
    ):
        """The other worker saw their ends."""
        service.start()
        ended = service.place(8, rate=40, talk_s=1.2)
        service.wait_for_answers(8)
        before, killed = service.pids(), service.busiest()
        end(before[killed])
        assert finals(ended()) == [200] * 8
        assert service.pids().get(killed) != before[killed]
        assert f"worker {killed}: yes" not in service.readiness()

        records = service.wait_for_records(8)
        assert all(record.is_charged_right() for record in records)
        assert "recovered" in {record.closed_how for record in records}

    @pytest.mark.long
    def test_a_worker_that_hangs_is_ended(self, service: Service):
        """It is not ready, takes no call, and is replaced; its calls are taken over."""
        service.start()
        ended = service.place(4, rate=40, talk_s=30)
        service.wait_for_answers(4)
        before = service.pids()
        os.kill(before[2], signal.SIGSTOP)
        eventually(lambda: "worker 2: no (no sign of life" in service.readiness(), within_s=10)
        assert finals(service.place(20, rate=20)()) == [200] * 20
        service.wait_for_worker(2, other_than=before[2])

        (line,) = service.log_lines("worker_ended")
        assert line["reason"].startswith("no sign of life for 2")
        assert finals(ended()) == [200] * 4
        assert all(record.is_charged_right() for record in service.wait_for_records(24))

    @pytest.mark.long
    def test_workers_whose_supervisor_is_killed_stop(self, service: Service):
        """Port and journals are free for the next one, which takes the calls over."""
        service.start()
        ended = service.place(4, rate=20, talk_s=12)
        service.wait_for_answers(4)
        pids = service.pids().values()
        service.signal(signal.SIGKILL)
        service.process.wait(5)
        eventually(lambda: not any(map(is_running, pids)), within_s=20)
        service.start()

        assert finals(ended()) == [200] * 4
        records = service.wait_for_records(4)
        assert all(record.is_charged_right() for record in records)
        assert {record.closed_how for record in records} == {"recovered"}

    def test_a_worker_whose_supervisor_died_before_it_was_up(self, service: Service, tmp_path):
        """It says nothing, takes no call and leaves no figures that nobody reads."""
        ours, theirs = socket.socketpair()
        ours.close()
        figures = tmp_path / "figures"
        figures.mkdir()
        with theirs, socket.create_server(("127.0.0.1", 0)) as port:
            worker = service.spawn_worker(port, figures, line=theirs)

        assert worker.wait(30) == 0
        assert service.said() == []
        assert not figures.exists()

    @pytest.mark.long
    def test_with_fewer_workers_nothing_is_left_behind(self, service: Service):
        """Worker 1 takes over what a third one had."""
        service.start(3)
        ended = service.place(9, rate=20, talk_s=14)
        service.wait_for_answers(9)
        service.signal(signal.SIGTERM)
        assert service.process.wait(20) == 0
        service.start(2)

        assert finals(ended()) == [200] * 9
        records = service.wait_for_records(9)
        assert all(record.is_charged_right() for record in records)
        assert {record.closed_how for record in records} == {"recovered"}


class TestStop:
    def test_polite(self, service: Service):
        """A call that rings is answered, what is recorded is shipped, all is gone."""
        service.start()
        service.place(4, rate=20, talk_s=1)
        eventually(lambda: len(service.log_lines("call_recorded")) == 4, within_s=20)
        service.place(4, number=SLOW, rate=20, talk_s=20)
        eventually(lambda: service.metric("callcontrol_calls_in_progress") == 4, within_s=10)
        pids = service.pids().values()
        service.signal(signal.SIGTERM)

        assert service.process.wait(30) == 0
        assert not any(map(is_running, pids))
        assert len(service.records()) == 4

    @pytest.mark.long
    def test_at_once(self, service: Service):
        """The second signal waits for nothing."""
        service.start()
        service.place(2, number=NEVER)
        eventually(lambda: service.metric("callcontrol_calls_in_progress") == 2, within_s=10)
        pids = service.pids().values()
        service.signal(signal.SIGTERM)
        eventually(lambda: service.log_lines("service_stopping"), within_s=5)
        service.signal(signal.SIGINT)

        assert service.process.wait(3) == 1
        assert not any(map(is_running, pids))


class TestRestart:
    @pytest.mark.long
    def test_no_call_is_refused_or_charged_wrong(self, service: Service):
        """SIGHUP under twenty calls a second: each worker is replaced, no caller notices."""
        service.start()
        before = service.pids()
        ended = service.place(240, rate=20, talk_s=2)
        eventually(lambda: service.metric("callcontrol_calls_in_progress") > 20, within_s=10)
        service.signal(signal.SIGHUP)
        eventually(lambda: service.log_lines("service_restarted"), within_s=30)
        after = service.pids()

        assert finals(ended()) == [200] * 240
        records = service.wait_for_records(240)
        assert all(record.is_charged_right() for record in records)
        assert {record.closed_how for record in records} == {"normal", "recovered"}
        assert service.metric("callcontrol_calls_total") == 240
        assert service.metric("callcontrol_worker_deaths_total") == 0
        assert before.keys() == after.keys()
        assert not before.items() & after.items()

    @pytest.mark.long
    def test_who_cannot_be_replaced_stays(self, service: Service):
        """A wrong setting is told; mended, the next restart brings the new one."""
        service.start()
        file = service.write_settings('drain_s = "soon"')
        before = service.pids()
        service.signal(signal.SIGHUP)
        eventually(lambda: service.log_lines("restart_given_up"), within_s=20)
        assert service.pids() == before
        assert service.readiness() == "worker 1: yes\nworker 2: yes\n"

        file.write_text('log_level = "debug"')
        service.signal(signal.SIGHUP)
        eventually(lambda: service.log_lines("service_restarted"), within_s=30)
        assert not before.items() & service.pids().items()


class TestCannotStart:
    @pytest.mark.parametrize(
        ("name", "value", "sentence"),
        [
            ("DSN", "postgresql://nobody@127.0.0.1:1/x", "127.0.0.1:1 cannot be reached"),
            ("SWITCH_PASSWORD", "wrong", "refuses our password"),
            ("MAX_CALLS", "0", "CALLCONTROL_MAX_CALLS"),
        ],
    )
    def test_one_sentence_and_nothing_left(self, service: Service, name, value, sentence):
        """Whatever all workers complain of is said once, with exit status 2."""
        service.environment[f"CALLCONTROL_{name}"] = value
        process = service.spawn()

        assert process.wait(30) == 2
        (said,) = service.said()
        assert sentence in said

    def test_a_taken_port(self, service: Service):
        """It is the supervisor that finds it."""
        port = service.environment["CALLCONTROL_LISTEN_PORT"]
        with socket.create_server(("127.0.0.1", int(port))):
            process = service.spawn()

            assert process.wait(30) == 2
        (said,) = service.said()
        assert said.startswith("CALLCONTROL_LISTEN_PORT")

    @pytest.mark.long
    def test_one_of_two(self, service: Service, tmp_path):
        """The other serves; the log says why, and it is tried again."""
        blocked = tmp_path / "journal.2.sqlite"
        blocked.mkdir()
        service.spawn()
        eventually(lambda: service.log_lines("worker_ended"), within_s=30)
        assert "journal.2.sqlite" in service.log_lines("worker_ended")[0]["reason"]
        assert service.readiness() == "worker 1: yes\nworker 2: no (not running)\n"

        blocked.rmdir()
        eventually(lambda: service.readiness().count("yes") == 2, within_s=20)
