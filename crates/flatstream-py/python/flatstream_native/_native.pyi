from os import PathLike
from typing import Any, BinaryIO, Callable, Iterator, Mapping, Optional, Tuple, Union, final

from flatstream import End, Header
from flatstream.header import HeaderRegion
from flatstream.reopening import Tail

__version__: str

_Path = Union[str, PathLike[str]]
_Source = Union[_Path, BinaryIO]
_Digest = Callable[[bytes], int]
_Private = Mapping[int, _Digest]
_Clock = Callable[[], int]

@final
class Message:
    """A message that was read and verified, with the buffer protocol: `memoryview(message)`, `bytes(message)`.

    It shares the memory it was read into, and keeps the 256 KiB around it: to keep a few small ones for long, take
    `bytes`. A body starts at a multiple of 8 bytes in memory.
    """

    @property
    def position(self) -> int:
        """The position of its frame, in bytes from the start of the stream."""
    @property
    def sequence(self) -> Optional[int]:
        """How many messages were appended before it; None between damage and the next sync frame."""
    @property
    def salvaged(self) -> bool:
        """Whether it was found behind damage, so that its sequence is unknown."""
    @property
    def body(self) -> memoryview:
        """A view of its bytes, not a copy."""
    def __bytes__(self) -> bytes: ...
    def __len__(self) -> int: ...
    def __buffer__(self, flags: int) -> memoryview: ...

@final
class Columns(Iterator[dict[str, Any]]):
    """Batches: dicts from paths to arrays of numpy, or memoryviews where numpy isn't installed."""

    def __iter__(self) -> Columns: ...
    def __next__(self) -> dict[str, Any]: ...

class Reader(Iterator[Message]):
    """Reads a stream and makes the first damage an error (`StreamError`).

    `source` is a path or a binary file object, which need not be able to seek. `private` maps checksum ids of
    128..255 to functions from a body to a u32. `limit` is the reader's own bound for a message in bytes; a longer one
    raises a `LimitError`. None takes any length. `require_closed` makes an end without the mark that the writer
    finished a `CallerError`.

    A reader belongs to one thread at a time.
    """

    def __new__(
        cls,
        source: _Source,
        *,
        private: Optional[_Private] = None,
        limit: Optional[int] = 67108864,
        require_closed: bool = False,
    ) -> Reader: ...
    @property
    def header(self) -> Optional[Header]:
        """The header's fields; None if a recovering reader goes on without it."""
    @property
    def region(self) -> Optional[HeaderRegion]:
        """The header region: its bytes and its fields."""
    @property
    def stream_id(self) -> Optional[int]:
        """The stream's identity, known with the first message."""
    @property
    def position(self) -> int:
        """Position of the next frame."""
    @property
    def sequence(self) -> int:
        """Sequence of the next message."""
    @property
    def durable_position(self) -> int:
        """Every byte below was reported durable, by the sync frames that were read so far."""
    @property
    def dropped_messages(self) -> int:
        """How many messages the writer says it dropped, so far."""
    @property
    def dropped_bytes(self) -> int:
        """How many bytes these had."""
    @property
    def end(self) -> Optional[End]:
        """How the stream ended, once the reader has come to its end. Its `reason` is always None."""
    @property
    def cursor(self) -> Optional[str]:
        """Where it stands, for `follow(cursor=...)`."""
    def __iter__(self) -> Reader: ...
    def __next__(self) -> Message: ...
    def bodies(self) -> Iterator[memoryview]:
        """The messages as views, where position and sequence aren't needed."""
    def columns(
        self,
        *paths: str,
        batch: int = 65536,
        missing: Optional[int] = None,
        schema: Optional[bytes] = None,
        message_type: Optional[str] = None,
    ) -> Columns:
        """Numbers of many messages at once: fields by path, such as `pose.position.x`.

        The last batch may be shorter. By the header's schema and message type, or those that are given. Each array is
        of the field's own type; an enum's numbers are numbers. A float that a message doesn't have is NaN; an integer
        or boolean is `missing`, or a `MessageError`. Rows before an error come first.
        """
    def seek_to_start(self) -> int:
        """Goes to the first message. All of these return the sequence of the next message."""
    def seek_to_sequence(self, sequence: int) -> int:
        """Goes to a message, or behind the last one."""
    def seek_to_time(self, time: int) -> int:
        """Goes to the last sync frame before a time, in nanoseconds of the header's clock."""
    def seek_to_last(self, count: int) -> int:
        """Goes to the message that so many, it included, are left from."""
    def seek_to_end(self) -> int:
        """Goes behind the last message."""

@final
class RecoveringReader(Reader):
    """Reads on behind damage, and reports it. Iterating gives the messages; `events()` gives reports too.

    `careful` delivers a salvaged frame only if another good frame or a sync follows it directly. `window_max` bounds
    what is held, in bytes. `stream_id` is the stream that is meant; by default the first sync tells.
    """

    def __new__(
        cls,
        source: _Source,
        *,
        private: Optional[_Private] = None,
        limit: Optional[int] = 67108864,
        careful: bool = False,
        window_max: int = 16777216,
        stream_id: Optional[int] = None,
    ) -> RecoveringReader: ...
    @property
    def lost(self) -> int:
        """How many messages are known to be lost, so far."""
    @property
    def lost_is_exact(self) -> bool:
        """Whether that is all, once the reader has come to the end."""
    @property
    def contradictions(self) -> int:
        """How many messages more were delivered than sync frames count, as far as reports were taken."""
    @property
    def reports_left_out(self) -> int:
        """How many reports were only counted, because 1,024 waited to be taken."""
    def events(self) -> Iterator[object]:
        """Messages and reports, in the order of the stream."""
    def take_reports(self) -> list[object]:
        """The reports since the last call."""

@final
class Follower(Iterator[Message]):
    """Gives the messages of a file that is being written; made by `follow`."""

    def __iter__(self) -> Follower: ...
    def __next__(self) -> Message: ...
    def next_within(self, seconds: float) -> Optional[Message]:
        """The next message if it comes within this time; None if it doesn't, or at the end."""
    @property
    def end(self) -> Optional[End]:
        """How the stream ended, once the follower has."""
    @property
    def header(self) -> Optional[Header]:
        """The header, once it is there."""
    @property
    def cursor(self) -> Optional[str]:
        """Directly behind the last message that was given: a later `follow(cursor=...)` goes on there."""
    @property
    def sequence(self) -> int:
        """Sequence of the next message, as far as is known."""
    @property
    def durable_position(self) -> int:
        """Every byte below was reported durable."""

@final
class Writer:
    """Appends messages to a stream. Leaving a `with` block finishes it; after an exception it is left open.

    `sink` is a path or a binary file object. A file of that name must not be there, unless `replace`; it is locked,
    and its name durable. The header is a `Header`, the bytes of a region, or made of `fields`, those of a `Header`
    (`checksum` may be a name, `metadata` a dict). `clock` gives nanoseconds; by default it is the system's, where the
    header's clock is UTC. `longest_time` is the longest time between two sync frames, in nanoseconds. `sink_sync`
    makes a file object's bytes durable; by default it is fsync where there is a descriptor.

    What is appended is gathered in 256 KiB.
    """

    def __new__(
        cls,
        sink: _Source,
        header: Union[Header, bytes, None] = None,
        *,
        stream_id: Optional[int] = None,
        clock: Optional[_Clock] = None,
        sink_sync: Optional[Callable[[], None]] = None,
        private: Optional[_Private] = None,
        longest_time: Optional[int] = None,
        replace: bool = False,
        **fields: Any,
    ) -> Writer: ...
    @classmethod
    def create(cls, sink: _Source, header: Union[Header, bytes, None] = None, **options: Any) -> Writer:
        """The same, by the name that the package `flatstream` has for it."""
    def append(self, message: Union[bytes, bytearray, memoryview]) -> int:
        """Append a message; returns its sequence."""
    def drop(self, messages: int, size: int) -> None:
        """Say that messages were lost here."""
    def flush(self) -> None:
        """Hand all bytes to the sink."""
    def sync(self) -> int:
        """Make all bytes durable; returns the number of messages that are."""
    def finish(self) -> None:
        """Mark the stream as closed, and make it durable where the sink can."""
    def close(self) -> None:
        """Hand all bytes to the sink and leave the stream as it is, open or closed."""
    @property
    def position(self) -> int:
        """Position of the next frame."""
    @property
    def sequence(self) -> int:
        """Sequence of the next message."""
    @property
    def header(self) -> Header:
        """The stream's header."""
    @property
    def stream_id(self) -> int:
        """The stream's identity."""
    @property
    def durable_position(self) -> int:
        """Every byte below is durable."""
    def __enter__(self) -> Writer: ...
    def __exit__(self, kind: object, *rest: object) -> None: ...

def follow(
    path: _Path,
    *,
    start: Union[str, int, None] = None,
    time: Optional[int] = None,
    cursor: Optional[str] = None,
    durable_only: bool = False,
    reopening: bool = False,
    wait_for_file: bool = False,
    patience: float = 5.0,
    polling: Optional[float] = None,
    private: Optional[_Private] = None,
    limit: Optional[int] = 67108864,
) -> Follower:
    """The messages of a file as they come. Waiting lets other threads run, and ends with Ctrl-C.

    It begins at `start` ("beginning", "end" or a sequence), at `time` in nanoseconds, or at a `cursor`. It ends where
    the writer closed the stream, unless `reopening`. `patience` is how many seconds bytes may be wrong before that is
    an error; `polling` looks at the file at least so often, in seconds, instead of asking the system.
    """

def reopen(
    path: _Path,
    *,
    clock: Optional[_Clock] = None,
    private: Optional[_Private] = None,
    refuse_always: bool = False,
    longest_time: Optional[int] = None,
) -> Tuple[Writer, Tail]:
    """Open an existing stream in a new epoch. Its header decides; what is known to be durable isn't read.

    Refuses with `ReopenRefused` where the tail may hold bytes that must not be cut.
    """
