"""How the changes of a batch are made, and the loop over batches that every thread runs.

Every row of the two matrices belongs to one thread, and it adds up the row's changes in the order of the positions
that they come from. Which thread that is depends on how many there are; the sums do not.
"""

from __future__ import annotations

from collections.abc import Callable

from lexgrad.compile.word2vec.share import Part

_SPREAD = 0x9E3779B1  # 2^32 over the golden ratio: neighbouring numbers go far apart (Knuth, TAOCP 3, 6.4)
_AHEAD = 3


class Apply(Part):
    """Writes ``apply(arguments, first, last, slot, thread, threads, own)``: a share's changes to this thread's rows."""

    def text(self) -> str:
        """The function."""
        self.list = self.own_memory()["list"]
        self.changes, moved, numbers = self.share_memory("%slot")
        ids = self.pointer("ids")
        low, high = self.span()
        if self.layout.subwords:
            self.subwords(ids, low, high)
        else:
            found = self.owned(low, high, lambda p: self.load("i32", ids, p), lambda p: self.sub(p, low))
            self.added(self.pointer("input"), self.changes, found)
        count = self.mul(self.sub("%last", "%first"), str(self.layout.targets))
        found = self.owned("0", count, lambda e: self.load("i32", numbers, e), lambda e: e)
        self.added(self.pointer("context"), moved, found)
        return self.function(
            "define internal void @apply(ptr %arguments, i64 %first, i64 %last, i64 %slot, i64 %thread, i64 %threads,"
            " ptr noalias %own) noinline"
        )

    def owned(self, start: str, stop: str, number: Callable[[str], str], place: Callable[[str], str]) -> str:
        """List the entries of rows that are this thread's: the row and the place of its change; returns how many."""
        found = self.slot("i64")
        self.store("i64", "0", found)
        with self.loop("e", start, stop) as e:
            row = number(e)
            at = self.load("i64", found)
            pair = self.at("i32", self.list, self.mul(at, "2"))
            self.store("i32", row, pair)
            self.store("i32", self.put(f"trunc i64 {place(e)} to i32"), pair, "1")
            own = self.put(f"and i1 {self.is_own(row)}, {self.put(f'icmp sge i32 {row}, 0')}")
            self.store("i64", self.add(at, self.put(f"zext i1 {own} to i64")), found)
        return self.load("i64", found)

    def is_own(self, row: str) -> str:
        """Whether a row belongs to this thread: four neighbours, whose memory overlaps at the edges, stay together."""
        mixed = self.put(f"mul i32 {self.put(f'lshr i32 {row}, 2')}, {_SPREAD - 2**32}")
        times = self.mul(self.put(f"zext i32 {mixed} to i64"), "%threads")
        owner = self.put(f"lshr i64 {times}, 32")
        return self.put(f"icmp eq i64 {owner}, %thread")

    def added(self, matrix: str, changes: str, found: str) -> None:
        """Add the changes that are listed to the rows of a matrix."""
        last = self.sub(found, "1")
        with self.loop("u", "0", found) as u:
            ahead = self.mul(self.least(self.add(u, str(_AHEAD)), last), "2")
            self.prefetch(self.row(matrix, self.number_at(self.list, ahead)))
            entry = self.mul(u, "2")
            row = self.row(matrix, self.number_at(self.list, entry))
            place = self.number_at(self.list, self.add(entry, "1"))
            self.add_row(row, self.at("float", changes, self.mul(place, str(self.layout.width))))

    def add_row(self, row: str, change: str) -> None:
        """Add a change to a row."""
        for start, lanes in self.pieces:
            type, at = f"<{lanes} x float>", self.at("float", row, str(start))
            step = self.load(type, self.at("float", change, str(start)), align=4)
            self.store(type, self.put(f"fadd {type} {self.load(type, at, align=4)}, {step}"), at, align=4)

    def subwords(self, ids: str, low: str, high: str) -> None:
        """Add the change of each position to this thread's rows among those of its word.

        As fastText does it (Bojanowski et al., "Enriching word vectors with subword information", TACL 2017), whose
        rows each take the whole step, so that a word moves as far as a word of skip-gram, however many rows it has.
        """
        starts, rows, matrix = self.pointer("starts"), self.pointer("rows"), self.pointer("input")
        with self.loop("p", low, high) as p:
            word = self.number_at(ids, p)
            change = self.at("float", self.changes, self.mul(self.sub(p, low), str(self.layout.width)))
            first, last = self.load("i64", starts, word), self.load("i64", starts, self.add(word, "1"))
            with self.loop("r", first, last) as r:
                number = self.load("i32", rows, r)
                with self.when(self.is_own(number)):
                    self.add_row(self.row(matrix, self.put(f"sext i32 {number} to i64")), change)


class Batches(Part):
    """Writes ``program(arguments, thread, threads, meeting)``, which every thread runs."""

    def text(self) -> str:
        """The function."""
        layout = self.layout
        batch, share = str(layout.batch), str(layout.share)
        count, rates = self.argument("count"), self.pointer("rates")
        size = layout.scratch()[1]
        own = self.at("i8", self.pointer("scratch"), self.mul("%thread", str(size)))
        batches = self.put(f"sdiv i64 {self.add(count, str(layout.batch - 1))}, {batch}")
        with self.loop("b", "0", batches) as b:
            start = self.mul(b, batch)
            stop = self.least(self.add(start, batch), count)
            shares = self.put(f"sdiv i64 {self.add(self.sub(stop, start), str(layout.share - 1))}, {share}")
            rate = self.load("float", rates, b)
            mine = self.put(f"sdiv i64 {self.mul(shares, '%thread')}, %threads")
            behind = self.put(f"sdiv i64 {self.mul(shares, self.add('%thread', '1'))}, %threads")
            with self.loop("s", mine, behind) as s:
                first = self.add(start, self.mul(s, share))
                last = self.least(self.add(first, share), stop)
                number = self.add(self.mul(b, str(layout.shares)), s)
                self.do(
                    f"call void @share(ptr %arguments, i64 {first}, i64 {last}, i64 {s}, i64 {number},"
                    f" float {rate}, ptr {own})"
                )
            self.do("call void @barrier(ptr %meeting, i64 %threads)")
            with self.loop("s", "0", shares) as s:
                first = self.add(start, self.mul(s, share))
                last = self.least(self.add(first, share), stop)
                self.do(
                    f"call void @apply(ptr %arguments, i64 {first}, i64 {last}, i64 {s}, i64 %thread, i64 %threads,"
                    f" ptr {own})"
                )
            self.do("call void @barrier(ptr %meeting, i64 %threads)")
        return self.function("define void @program(ptr %arguments, i64 %thread, i64 %threads, ptr %meeting)")
