"""Tests of callcontrol.calls.dialstring."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from callcontrol.calls.dialstring import Destination, bridge_argument, destination_of
from callcontrol.errors import UnsafeArgument
from dialplan import Branch, Caller, CallerId, Connect, Dial, Gateway, Presentation, Target
from tests.builders import make_reference

LEG = "11111111-2222-4333-8444-555555555555"


def make_caller_id(**changed):
    """What a trunk that is not trusted is told of a caller who shows a number."""
    fields = {
        "from_number": "+41795550001",
        "display": "+41795550001",
        "asserted": None,
        "identity_header": "pai",
        "is_private": False,
        "diverted_from": None,
        "diversion_header": "none",
    }
    return CallerId(**{**fields, **changed})


def make_destination(**changed):
    """A number behind a trunk."""
    fields = {
        "user": "+41445550190",
        "host": "127.0.0.1:5090",
        "leg_uuid": LEG,
        "caller_id": make_caller_id(),
    }
    return Destination(**{**fields, **changed})


def make_dial(*, ring_s=25, branches=1):
    """A plan to ring one target, or several, through the trunk."""
    target = Target(kind="pstn", address="+41445550190", gateways=("trunk",))
    return Dial(
        step=0,
        branches=(Branch(target=target, gateway="trunk"),) * branches,
        ring_s=ring_s,
        presentation=None,
    )


def argument_of(*destinations, ring_s=25, on_answer=None, hides_keys=False):
    """Build the argument for these destinations."""
    return bridge_argument(
        make_dial(ring_s=ring_s, branches=len(destinations)),
        destinations,
        profile="external",
        progress_s=8,
        on_answer=on_answer,
        hides_keys=hides_keys,
    )


class TestArgument:
    def test_of_one_destination(self):
        """Variables of all legs in braces, those of one leg in brackets, then the address."""
        expected = (
            "{outbound_redirect_fatal=true,sip_cid_type=none}"
            f"[origination_uuid={LEG},leg_timeout=25,leg_progress_timeout=8,"
            "origination_caller_id_number=+41795550001,origination_caller_id_name=+41795550001]"
            "sofia/external/+41445550190@127.0.0.1:5090"
        )

        assert argument_of(make_destination()) == expected

    def test_of_several(self):
        """A comma rings them together."""
        argument = argument_of(make_destination(), make_destination(user="+41445550191"))

        assert argument.count("sofia/external/") == 2
        assert "@127.0.0.1:5090,[" in argument

    def test_the_sign_of_life_comes_before_the_end_of_ringing(self):
        """A ring time shorter than the time for a sign of life is the limit of both."""
        assert "leg_timeout=5,leg_progress_timeout=5," in argument_of(
            make_destination(), ring_s=5
        )

    def test_what_the_switch_does_at_the_answer(self):
        """The command is quoted, because it has blanks."""
        argument = argument_of(
            make_destination(), on_answer="sched_hangup +9 x allotted_timeout"
        )

        assert "api_on_answer='sched_hangup +9 x allotted_timeout'" in argument

    def test_keys_that_the_caller_shall_not_hear(self):
        """The switch reads it on the destination's leg, whichever that will be."""
        argument = argument_of(make_destination(), hides_keys=True)

        assert "bridge_filter_dtmf=true}" in argument
        assert "bridge_filter_dtmf" not in argument_of(make_destination())

    def test_another_transport(self):
        """Stands behind the host."""
        argument = argument_of(make_destination(transport="tcp"))

        assert argument.endswith("@127.0.0.1:5090;transport=tcp")


class TestIdentity:
    def test_withheld_from_a_trunk_that_is_not_trusted(self):
        """An anonymous From, Privacy, and no number anywhere."""
        withheld = make_caller_id(from_number=None, display="Anonymous", is_private=True)

        argument = argument_of(make_destination(caller_id=withheld))

        assert "sip_from_uri=sip:anonymous@anonymous.invalid" in argument
        assert "sip_h_Privacy=id" in argument
        assert "79555" not in argument

    def test_asserted_to_a_trusted_trunk(self):
        """The number stands in P-Asserted-Identity alone."""
        told = make_caller_id(
            from_number=None, display="Anonymous", is_private=True, asserted="+41795550001"
        )

        argument = argument_of(make_destination(caller_id=told))

        assert "sip_h_P-Asserted-Identity='<sip:+41795550001@127.0.0.1:5090>'" in argument
        assert argument.count("79555") == 1

    def test_asserted_the_older_way(self):
        """Remote-Party-ID carries its own privacy."""
        told = make_caller_id(asserted="+41795550001", identity_header="rpid", is_private=True)

        argument = argument_of(make_destination(caller_id=told))

        assert "sip_h_Remote-Party-ID='<sip:+41795550001@127.0.0.1:5090>;" in argument
        assert "privacy=full" in argument

    @pytest.mark.parametrize(
        ("header", "expected"),
        [
            ("diversion", "sip_h_Diversion='<sip:0900123456@127.0.0.1:5090>;"),
            ("history-info", "sip_h_History-Info='<sip:0900123456@127.0.0.1:5090>;"),
        ],
    )
    def test_diverted(self, header, expected):
        """The trunk is told which service number was called, in the header it wants."""
        told = make_caller_id(diverted_from="0900123456", diversion_header=header)

        assert expected in argument_of(make_destination(caller_id=told))


class TestUnsafe:
    @pytest.mark.parametrize(
        "text",
        [
            "a'b",
            "a,b",
            "a|b",
            "a${b}",
            "a\nb",
            "a\0b",
            "a%0Ab",
            'a"b',
            "a\\b",
            "a]b",
            "a}b",
            "a:_:b",
        ],
    )
    def test_is_refused_wherever_it_stands(self, text):
        """What the switch would take for its own never gets into an argument."""
        for destination in (
            make_destination(caller_id=make_caller_id(display=text)),
            make_destination(caller_id=make_caller_id(from_number=text)),
            make_destination(caller_id=make_caller_id(asserted=text)),
            make_destination(user=text),
            make_destination(host=text),
            make_destination(leg_uuid=text),
        ):
            with pytest.raises(UnsafeArgument):
                argument_of(destination)


class TestDestinationOf:
    def make(self, target, gateway, **gateway_changes):
        """Say where a branch goes, for a caller who shows a number."""
        reference = make_reference()
        number = reference.directory.numbers["+41900123456"]
        decision = Connect(
            rule="default",
            number=number,
            customer=reference.directory.customers["acme"],
            route=number.routes["all"].initial,
            presentation=Presentation.CALLER,
            tariff="hotline",
            level=1,
            scopes=(),
        )
        trunk = Gateway(name="trunk", host="127.0.0.1", port=5090, **gateway_changes)
        call = SimpleNamespace(
            gateways={"trunk": trunk}, caller=Caller(raw="x", number="+41795550001")
        )
        return destination_of(
            Branch(target=target, gateway=gateway),
            LEG,
            dial=make_dial(),
            call=call,
            decision=decision,
        )

    def test_through_a_gateway(self):
        """The number as the trunk writes it, at the trunk's address."""
        target = Target(kind="pstn", address="+41445550190", gateways=("trunk",))

        destination = self.make(target, "trunk", number_format="national", prefix="9")

        assert (destination.user, destination.host) == ("90445550190", "127.0.0.1:5090")

    def test_a_sip_uri(self):
        """Its own user and host."""
        target = Target(kind="sip", address="sip:desk@127.0.0.1:5092")

        destination = self.make(target, None)

        assert (destination.user, destination.host) == ("desk", "127.0.0.1:5092")
