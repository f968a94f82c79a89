"""A pipeline of questions that are asked ahead of the answers to earlier ones; answers are taken in order."""

from collections import deque
from types import TracebackType
from typing import Generic, Self, TypeVar

from twisted.internet.defer import Deferred

A = TypeVar("A")


class Pipeline(Generic[A]):
    """A pipeline of at most `size` unanswered questions; after the block, their answers are dropped."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._asked: deque[Deferred[A]] = deque()

    def __len__(self) -> int:
        return len(self._asked)

    @property
    def full(self) -> bool:
        """Tell if an answer has to be taken before the next question."""
        return len(self) >= self._size

    def add(self, answer: Deferred[A]) -> None:
        """Add the answer to a question that was asked."""
        self._asked.append(answer)

    async def next(self) -> A:
        """Return the answer to the oldest question."""
        return await self._asked.popleft()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for answer in self._asked:
            _ = answer.addErrback(lambda _: None)
