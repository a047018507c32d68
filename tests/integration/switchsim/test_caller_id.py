"""What a destination is told of the caller (scenario 20)."""

import pytest

_IDENTITY = '"Muster Hans AG" <sip:+41445550100@127.0.0.1>'


def _told(scene, variables):
    """The identity headers of the INVITE that a bridge with these variables sends."""
    destination = scene.destination(".*=busy")
    engine = scene.attached(display="Hans Muster", identity=_IDENTITY, cancel_s=1.0)
    engine.execute("bridge", variables + destination.at("+41"))
    engine.wait("CHANNEL_EXECUTE_COMPLETE bridge")
    told = destination.events[0]
    told["from"] = told["from"].partition(";tag=")[0]
    return {name: told[name] for name in told if name not in {"event", "user"}}


_CASES = {
    "": {
        "from": '"Muster Hans AG" <sip:+41445550100@127.0.0.1>',
        "p-asserted-identity": _IDENTITY,
        "privacy": "none",
    },
    "{origination_caller_id_number=0900123456,origination_caller_id_name=Servicenummer}": {
        "from": '"Servicenummer" <sip:0900123456@127.0.0.1>',
        "p-asserted-identity": '"Servicenummer" <sip:0900123456@127.0.0.1>',
        "privacy": "none",
    },
    "{sip_cid_type=none}": {"from": '"Muster Hans AG" <sip:+41445550100@127.0.0.1>'},
    "{sip_cid_type=rpid}": {
        "from": '"Muster Hans AG" <sip:+41445550100@127.0.0.1>',
        "remote-party-id": '"Muster Hans AG" <sip:+41445550100@127.0.0.1>'
        ";party=calling;screen=yes;privacy=off",
    },
    "{origination_privacy=hide_name:hide_number}": {
        "from": '"Muster Hans AG" <sip:+41445550100@127.0.0.1>',
        "p-preferred-identity": _IDENTITY,
        "privacy": "id",
    },
    "{origination_privacy=screen:hide_name:hide_number}": {
        "from": '"Muster Hans AG" <sip:+41445550100@127.0.0.1>',
        "p-asserted-identity": _IDENTITY,
        "privacy": "id",
    },
    "{sip_cid_type=none,sip_from_uri=sip:anonymous@anonymous.invalid,"
    "sip_from_display=Anonymous,sip_h_Privacy=id,"
    "sip_h_P-Asserted-Identity='<sip:+41795550001@127.0.0.1>'}": {
        "from": '"Anonymous" <sip:anonymous@anonymous.invalid>',
        "p-asserted-identity": "<sip:+41795550001@127.0.0.1>",
        "privacy": "id",
    },
    "{sip_cid_type=none,origination_caller_id_number=0900123456,"
    "origination_caller_id_name=0900,sip_h_P-Asserted-Identity='<sip:+41795550001@h>'}": {
        "from": '"0900" <sip:0900123456@127.0.0.1>',
        "p-asserted-identity": "<sip:+41795550001@h>",
    },
}


@pytest.mark.parametrize("variables", list(_CASES))
def test_what_the_destination_is_told(scene, variables):
    """Numbers, names and privacy go where the switch puts them."""
    assert _told(scene, variables) == _CASES[variables]
