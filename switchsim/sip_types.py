"""Names for sippy's objects, which have no types of their own."""

from typing import Any, TypeAlias

# sippy's SipRequest or SipResponse, parsed.
SipMessage: TypeAlias = Any
# sippy's SipTransaction, of a request sent or received.
SipTransaction: TypeAlias = Any
# A header's body in sippy: SipVia, SipTo…
SipHeaderBody: TypeAlias = Any
