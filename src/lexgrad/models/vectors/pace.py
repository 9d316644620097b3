"""How many threads to use, found out while they work."""

from __future__ import annotations


class Pace:
    """Chooses the number of threads for each piece of work: the one that was fastest lately.

    Threads that meet wait for the slowest. Where processors are shared, with other programs or with each other, fewer
    can be faster, and which number is best changes with what else goes on. The results do not depend on it.

    Args:
        most: the largest number.
    """

    TRIED_AGAIN = 24  # pieces after which another number is tried

    def __init__(self, most: int) -> None:
        self.choices = [most]
        while self.choices[-1] > 1:
            self.choices.append(self.choices[-1] // 2)
        self._seconds: dict[int, float] = {}
        self._turn = 0

    def threads(self) -> int:
        """The number for the next piece."""
        untried = [number for number in self.choices if number not in self._seconds]
        if untried:
            return untried[0]
        round, rest = divmod(self._turn, self.TRIED_AGAIN)
        if rest == self.TRIED_AGAIN - 1:
            return self.choices[round % len(self.choices)]
        return min(self.choices, key=self._seconds.__getitem__)

    def took(self, threads: int, seconds: float) -> None:
        """Say how long a piece took, divided by its size."""
        self._seconds[threads] = seconds
        self._turn += 1
