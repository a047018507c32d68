"""Messages as sippy's transactions take them, sent letter by letter as written."""

import re
from typing import TypeVar

from sippy.SipHeader import SipHeader
from sippy.SipRequest import SipRequest

from switchsim.settings import Address
from switchsim.sip_types import SipHeaderBody, SipMessage
from switchsim.taming import RAW_PREFIX, tame

_FROM = re.compile(r"(?m)^From: [^\r\n]*")


class _Repeating(SipRequest):
    """A request sippy makes of an INVITE of ours, with From as we wrote it."""

    sender = ""

    def localStr(self, local_addr: object = None, compact: bool = False) -> str:  # noqa: N802
        """The text to send; sippy would quote the display name its own way."""
        text = str(super().localStr(local_addr, compact))
        return _FROM.sub(lambda _: f"From: {self.sender}", text, count=1)


class Acknowledgement(_Repeating):
    """The ACK sippy makes of our INVITE, with the URI and headers it should have.

    sippy sends the ACK of a refusal to the refusal's Contact; RFC 3261 17.1.1.3 has it repeat
    the INVITE's request URI and branch.
    """

    invite_uri: SipHeaderBody = None
    invite_branch = ""
    contact = ""

    @property
    def is_for_answer(self) -> bool:
        """Whether it acknowledges a 2xx: sippy gave it a branch of its own."""
        return bool(self.getHFBody("via").getBranch() != self.invite_branch)

    def localStr(self, local_addr: object = None, compact: bool = False) -> str:  # noqa: N802
        """The text to send."""
        if self.is_for_answer:
            self.delHFs("max-forwards")
            self.appendHeader(SipHeader(name="max-forwards", bodys="70"))
            self.appendHeader(SipHeader(name="contact", bodys=self.contact))
        else:
            self.setRURI(self.invite_uri)
        return super().localStr(local_addr, compact)


class OutgoingRequest(SipRequest):
    """A request sent letter by letter as written."""

    def __init__(self, text: str, target: Address) -> None:
        super().__init__(tame(text))
        self.setTarget((target, "udp"))
        self._text = text

    def genACK(self, to: SipHeaderBody = None) -> Acknowledgement:  # noqa: N802
        """The ACK of this INVITE."""
        made = super().genACK(to)
        ack = _made_again(Acknowledgement, made)
        ack.sender = self._sender()
        ack.delHFs("user-agent")
        ack.invite_uri = self.getRURI()
        ack.invite_branch = self.getHFBody("via").getBranch()
        ack.contact = str(self.getHFBody("contact"))
        return ack

    def genCANCEL(self) -> SipMessage:  # noqa: N802
        """The CANCEL of this INVITE."""
        cancel = _made_again(_Repeating, super().genCANCEL())
        cancel.sender = self._sender()
        cancel.delHFs("user-agent")
        return cancel

    def _sender(self) -> str:
        odd = self.getHFs(f"{RAW_PREFIX}from")
        return str((odd or self.getHFs("from"))[0].body.body)

    def localStr(self, local_addr: object = None, compact: bool = False) -> str:  # noqa: N802
        """The text to send."""
        return self._text


_Kind = TypeVar("_Kind", bound=_Repeating)


def _made_again(kind: type[_Kind], message: SipMessage) -> _Kind:
    """A message of sippy's making as one of ours."""
    made = kind.__new__(kind)
    made.__dict__.update(message.__dict__)
    return made


class OutgoingResponse:
    """A response sent letter by letter as written; as much of one as sippy looks at."""

    lossemul = 0

    def __init__(self, code: int, text: str, *, via: SipHeaderBody, to: SipHeaderBody) -> None:
        self._code = code
        self._text = text
        self._bodies = {"via": via, "to": to}

    def getSCode(self) -> tuple[int, str]:  # noqa: N802
        """Code and phrase."""
        return self._code, ""

    def getHFBody(self, name: str) -> SipHeaderBody:  # noqa: N802
        """The headers sippy asks for."""
        return self._bodies[name]

    def localStr(self, local_addr: object = None, compact: bool = False) -> str:  # noqa: N802
        """The text to send."""
        return self._text
