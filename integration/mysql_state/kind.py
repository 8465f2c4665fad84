"""What a kind of session state is: how a client makes it, how it is seen, and what may become of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from support.mysql_session import Session
from support.mysql_wire import WireError

#: A step is SQL, or a function of the client.
Step = str | Callable[[Session], object]
Families = tuple[str, ...]
BOTH: Families = ("mariadb", "mysql")


@dataclass(frozen=True)
class Kind:
    """`read` gives `mine` for who made the state; for everybody else what it gives a client that has done nothing."""

    name: str
    make: tuple[Step, ...]
    read: Step
    mine: object
    #: Another client's different state of the same kind, and what it reads.
    rival: tuple[Step, ...] = ()
    theirs: object = None
    #: Ends it; empty for what is carried from server to server and needs no end.
    undo: tuple[Step, ...] = ()
    #: Keeps the client on its server while it lives.
    pins: bool = False
    #: Text or reply say when it ends; otherwise (made by code, or named by a parameter) the client keeps the server until it
    #: resets its connection or leaves.
    end_is_seen: bool = True
    #: Only one server has it, so it may go with that server; then the client is told.
    may_be_lost: bool = False
    #: Made within a transaction, it is there behind it. Otherwise it is made behind the transaction.
    in_transaction: bool = True
    #: The statement directly behind reads it, and no later one.
    fleeting: bool = False
    #: What a client that has done nothing reads, if that depends on others.
    absent: frozenset | None = None
    #: What COM_RESET_CONNECTION and COM_CHANGE_USER leave; None where nobody could rely on it.
    outlives_reset: bool | None = False
    outlives_change_user: bool | None = False
    #: Others would wait for its end, or are told nothing certain by the server itself.
    others_not_asked: bool = False
    families: Families = BOTH

    def made_by(self, client: Session) -> None:
        for step in self.make:
            do(client, step)

    def rival_made_by(self, client: Session) -> None:
        for step in self.rival:
            do(client, step)

    def seen_by(self, client: Session):
        """The value, or the number of the error."""
        try:
            return do(client, self.read)
        except WireError as error:
            return error.code

    def undone_by(self, client: Session) -> None:
        for step in self.undo:
            do(client, step)


def do(client: Session, step: Step):
    return client.value(step) if isinstance(step, str) else step(client)


def setting(name: str, make: Step, read: Step, mine: object, rival: str = "", theirs: object = None, **more) -> Kind:
    """State that can be carried to any server."""
    return Kind(name, (make,), read, mine, (rival,) if rival else (), theirs, **more)
