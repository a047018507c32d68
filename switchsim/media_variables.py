"""Variables about media: what was negotiated, and counters of what was sent."""

from switchsim.profile import Times
from switchsim.sdp import Media

Pairs = list[tuple[str, str]]

_IN = (
    "raw_bytes", "media_bytes", "packet_count", "media_packet_count", "skip_packet_count",
    "jitter_packet_count", "dtmf_packet_count", "cng_packet_count", "flush_packet_count",
    "largest_jb_size",
)  # fmt: skip
_OUT = (
    "raw_bytes", "media_bytes", "packet_count", "media_packet_count", "skip_packet_count",
    "dtmf_packet_count", "cng_packet_count",
)  # fmt: skip
_FIXED: Pairs = [
    ("in_jitter_min_variance", "0.00"),
    ("in_jitter_max_variance", "0.00"),
    ("in_jitter_loss_rate", "0.00"),
    ("in_jitter_burst_rate", "0.00"),
    ("in_mean_interval", "0.00"),
    ("in_flaw_total", "0"),
    ("in_quality_percentage", "100.00"),
    ("in_mos", "4.50"),
]
_FRAME_US = 20_000
_PACKET_BYTES = 12 + 160  # an RTP header and 20 ms of PCMA


def negotiated(media: Media, *, host: str, ssrc: int, local_port: int | None) -> Pairs:
    """What negotiated audio leaves on a leg.

    Args:
        media: what the other party said.
        host: our own address.
        ssrc: a number for the stream.
        local_port: our port, where it is not known yet from an offer of ours.
    """
    codec = media.codecs[0] if media.codecs else "PCMA"
    own = [
        ("local_media_ip", host),
        ("local_media_port", str(local_port)),
        ("advertised_media_ip", host),
    ]
    return [
        ("remote_video_media_flow", "inactive"),
        ("remote_text_media_flow", "inactive"),
        ("remote_audio_media_flow", media.direction),
        ("audio_media_flow", media.direction),
        ("rtp_audio_recv_pt", "8"),
        ("rtp_use_codec_name", codec),
        ("rtp_use_codec_rate", "8000"),
        ("rtp_use_codec_ptime", "20"),
        ("rtp_use_codec_channels", "1"),
        ("rtp_last_audio_codec_string", f"{codec}@8000h@20i@1c"),
        ("read_codec", codec),
        ("original_read_codec", codec),
        ("read_rate", "8000"),
        ("original_read_rate", "8000"),
        ("write_codec", codec),
        ("write_rate", "8000"),
        ("dtmf_type", "info"),
        *(own if local_port is not None else []),
        ("rtp_use_timer_name", "soft"),
        ("rtp_use_pt", "8"),
        ("rtp_use_ssrc", str(ssrc)),
        ("remote_media_ip", media.host),
        ("remote_media_port", media.port),
    ]


def media_counters(times: Times, *, packets_sent: int) -> Pairs:
    """The counters of a leg at its end: nothing came in; out went only what was played."""
    began = times.answered or times.progress_media or times.hungup
    skipped = str((times.hungup - began) // _FRAME_US)
    pairs = [(f"in_{name}", skipped if name == "skip_packet_count" else "0") for name in _IN]
    pairs += _FIXED
    sent = {
        "raw_bytes": packets_sent * _PACKET_BYTES, "media_bytes": packets_sent * _PACKET_BYTES,
        "packet_count": packets_sent, "media_packet_count": packets_sent,
    }  # fmt: skip
    pairs += [(f"out_{name}", str(sent.get(name, 0))) for name in _OUT]
    pairs += [("rtcp_packet_count", "0"), ("rtcp_octet_count", "0")]
    return [(f"rtp_audio_{name}", value) for name, value in pairs]
