"""Which words of a piece of corpus take part: frequent ones are left out at random, and windows are of random size."""

from __future__ import annotations

from lexgrad.compile.vector_code import VECTORISED
from lexgrad.compile.word2vec.layout import Code

PHILOX_ROUNDS = 10
_MULTIPLIER, _WEYL = 0xD256D193, 0x9E3779B9


def philox(code: Code, key: str, counter: str) -> tuple[str, str]:
    """Both words of Philox 2x32-10 of a 64-bit counter, as :func:`lexgrad.ops.random.philox_words` defines it."""
    low = code.put(f"and i64 {counter}, 4294967295")
    high = code.put(f"lshr i64 {counter}, 32")
    for i in range(PHILOX_ROUNDS):
        turned = code.put(f"and i64 {code.put(f'add i64 {key}, {(_WEYL * i) & 0xFFFFFFFF}')}, 4294967295")
        wide = code.put(f"mul i64 {low}, {_MULTIPLIER}")
        mixed = code.put(f"xor i64 {code.put(f'lshr i64 {wide}, 32')}, {turned}")
        low, high = code.put(f"xor i64 {mixed}, {high}"), code.put(f"and i64 {wide}, 4294967295")
    return low, high


class Select(Code):
    """Writes the function that goes through the tokens of some sentences, once.

    Token ``i`` stays if the first random word of counter ``base + i`` is not above its threshold; the second says how
    far its window reaches: 1 … window words, all equally likely. No window goes over the end of a sentence.

    Both random words of every token are written first, to ``ids`` and ``right``: what stays is then put at its place in
    these, which is never beyond the token that is read.
    """

    def text(self) -> str:
        """The function."""
        room = self.put(f"and i64 {self.add('%count', '15')}, -16")
        with self.loop("i", "0", room, hint=VECTORISED) as i:
            keep, reach = philox(self, "%key", self.put(f"add i64 %base, {i}"))
            self.store("i32", self.put(f"trunc i64 {keep} to i32"), "%ids", i)
            size = self.put(f"lshr i64 {self.put(f'mul i64 {reach}, %window')}, 32")
            self.store("i32", self.put(f"trunc i64 {self.put(f'add i64 {size}, 1')} to i32"), "%right", i)
        kept = self.slot("i64")
        self.store("i64", "0", kept)
        with self.loop("s", "0", "%sentences") as sentence:
            first = self.load("i64", kept)
            start, stop = self.load("i64", "%bounds", sentence), self.load("i64", "%bounds", self.add(sentence, "1"))
            with self.loop("t", start, stop) as i:
                self.token(i, first, kept)
            self.end_sentence(first, self.load("i64", kept))
        self.store("i64", self.load("i64", kept), "%found")
        names = ("tokens", "bounds", "thresholds", "ids", "left", "right", "found")
        pointers = ", ".join(f"ptr noalias %{name}" for name in names)
        return self.function(
            f"define void @select({pointers}, i64 %count, i64 %sentences, i64 %window, i64 %key, i64 %base)"
        )

    def token(self, i: str, first: str, kept: str) -> None:
        """Write a token where the next one that stays belongs, and go on from there if it stays."""
        token = self.load("i32", "%tokens", i)
        threshold = self.load("i32", "%thresholds", self.put(f"zext i32 {token} to i64"))
        stays = self.put(f"icmp ule i32 {self.load('i32', '%ids', i)}, {threshold}")
        place, reach = self.load("i64", kept), self.load("i32", "%right", i)
        before = self.put(f"trunc i64 {self.sub(place, first)} to i32")
        self.store("i32", token, "%ids", place)
        self.store("i32", self.put(f"call i32 @llvm.smin.i32(i32 {reach}, i32 {before})"), "%left", place)
        self.store("i32", reach, "%right", place)
        self.store("i64", self.add(place, self.put(f"zext i1 {stays} to i64")), kept)

    def end_sentence(self, start: str, stop: str) -> None:
        """Cut off what windows reach beyond the end of a sentence."""
        with self.loop("r", start, stop) as i:
            after = self.put(f"trunc i64 {self.sub(self.sub(stop, '1'), i)} to i32")
            reach = self.load("i32", "%right", i)
            self.store("i32", self.put(f"call i32 @llvm.smin.i32(i32 {reach}, i32 {after})"), "%right", i)
