"""One connection: uvicorn's protocol over h11, with deadlines, and notice of hang-ups.

What is added:

- A connection without a request, or with half a head, has `HEAD_SECONDS` to send one. Between two
  requests it has uvicorn's keep-alive time.
- An answer is to be taken, `MIN_BYTES` at least in `WRITE_SECONDS`, or the connection is given
  up.
- What is no HTTP/1.1 gets the error body that all refusals have, and time to read it.
- A connection that is to end hears out whoever still sends, so that the answer is not lost, and
  ends in time even if the answer is not taken.
- A caller may close its half of the connection when it has asked, and is answered. Whether it has
  not rather gone is found out by an interim response, which only the living take.
- Behind a request under way the connection is read on, so that a hang-up is noticed even if the
  caller has sent its next requests already.
- An offer to upgrade to another protocol is not taken up, and the request is answered as it is.
"""

import asyncio
import contextlib
import socket
import sys
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from conveyor.service.errors import (
    HeadersTooLarge,
    MalformedRequest,
    RequestTimeout,
    ServiceError,
    response,
)
from conveyor.service.protocol.connections import Connections
from conveyor.service.protocol.parser import MAX_HEAD_BYTES, MAX_HEADERS, Parser

HEAD_SECONDS = 20.0

# 16 KiB a second, less than any modem of this century; an answer of 64 MiB has an hour, then.
WRITE_SECONDS = 10.0
MIN_BYTES = 163_840

# How long a caller whose bytes are no request may go on sending, so that it can read why: a
# connection that is closed under what it sends is reset, and the answer lost. Whoever sends a body
# that is not wanted has as long as for a head.
LINGER_SECONDS = 1.0

# After so long, twice as long, and so on, a caller that has closed its half is asked for a sign.
PROBE_SECONDS = 0.25

# What is read of the requests behind the one under way.
MAX_PIPELINED = 65_536

HTTP_1_1 = "1.1"


class _Transport:
    """asyncio's transport, whose end is the connection's to decide."""

    def __init__(self, transport: asyncio.Transport, connection: "Connection") -> None:
        self._transport = transport
        self._connection = connection

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever it has
        return getattr(self._transport, name)

    def close(self) -> None:
        """End the connection, once the answer has been taken and the caller heard out."""
        self._connection.close()

    def is_closing(self) -> bool:
        """Tell if it is to end."""
        return self._connection.closing or self._transport.is_closing()


class Connection(H11Protocol):
    """One caller's connection, from its first byte to its last."""

    def __init__(
        self,
        connections: Connections,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn = Parser()
        self._all = connections
        self._head_timer: asyncio.TimerHandle | None = None
        self._write_timer: asyncio.TimerHandle | None = None
        self._probe_timer: asyncio.TimerHandle | None = None
        self._half_closed = False
        self.closing = False

    @property
    def busy(self) -> bool:
        """True while a request is under way."""
        return self.cycle is not None and not self.cycle.response_complete

    @property
    def unsent(self) -> int:
        """The bytes of answers that wait for the caller to take them."""
        return self.transport.get_write_buffer_size()

    def abort(self) -> None:
        """Close the connection now, whatever waits to be sent."""
        self.transport.abort()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        self._own = transport
        super().connection_made(_Transport(transport, self))  # type: ignore[arg-type]
        self._all.add(self)
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_timed_out)

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the application that this caller has gone."""
        for timer in (self._head_timer, self._write_timer, self._probe_timer):
            if timer is not None:
                timer.cancel()
        self._unset_keepalive_if_required()
        self._all.discard(self)
        self.closing = True
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what has come, unless it counts no more."""
        if self.closing or self.conn.their_state is h11.MUST_CLOSE:
            return
        super().data_received(data)
        self._update_timers()

    def eof_received(self) -> bool:  # type: ignore[override]
        """Answer a caller that has closed its half after a whole request; close all others."""
        if self.closing or not self.busy or self.cycle.more_body:
            self._close_when_sent()
            return True
        self._half_closed = True
        self._probe_timer = self.loop.call_later(PROBE_SECONDS, self._probe, PROBE_SECONDS)
        return True

    def pause_writing(self) -> None:
        """Watch that the caller takes its answer."""
        super().pause_writing()
        self._all.sending(self)
        self._watch_sending()

    def resume_writing(self) -> None:
        """Note that the answer has been taken, all but a little."""
        super().resume_writing()
        self._all.sent(self)
        if self._write_timer is not None and not self.closing:
            self._write_timer.cancel()
            self._write_timer = None

    # What uvicorn calls.

    def on_response_complete(self) -> None:
        """Go on with the next request, or wait for it."""
        super().on_response_complete()
        if not self.busy and self._half_closed:
            self.transport.close()
        self._update_timers()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's is for nobody
        """Refuse what the parser, whose error is being handled, could not read."""
        error = sys.exc_info()[1]
        if getattr(error, "error_status_hint", None) == HeadersTooLarge.status:
            self._refuse(
                HeadersTooLarge(
                    f"The request's headers are too large. Send at most {MAX_HEADERS} headers, "
                    f"and {MAX_HEAD_BYTES:,} bytes with the path."
                )
            )
        else:
            self._refuse(
                MalformedRequest(
                    "This cannot be read as a request of HTTP "
                    f"({ascii(str(error))[1:-1][:100]}). Send a method, a path in ASCII, valid "
                    "headers, and a body of the length that they declare."
                )
            )

    def timeout_keep_alive_handler(self) -> None:
        """End a connection on which nothing is asked any more."""
        if self.unsent:  # nor what was asked for taken
            self.abort()
        else:
            self._close_when_sent()

    def shutdown(self) -> None:
        """End it with the answer that is under way, or now."""
        if self.busy and not self.closing:
            self.cycle.keep_alive = False
        else:
            self._close_when_sent()

    def _should_upgrade(self) -> bool:
        return False

    def close(self) -> None:
        """End the connection; who still sends a body that has been answered is heard out."""
        if self.closing:
            return
        if self.conn.their_state is h11.SEND_BODY:
            self._linger(HEAD_SECONDS)
        else:
            self._close_when_sent()

    # What is added.

    def _update_timers(self) -> None:
        """Set the timers for a request that is under way, or half of one, or none."""
        if self.transport.is_closing():
            return
        if self.busy:
            self._all.busy(self)
            self._cancel_head_timer()
            self._resume_reading()
        else:
            self._all.idle(self)
            if self._all_answered():
                self._cancel_head_timer()
                if self.timeout_keep_alive_task is None:
                    self.timeout_keep_alive_task = self.loop.call_later(
                        self.timeout_keep_alive, self.timeout_keep_alive_handler
                    )
            elif self._head_timer is None:
                self._head_timer = self.loop.call_later(HEAD_SECONDS, self._head_timed_out)

    def _all_answered(self) -> bool:
        """Tell if all that has been sent is answered."""
        return self.cycle is not None and (
            self.conn.their_state is h11.IDLE and not self.conn.trailing_data[0]
        )

    def _resume_reading(self) -> None:
        if self.flow.read_paused and self.conn.their_state is h11.DONE:
            behind, _ = self.conn.trailing_data
            if len(behind) < MAX_PIPELINED:
                self.flow.resume_reading()

    def _cancel_head_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _head_timed_out(self) -> None:
        """Refuse half a head; close a connection on which nothing was asked, or is left to ask."""
        self._head_timer = None
        if self.cycle is None and self.conn.trailing_data[0]:
            self._refuse(
                RequestTimeout(
                    f"The request's headers did not arrive within {HEAD_SECONDS:g} seconds. Send "
                    "them faster."
                )
            )
        else:
            self._close_when_sent()

    def _watch_sending(self) -> None:
        if self._write_timer is None:
            self._write_timer = self.loop.call_later(WRITE_SECONDS, self._check_sent, self.unsent)

    def _check_sent(self, before: int) -> None:
        """Give up an answer that is not taken, or hardly."""
        unsent = self.unsent
        if before - unsent < MIN_BYTES:
            self.abort()
        else:
            self._write_timer = self.loop.call_later(WRITE_SECONDS, self._check_sent, unsent)

    def _probe(self, seconds: float) -> None:
        """Ask for a sign of life: a caller that has gone answers with a reset, others ignore it."""
        if self.transport.is_closing():
            return
        own: socket.socket = self.transport.get_extra_info("socket")
        if own.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self.abort()
            return
        if (
            self.busy
            and not self.cycle.response_started
            and self.cycle.scope["http_version"] == HTTP_1_1  # before, there were none
        ):
            interim = h11.InformationalResponse(status_code=100, headers=[], reason="Continue")
            self.transport.write(self.conn.send(interim) or b"")
        self._probe_timer = self.loop.call_later(seconds, self._probe, 2 * seconds)

    def _refuse(self, error: ServiceError) -> None:
        """Answer with an error, unless an answer has begun, and listen no more."""
        if self.busy:
            if self.cycle.response_started:
                self._close_when_sent()
                return
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        answer = response(error)
        headers = [*self.server_state.default_headers, *answer.raw_headers]
        with contextlib.suppress(h11.LocalProtocolError):  # all has been answered before
            for event in (
                h11.Response(
                    status_code=error.status,
                    headers=[*headers, (b"connection", b"close")],
                    reason=HTTPStatus(error.status).phrase.encode(),
                ),
                h11.Data(data=bytes(answer.body)),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self._linger(LINGER_SECONDS)

    def _linger(self, seconds: float) -> None:
        """Send no more, and let the caller send what it likes for so long, or until it ends too."""
        self._start_closing()
        self.flow.resume_reading()
        if self._own.can_write_eof():
            self._own.write_eof()
        self._head_timer = self.loop.call_later(seconds, self.abort)

    def _close_when_sent(self) -> None:
        """End it as soon as what waits to be sent is taken, or has not been in time."""
        self._start_closing()
        self._own.close()
        if self.unsent:
            self._watch_sending()

    def _start_closing(self) -> None:
        self.closing = True
        self._cancel_head_timer()
        self._unset_keepalive_if_required()
        self._all.idle(self)
