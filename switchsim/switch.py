"""One stand-in switch: builds everything, knows every channel, joins the parts."""

import itertools
import logging
import uuid as uuids
from functools import partial

from switchsim import api, applications, sdp
from switchsim.called import CalledLeg
from switchsim.caller_data import Arrival, first_variables, profile_of
from switchsim.calling import CallingLeg
from switchsim.channel import Channel
from switchsim.connection import Connection
from switchsim.endpoints import Place, resolve
from switchsim.events import EventBus
from switchsim.in_dialogue import CallerRequests, wire_destination
from switchsim.inbound import EventSocketListener
from switchsim.loop import Loop
from switchsim.scheduler import Scheduler
from switchsim.session import Session
from switchsim.settings import Address, Settings
from switchsim.sip import SipEndpoint
from switchsim.sip_text import body, party, url_decode
from switchsim.sip_types import SipMessage, SipTransaction
from switchsim.variables import expand
from switchsim.voice_keys import VoicePort

_SUPPORT = "sip_h_X-Fs-Support"
# How long a switch that ends goes on telling so.
_FAREWELL_S = 0.5
# Of ports for voice, when others have theirs in the same range.
_PORTS_TRIED = 100
log = logging.getLogger(__name__)


class Switch:
    """Everything one process serves."""

    version = "1.11.3-dev"

    def __init__(self, settings: Settings, loop: Loop) -> None:
        self.settings = settings
        self.loop = loop
        self.core_uuid = self.new_uuid()
        self.bus = EventBus(
            core_uuid=self.core_uuid, hostname=settings.hostname, ipv4=settings.ipv4
        )
        self.applications = applications.known()
        self.scheduler = Scheduler(self.loop)
        self.started_us = self.loop.clock.wall_us()
        self.peak = 0
        self.sessions_so_far = 0
        self.connections: set[Connection] = set()
        self._channels: dict[str, Channel] = {}
        self._sessions: dict[str, Session] = {}
        self._legs: dict[str, CalledLeg] = {}
        self._owners: dict[str, Session] = {}
        self._media_ports = itertools.cycle(range(settings.first_media_port, 32_000, 2))
        self.endpoint = SipEndpoint(
            loop=self.loop,
            bind=settings.sip,
            user_agent=settings.user_agent,
            on_call=self._on_call,
        )
        try:
            self.listener = EventSocketListener(self, settings.event_socket)
        except OSError:
            self.endpoint.close()
            raise

    @property
    def sip_address(self) -> Address:
        """Where SIP is served."""
        return self.endpoint.address

    @property
    def event_socket_address(self) -> Address:
        """Where the event socket is served."""
        return self.listener.address

    def run(self) -> None:
        """Serves until `stop`."""
        self.loop.run()

    def stop(self) -> None:
        """Ends `run`."""
        self.loop.stop()

    def shut_down(self) -> None:
        """Ends every call, and `run` once that is told; asked again, at once."""
        up = [channel for channel in self.channels() if channel.hang_up("SYSTEM_SHUTDOWN")]
        self.loop.later(_FAREWELL_S if up else 0.0, self.stop)

    def close(self) -> None:
        """Closes every socket; calls in progress are dropped without a word."""
        for session in list(self._sessions.values()):
            session.abandon()
        for channel in self.channels():
            self._close_voice(channel)
        for connection in list(self.connections):
            connection.drop()
        self.listener.close()
        self.endpoint.close()

    def new_uuid(self) -> str:
        """An id nobody else has."""
        return str(uuids.uuid4())

    def next_session_id(self) -> int:
        """Channels are numbered from 1."""
        self.sessions_so_far += 1
        return self.sessions_so_far

    def open_voice(self, events: str | None) -> tuple[int, VoicePort | None]:
        """A port for media, which is listened to for keys where those may come that way.

        Args:
            events: the payload type of the keys; None: nothing is listened to.
        """
        if events is None:
            return next(self._media_ports), None
        for _ in range(_PORTS_TRIED):
            port = next(self._media_ports)
            try:
                return port, VoicePort(self.loop, self.sip_address[0], port, int(events))
            except OSError:  # somebody else has it
                continue
        return next(self._media_ports), None

    def find(self, uuid: str) -> Channel | None:
        """A channel by its id."""
        return self._channels.get(uuid)

    def session(self, uuid: str) -> Session | None:
        """A caller's call by its id."""
        return self._sessions.get(uuid)

    def leg(self, uuid: str) -> CalledLeg | None:
        """A destination's leg by its id."""
        return self._legs.get(uuid)

    def is_listed(self, channel: Channel) -> bool:
        """Whether commands by uuid still find it: until its last report."""
        return channel.running not in {"CS_REPORTING", "CS_DESTROY"}

    def channels(self) -> list[Channel]:
        """Channels as `show channels` lists them, oldest first: until they are destroyed."""
        return list(self._channels.values())

    def calls(self) -> list[tuple[Channel, Channel | None]]:
        """Bridged pairs, caller first."""
        pairs: list[tuple[Channel, Channel | None]] = []
        for session in self._sessions.values():
            other = session.channel.variables.get("bridge_to")
            if other and self.is_listed(session.channel):
                pairs.append((session.channel, self.find(other)))
        return pairs

    def lookup(self, channel: Channel, name: str) -> str | None:
        """A channel variable, a field of the caller profile, or a global variable."""
        value = channel.variables.get(name)
        if value is not None:
            return value
        profile = channel.profile
        fields = {
            "uuid": channel.uuid,
            "caller_id_number": profile.number,
            "caller_id_name": profile.name,
            "destination_number": profile.destination,
            "network_addr": profile.network_addr,
            "ani": profile.ani,
            "context": profile.context,
            "channel_name": profile.channel_name,
        }
        return fields.get(name) or self.global_variables().get(name)

    def expanded(self, channel: Channel, text: str) -> str:
        """`text` with the variables of `channel` put in."""
        return expand(text, lambda name: self.lookup(channel, name))

    def global_variables(self) -> dict[str, str]:
        """Variables of the switch itself."""
        return {
            "hostname": self.settings.hostname,
            "local_ip_v4": self.settings.ipv4,
            "core_uuid": self.core_uuid,
            **self.settings.globals,
        }

    def resolve(self, endpoint: str) -> Place | str:
        """Where an endpoint of a bridge string is; the cause when it is nowhere."""
        return resolve(self.settings, endpoint)

    def adopt(self, leg: CalledLeg, session: Session) -> None:
        """Takes a destination's new leg into the books."""
        self._channels[leg.channel.uuid] = leg.channel
        self._legs[leg.channel.uuid] = leg
        self._owners[leg.channel.uuid] = session
        wire_destination(self, leg, session)
        self.peak = max(self.peak, len(self._channels))

    def forget(self, channel: Channel) -> None:
        """Drops a channel after its last event."""
        self._close_voice(channel)
        for book in (self._channels, self._sessions, self._legs, self._owners):
            book.pop(channel.uuid, None)

    def _close_voice(self, channel: Channel) -> None:
        session, leg = self._sessions.get(channel.uuid), self._legs.get(channel.uuid)
        voice = session.leg.voice if session else leg.voice if leg else None
        if voice is not None:
            voice.close()

    def ended(self, session: Session) -> None:
        """A call has reported its end."""
        self.scheduler.delete(session.channel.uuid)

    def answered(self, channel: Channel) -> None:
        """Runs what was asked to run when this leg answers."""
        for name, hook in list(channel.variables.items()):
            # Every variable whose name starts so is run.
            if name.lower().startswith("api_on_answer"):
                self.loop.soon(partial(self.run_hook, hook, channel))
        execute = channel.variables.get("execute_on_answer")
        session = self._sessions.get(channel.uuid)
        if execute and session is not None:
            session.run_at_answer(execute)

    def run_hook(self, text: str, channel: Channel) -> None:
        """Runs an api command in the name of a channel."""
        result = api.run(self, self.expanded(channel, text))
        log.info("hook %r: %s", text, result.strip())

    def cancel_reason(self, channel: Channel) -> str | None:
        """The Reason header of the caller's CANCEL, passed on to the destination."""
        owner = self._owners.get(channel.uuid)
        return owner.cancel_reason if owner else None

    def redirect(self, session: Session, contact: str) -> None:
        """A destination's 3xx sends the caller to the dialplan."""
        session.transfer_to = url_decode(party(contact).user or "")
        session.poke()

    def may_send_info(self, channel: Channel) -> bool:
        """Whether the peer takes INFO of ours."""
        return channel.takes_info or channel.variables.is_true("fs_send_unsupported_info")

    def send_info(self, channel: Channel, content_type: str, content: str) -> None:
        """Sends an INFO to the party of a channel."""
        session, leg = self._sessions.get(channel.uuid), self._legs.get(channel.uuid)
        if session is not None:
            session.leg.send_info(content_type, content)
        elif leg is not None:
            leg.send_info(content_type, content)

    def send_digit(self, channel: Channel, digit: str, duration: int) -> None:
        """Passes a digit on to the party of a channel, as INFO."""
        text = f"Signal={digit}\r\nDuration={duration // 8}\r\n"
        self.send_info(channel, "application/dtmf-relay", text)

    def _on_call(self, request: SipMessage, transaction: SipTransaction) -> CallingLeg | None:
        uuid = self.new_uuid()
        source: Address = request.getSource()
        profile = profile_of(request, uuid=uuid, settings=self.settings, source=source[0])
        media = sdp.read(body(request))
        media_port, voice = self.open_voice(media.events if media else None)
        leg = CallingLeg(
            request,
            transaction,
            endpoint=self.endpoint,
            settings=self.settings,
            media_port=media_port,
            voice=voice,
        )
        channel = Channel(loop=self.loop, bus=self.bus, profile=profile)
        first_variables(
            channel.variables,
            request,
            profile=profile,
            settings=self.settings,
            arrival=Arrival(
                session_id=self.next_session_id(),
                source=source,
                local=self.endpoint.address,
                at_us=channel.now_us,
            ),
        )
        # The switch keeps this header to itself.
        channel.takes_info = "send_info" in (channel.variables.get(_SUPPORT) or "")
        channel.variables.set(_SUPPORT, None)
        session = Session(self, channel, leg)
        CallerRequests(self, session)
        self._channels[uuid] = channel
        self._sessions[uuid] = session
        self.peak = max(self.peak, len(self._channels))
        self.loop.soon(session.start)
        return leg
