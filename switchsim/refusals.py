"""What the switch refuses before there is a call: what it cannot parse, or must not serve.

sippy takes much that FreeSWITCH's parser does not. So every request is looked at here first,
as a text of one character per byte; the rules are those seen on FreeSWITCH 1.11.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from switchsim.addresses import is_address, is_contact

SUPPORTED = frozenset({"timer", "path", "replaces"})
_REQUEST_LINE = re.compile(r"([!-~]+) +([!-\x7e\x80-\xff]+) +SIP/(\S+) *")
_VIA = re.compile(
    r"SIP\s*/\s*[\d.]+\s*/\s*\w+\s+[^\s;,]+(?:\s*;\s*[\w.-]+(?:\s*=\s*[^\s;,]+)?)*\s*(?:,.*)?"
)
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_NO_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CSEQ = re.compile(r"(\d+)\s+(\S+)")
_ORIGIN = re.compile(r"(?m)^o=\S+ \S+ \S+ IN IP[46] \S+")
_COMPACT = {
    "v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "c": "content-type",
    "l": "content-length", "s": "subject", "k": "supported",
}  # fmt: skip
_NEEDED = ("from", "to", "call-id", "cseq")
_SINGLE = (*_NEEDED, "content-type", "content-length")
_SHOWN = {"call-id": "Call-ID", "cseq": "CSeq"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """How a request is answered; a code of 0: not at all."""

    code: int
    phrase: str = ""
    extra: tuple[tuple[str, str], ...] = ()


SILENCE = Refusal(code=0)
_BAD = Refusal(code=400, phrase="Bad Request")
_SDP = (("Accept", "application/sdp"), ("Accept-Encoding", ""))


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as far as it must be known to refuse it.

    Args:
        method: as sent.
        uri: as sent.
        version: of SIP.
        headers: values by lower-case long name, unfolded, in the order they came.
        body: what follows the headers, whole.
    """

    method: str
    uri: str
    version: str
    headers: dict[str, list[str]]
    body: str

    def first(self, name: str) -> str:
        """The first header of that name; empty when there is none."""
        return self.headers.get(name, [""])[0]


def read(text: str) -> Request | None:
    """Takes a request apart; None for a response and for what is no message at all."""
    # Any line break ends a line; a header goes on where the next begins with a blank.
    head, _, body = text.partition("\r\n\r\n")
    head = re.sub(r"(?:\r\n|\r|\n)[ \t]+", " ", head)
    first, *lines = re.split(r"\r\n|\r|\n", head)
    line = _REQUEST_LINE.fullmatch(first)
    if line is None or first.startswith("SIP/"):
        return None
    headers: dict[str, list[str]] = {}
    for name, colon, value in (line.partition(":") for line in lines):
        key = name.strip().lower()
        if colon:
            headers.setdefault(_COMPACT.get(key, key), []).append(value.strip())
    return Request(method=line[1], uri=line[2], version=line[3], headers=headers, body=body)


def refusal(request: Request) -> Refusal | None:
    """How the switch refuses a request; None when it takes it."""
    checks: tuple[Callable[[Request], Refusal | None], ...] = (
        _of_line, _of_header_lines, _of_addresses, _of_sequence, _of_length, _of_uri,
    )  # fmt: skip
    if request.method == "INVITE":
        checks += (_of_wishes, _of_body)
    for check in checks:
        found = check(request)
        if found is not None:
            return found
    return None


def response(request: Request, refused: Refusal, *, tag: str, agent: str, allow: str) -> str:
    """The answer to a request that is refused."""
    to = request.first("to")
    lines = [f"SIP/2.0 {refused.code} {refused.phrase}"]
    lines += [f"Via: {via}" for via in request.headers["via"]]
    lines += [f"From: {request.first('from')}"]
    lines += [f"To: {to}" if ";tag=" in to else f"To: {to};tag={tag}"]
    lines += [f"Call-ID: {request.first('call-id')}", f"CSeq: {request.first('cseq')}"]
    lines += [f"User-Agent: {agent}", f"Allow: {allow}"]
    lines += [f"Supported: {', '.join(sorted(SUPPORTED))}"]
    lines += [f"{name}: {value}" for name, value in refused.extra]
    return "\r\n".join([*lines, "Content-Length: 0", "", ""])


def _bad(name: str) -> Refusal:
    return Refusal(code=400, phrase=f"Bad {_SHOWN.get(name, name.title())} Header")


def _of_line(request: Request) -> Refusal | None:
    """The request line and Via: without them there is nobody to answer."""
    if not re.fullmatch(r"[A-Za-z]+", request.method) or "\0" in request.uri:
        return SILENCE
    if not _VIA.fullmatch(request.first("via")) or _NO_ESCAPE.search(request.uri):
        return SILENCE
    if request.version != "2.0":
        return Refusal(code=505, phrase="Version Not Supported")
    return None


def _of_header_lines(request: Request) -> Refusal | None:
    for name in _SINGLE:
        if len(request.headers.get(name, ())) > 1:
            return _bad(name)
    if any(name not in request.headers for name in _NEEDED):
        return _BAD
    return None


def _of_addresses(request: Request) -> Refusal | None:
    for name in ("from", "to"):
        # A C string ends at a NUL.
        if not is_address(request.first(name).partition("\0")[0]):
            return _bad(name)
    contacts = request.headers.get("contact", [])
    if any(not is_contact(contact) for contact in contacts):
        return _bad("contact")
    if request.method == "INVITE" and not contacts:
        return Refusal(code=400, phrase="Missing Contact Header")
    return None


def _of_sequence(request: Request) -> Refusal | None:
    found = _CSEQ.fullmatch(request.first("cseq"))
    if found is None or int(found[1]) >= 1 << 32:
        return _bad("cseq")
    return None if found[2] == request.method else _BAD


def _of_length(request: Request) -> Refusal | None:
    if "content-length" not in request.headers:
        return None
    text = request.first("content-length")
    if not re.fullmatch(r"[0-9]{1,9}", text):
        return _bad("content-length")
    return _BAD if int(text) > len(request.body) else None


def _of_uri(request: Request) -> Refusal | None:
    if request.uri.startswith("<"):
        return _BAD
    scheme = _SCHEME.match(request.uri)
    if scheme is None or scheme[1].lower() not in {"sip", "sips", "tel"}:
        return Refusal(code=416, phrase="Unsupported URI Scheme")
    return None


def _of_wishes(request: Request) -> Refusal | None:
    """Extensions a caller insists on, and answers it takes."""
    wanted = [word.strip() for word in ",".join(request.headers.get("require", [])).split(",")]
    unknown = [word for word in wanted if word and word not in SUPPORTED]
    if unknown:
        extra = (("Unsupported", ", ".join(unknown)),)
        return Refusal(code=420, phrase="Bad Extension", extra=extra)
    accepted = ",".join(request.headers.get("accept", [])).lower()
    if "accept" in request.headers and "application/sdp" not in accepted:
        return Refusal(code=406, phrase="Not Acceptable", extra=_SDP)
    return None


def _of_body(request: Request) -> Refusal | None:
    kind = request.first("content-type").lower()
    if kind and "/" not in kind:
        return _bad("content-type")
    text = request.first("content-length")
    body = request.body[: int(text)] if text else request.body
    if not body or not kind:
        return None
    if kind.startswith("multipart/"):
        boundary = re.search(r'boundary\s*=\s*"?([^\s";]+)', request.first("content-type"))
        known = boundary is not None and f"--{boundary[1]}" in body
    else:
        known = kind.partition(";")[0].strip() == "application/sdp"
        if known and not _ORIGIN.search(body):
            return Refusal(code=400, phrase="Bad Session Description")
    return None if known else Refusal(code=415, phrase="Unsupported Media Type", extra=_SDP)
