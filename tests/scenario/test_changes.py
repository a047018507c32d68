"""What a customer sets, by command or by SQL: in force on the next call, or refused."""

from __future__ import annotations

import pytest

from callcontrol.errors import StoreRejected

NUMBER, DIALLED, TARGET = "+41900700031", "0900700031", "+41445550731"
OF_NUMBER = f"WHERE number = '{NUMBER}'"
SOMEBODY = "<sip:+41795550088@127.0.0.1>"


def next_call(stack, *, sender=SOMEBODY):
    """Place a call; give its SIP code and its record."""
    before = stack.recorded(NUMBER)
    called = stack.caller.call(DIALLED, talk_ms=100, sender=sender)
    return called.final, stack.cdr_of_new_call(NUMBER, before)


@pytest.mark.long
def test_a_blacklist_line_holds_while_it_is_there(stack, folder):
    """Added, excepted, over, imported, removed: each decides the next call."""
    of_number = ("--number", NUMBER)
    file = folder / "lines.csv"
    file.write_text("pattern,reason\n+4179555*,nuisance\n+33*,\n", encoding="utf-8")

    def after(*words):
        stack.changed(lambda: stack.command("blacklist", *words, *of_number))
        code, cdr = next_call(stack)
        return code, cdr["rule"]

    assert after("add", "+4179*") == (603, "blacklist:+4179*")
    assert after("add", "079 555 00 88", "--allow") == (200, "default")
    assert after("remove", "079 555 00 88") == (603, "blacklist:+4179*")
    assert after("remove", "+4179*") == (200, "default")
    assert after("add", "+4179*", "--until", "2020-01-01") == (200, "default")
    assert after("import", "--replace", str(file)) == (603, "blacklist:+4179555*")
    assert after("remove", "+4179555*") == (200, "default")


@pytest.mark.long
def test_sql_decides_the_next_call(stack):
    """A number, its customer, a gateway and the route's targets, changed and changed back."""
    answers = stack.destinations["answers"].port
    busy = stack.destinations["busy"].port
    for change, back, code in (
        ("UPDATE numbers SET suspended = true", "UPDATE numbers SET suspended = false", 603),
        (
            "UPDATE number_default_routes SET route = NULL",
            "UPDATE number_default_routes SET route = 'all'",
            404,
        ),
        (
            "UPDATE route_targets SET gateways = '{busy}'",
            "UPDATE route_targets SET gateways = '{answers}'",
            486,
        ),
    ):
        stack.changed(lambda sql=change: stack.query(f"{sql} {OF_NUMBER}"))
        assert next_call(stack)[0] == code
        stack.changed(lambda sql=back: stack.query(f"{sql} {OF_NUMBER}"))
        assert next_call(stack)[0] == 200
    for table, change, back, code in (
        ("customers", "suspended = true", "suspended = false", 603),
        ("gateways", f"port = {busy}", f"port = {answers}", 486),
    ):
        where = "id = 'changing'" if table == "customers" else "name = 'answers'"
        for words, expected in ((change, code), (back, 200)):
            sql = f"UPDATE {table} SET {words} WHERE {where}"
            stack.changed(lambda sql=sql: stack.query(sql))
            assert next_call(stack)[0] == expected


@pytest.mark.parametrize(
    ("change", "back", "reason"),
    [
        pytest.param(
            "UPDATE route_targets SET address = '+41900100001'",
            f"UPDATE route_targets SET address = '{TARGET}'",
            "is itself a service number",
            id="a service number as target",
        ),
        pytest.param(
            "UPDATE numbers SET fixed_number = '+41445550199'",
            "UPDATE numbers SET fixed_number = '+41445550100'",
            "has not proved to own",
            id="a number that nobody proved",
            marks=pytest.mark.long,
        ),
    ],
)
def test_a_bad_row_leaves_the_last_good_number_in_force(stack, change, back, reason):
    """The next call is decided as before; `check` says what is wrong, until it is mended."""
    stack.changed(lambda: stack.query(f"{change} {OF_NUMBER}"))
    try:
        code, cdr = next_call(stack)
        told = stack.refused("check", NUMBER)
    finally:
        stack.changed(lambda: stack.query(f"{back} {OF_NUMBER}"))

    assert (code, cdr["attempts"][0]["target"]) == (200, TARGET)
    assert reason in told
    stack.command("check", NUMBER)


def test_slots_that_overlap_are_refused_by_the_database(stack):
    """Whoever writes them; nothing is changed, and the call goes on as before."""
    with pytest.raises(StoreRejected, match="slots_do_not_overlap"):
        stack.query(
            "INSERT INTO week_slots (number, position, weekdays, starts, ends, route)"
            f" VALUES ('{NUMBER}', 9, '{{4}}', '11:00', '13:00', 'all')"
        )

    assert next_call(stack)[0] == 200


@pytest.mark.long
@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        (TARGET, "+41900100001", "is itself a service number"),
        (TARGET, "112", "emergency"),
        (TARGET, "1414", "short number"),
        (TARGET, "+4930123456", "lies in DE"),
        (
            'changing: {proved_numbers: ["+41445550100"]}',
            "changing: {}",
            "has not proved to own",
        ),
    ],
)
def test_toll_fraud_is_refused_when_it_is_loaded(stack, before, after, says):
    """No call ever meets it: the whole file is refused, and says where."""
    told = stack.load_refused(before, after)

    assert "numbers.+41900700031" in told
    assert says in told
    assert next_call(stack)[1]["attempts"][0]["target"] == TARGET


def test_a_route_rings_no_longer_than_its_limit(stack):
    """The second step is never reached, however long the first might ring."""
    before = stack.recorded("+41900700032")

    called = stack.caller.call("0900700032", "caller-is-refused")

    cdr = stack.cdr_of_new_call("+41900700032", before)
    assert called.final == 480
    assert (cdr["disposition"], len(cdr["attempts"])) == ("no_answer", 1)
