"""Which words of a piece of corpus take part: frequent ones are left out at random, and windows are of random size."""

from __future__ import annotations

from lexgrad.compile.word2vec.layout import VECTORISED, Code

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
    """Writes the function that goes through tokens, once.

    Token ``i`` stays if the first random word of counter ``base + i`` is not above its threshold; the second says how
    far its window reaches: 1 … window words, all equally likely. A negative token ends a sentence, over whose ends no
    window goes.
    """

    def text(self) -> str:
        """The function."""
        count = self.put("and i64 %room, -16")
        with self.loop("i", "0", count, hint=VECTORISED) as i:
            keep, reach = philox(self, "%key", self.put(f"add i64 %base, {i}"))
            self.store("i32", self.put(f"trunc i64 {keep} to i32"), "%words", i)
            size = self.put(f"lshr i64 {self.put(f'mul i64 {reach}, %window')}, 32")
            self.store("i32", self.put(f"trunc i64 {self.put(f'add i64 {size}, 1')} to i32"), "%reaches", i)
        kept, start = self.slot("i64"), self.slot("i64")
        self.store("i64", "0", kept)
        self.store("i64", "0", start)
        with self.loop("t", "0", "%count") as i:
            token = self.load("i32", "%tokens", i)
            ends = self.put(f"icmp slt i32 {token}, 0")
            row = self.put(f"select i1 {ends}, i32 0, i32 {token}")
            threshold = self.load("i32", "%thresholds", self.put(f"zext i32 {row} to i64"))
            chosen = self.put(f"icmp ule i32 {self.load('i32', '%words', i)}, {threshold}")
            stays = self.put(f"and i1 {chosen}, {self.put(f'xor i1 {ends}, true')}")
            place = self.load("i64", kept)
            reach = self.load("i32", "%reaches", i)
            self.store("i32", token, "%ids", place)
            self.store("i32", reach, "%right", place)
            before = self.put(f"trunc i64 {self.sub(place, self.load('i64', start))} to i32")
            self.store("i32", self.put(f"call i32 @llvm.smin.i32(i32 {reach}, i32 {before})"), "%left", place)
            self.store("i64", self.add(place, self.put(f"zext i1 {stays} to i64")), kept)
            with self.when(ends):
                self.end_sentence(self.load("i64", start), self.load("i64", kept))
                self.store("i64", self.load("i64", kept), start)
        self.end_sentence(self.load("i64", start), self.load("i64", kept))
        self.store("i64", self.load("i64", kept), "%found")
        pointers = "ptr noalias %tokens, ptr noalias %thresholds, ptr noalias %words, ptr noalias %reaches"
        return self.function(
            f"define void @select({pointers}, ptr noalias %ids, ptr noalias %left, ptr noalias %right,"
            " ptr noalias %found, i64 %count, i64 %room, i64 %window, i64 %key, i64 %base)"
        )

    def end_sentence(self, start: str, stop: str) -> None:
        """Cut off what windows reach beyond the end of a sentence."""
        with self.loop("r", start, stop) as i:
            after = self.put(f"trunc i64 {self.sub(self.sub(stop, '1'), i)} to i32")
            reach = self.load("i32", "%right", i)
            self.store("i32", self.put(f"call i32 @llvm.smin.i32(i32 {reach}, i32 {after})"), "%right", i)
