"""What a page and its kernel said to each other, read off the websocket; it sends nothing."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from playwright.sync_api import CDPSession


@dataclass(frozen=True)
class WireMessage:
    """One Jupyter message as it went through the page's websocket."""

    at: float  # seconds, the browser's own clock
    sent: bool  # by the page
    channel: str
    type: str
    parent: dict[str, Any]  # header of the message that caused it
    content: dict[str, Any]
    buffers: tuple[int, ...]  # sizes in bytes

    @property
    def custom(self) -> dict[str, Any] | None:
        """The content of a widget's custom message, or None if this is something else."""
        data = self.content.get("data") if self.type == "comm_msg" else None
        if isinstance(data, dict) and data.get("method") == "custom":
            content = data.get("content")
            return content if isinstance(content, dict) else None
        return None

    @property
    def comm(self) -> str:
        """The widget's model id, or an empty string."""
        return str(self.content.get("comm_id", ""))


def decode(data: bytes) -> tuple[str, list[bytes]]:
    """Split a frame of `v1.kernel.websocket.jupyter.org` into its channel and its parts.

    A frame begins with the number of offsets and the offsets, all little-endian 64-bit; the parts are the
    channel's name, header, parent header, metadata, content, and any buffers. See jupyter_server,
    `services/kernels/connection/base.py`.
    """
    count = int.from_bytes(data[:8], "little")
    offsets = [int.from_bytes(data[8 * i : 8 * i + 8], "little") for i in range(1, count + 1)]
    parts = [data[a:b] for a, b in pairwise(offsets)]
    return parts[0].decode(), parts[1:]


def parse(payload: str, *, binary: bool, at: float, sent: bool) -> WireMessage | None:
    """Read one websocket frame as the browser's debugger tells it; None if it is no kernel message."""
    sizes: tuple[int, ...] = ()
    if not binary:
        try:
            message = json.loads(payload)
        except ValueError:
            return None
        if not isinstance(message, dict) or "header" not in message:
            return None
        header, parent, content = (message[k] for k in ("header", "parent_header", "content"))
        channel = str(message.get("channel", ""))
    else:
        channel, parts = decode(base64.b64decode(payload))
        header, parent, _, content = (json.loads(part) for part in parts[:4])
        sizes = tuple(len(part) for part in parts[4:])
    return WireMessage(at, sent, channel, header["msg_type"], parent, content, sizes)


@dataclass
class MessageLog:
    """Kernel messages of one page, in order.

    The order is that of the one websocket, so that "before" can be told exactly. Messages come in while
    Playwright runs: look after a call to the page, not after `time.sleep`.
    """

    messages: list[WireMessage] = field(default_factory=list)

    def __iter__(self) -> Iterator[WireMessage]:
        return iter(self.messages)

    def __len__(self) -> int:
        return len(self.messages)

    def custom(self, type_: str | None = None, *, sent: bool | None = None) -> list[WireMessage]:
        """Custom widget messages, all or those whose content has this `type`."""
        return [
            m
            for m in self.messages
            if m.custom is not None
            and (type_ is None or m.custom.get("type") == type_)
            and (sent is None or m.sent == sent)
        ]

    def index(self, message: WireMessage) -> int:
        """Where a message stands in the order (the object itself, not one that is equal)."""
        return next(i for i, m in enumerate(self.messages) if m is message)

    def execute_replies(self) -> list[WireMessage]:
        """The replies that end a cell, oldest first."""
        return [m for m in self.messages if m.type == "execute_reply"]

    def clear(self) -> None:
        """Forget all."""
        self.messages.clear()

    def summary(self) -> str:
        """One line per message, for the artifacts of a failed test."""
        start = self.messages[0].at if self.messages else 0.0
        return "\n".join(
            f"{m.at - start:9.3f} {'page  ->' if m.sent else 'kernel ->'} {m.type} "
            f"{json.dumps(m.custom if m.custom is not None else m.content)[:400]} {list(m.buffers) or ''}"
            for m in self.messages
        )


def listen(session: CDPSession) -> MessageLog:
    """Record every kernel message of a page from now on, over reloads too."""
    log = MessageLog()
    kernel_sockets: set[str] = set()

    def created(event: dict[str, Any]) -> None:
        if "/api/kernels/" in event["url"]:
            kernel_sockets.add(event["requestId"])

    def frame(event: dict[str, Any], *, sent: bool) -> None:
        if event["requestId"] in kernel_sockets:
            response = event["response"]
            message = parse(
                response["payloadData"],
                binary=response["opcode"] == 2,
                at=event["timestamp"],
                sent=sent,
            )
            if message is not None:
                log.messages.append(message)

    session.on("Network.webSocketCreated", created)
    session.on("Network.webSocketFrameSent", lambda event: frame(event, sent=True))
    session.on("Network.webSocketFrameReceived", lambda event: frame(event, sent=False))
    session.send("Network.enable")
    return log
