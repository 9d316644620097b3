"""What one thread does with a share of a batch: from the weights as they were, changes to be made.

Rows of the matrices are read, never written: the changes wait in the share's own memory until all threads have met.
"""

from __future__ import annotations

from collections.abc import Mapping

from lexgrad.compile.functions import float_text
from lexgrad.compile.machine import Processor
from lexgrad.compile.vector_code import LANES, VECTORISED
from lexgrad.compile.word2vec.layout import Code, Layout
from lexgrad.compile.word2vec.select import philox

VECTOR = f"<{LANES} x float>"

ARGUMENTS = (
    "input",
    "context",
    "ids",
    "left",
    "right",
    "count",
    "rates",
    "thresholds",
    "aliases",
    "words",
    "key",
    "base",
    "losses",
    "shared",
    "scratch",
    "starts",
    "rows",
    "scales",
)
"""The numbers and addresses that a launch hands over, eight bytes each, in this order."""


class Part(Code):
    """A function of the program that reads the launch's arguments."""

    def argument(self, name: str) -> str:
        """A number that a launch handed over."""
        return self.load("i64", "%arguments", str(ARGUMENTS.index(name)))

    def pointer(self, name: str) -> str:
        """An address that a launch handed over."""
        return self.load("ptr", "%arguments", str(ARGUMENTS.index(name)))

    def row(self, matrix: str, number: str) -> str:
        """A pointer to a row of a matrix of d columns."""
        return self.at("float", matrix, self.mul(number, str(self.layout.dimensions)))

    def share_memory(self, slot: str) -> tuple[str, str, str]:
        """Pointers to a share's changes of inputs, its changes of targets, and the numbers of those."""
        sizes = self.layout
        base = self.at("i8", self.pointer("shared"), self.mul(slot, str(sizes.share_bytes)))
        moved = self.at("i8", base, str(sizes.input_bytes))
        return base, moved, self.at("i8", moved, str(sizes.target_bytes))

    def own_memory(self) -> dict[str, str]:
        """Pointers to the arrays that each thread has for itself."""
        return {name: self.at("i8", "%own", str(offset)) for name, offset in self.layout.scratch()[0].items()}

    def span(self) -> tuple[str, str]:
        """The positions that the windows of the centres ``first … last-1`` may reach: from, and up to and without."""
        low = self.most(self.sub("%first", str(self.layout.window)), "0")
        return low, self.least(self.add("%last", str(self.layout.window)), self.argument("count"))


class Share(Part):
    """Writes ``share(arguments, first, last, slot, number, rate, own)``: changes of centres ``first … last-1``."""

    def __init__(self, layout: Layout, processor: Processor, groups: Mapping[int, str]) -> None:
        super().__init__(layout, processor)
        self.groups = groups

    def text(self) -> str:
        """The function."""
        self.ids = self.pointer("ids")
        self.context = self.pointer("context")
        self.own = self.own_memory()
        self.changes, self.moved, self.numbers = self.share_memory("%slot")
        self.low, high = self.span()
        self.gather(high)
        self.draw()
        total = self.own["total"]
        self.store(f"<{LANES} x double>", "zeroinitializer", total, align=64)
        left, right = self.pointer("left"), self.pointer("right")
        with self.loop("i", "%first", "%last") as i:
            self.centre(i, self.number_at(left, i), self.number_at(right, i))
        sum = self.load("double", total)
        for lane in range(1, LANES):
            sum = self.put(f"fadd double {sum}, {self.load('double', total, str(lane))}")
        self.store("double", sum, self.pointer("losses"), "%number")
        return self.function(
            "define internal void @share(ptr %arguments, i64 %first, i64 %last, i64 %slot, i64 %number, float %rate,"
            " ptr noalias %own) noinline"
        )

    # --- the tile of input vectors

    def gather(self, high: str) -> None:
        """Copy the input vectors of all positions, and set what they change by to 0."""
        matrix, last = self.pointer("input"), self.sub(high, "1")
        with self.loop("p", self.low, high) as p:
            tile = self.mul(self.sub(p, self.low), str(self.layout.width))
            ahead = self.number_at(self.ids, self.least(self.add(p, "4"), last))
            if not self.layout.subwords:
                self.prefetch(self.row(matrix, ahead))
            word = self.number_at(self.ids, p)
            place = self.at("float", self.own["inputs"], tile)
            if self.layout.subwords:
                self.mean_of_rows(matrix, word, place)
            else:
                self.copy(self.row(matrix, word), place)
            self.clear(self.at("float", self.changes, tile))

    def copy(self, row: str, tile: str) -> None:
        """Copy a row of a matrix; what a tile has beyond d stays 0."""
        for _, lanes in self.pieces:
            type = f"<{lanes} x float>"
            self.store(type, self.load(type, row, align=4), tile, align=4)
            row, tile = self.at("float", row, str(lanes)), self.at("float", tile, str(lanes))

    def clear(self, tile: str) -> None:
        """Set a row of a tile to 0."""
        for start in range(0, self.layout.width, LANES):
            self.store(VECTOR, "zeroinitializer", self.at("float", tile, str(start)), align=64)

    def mean_of_rows(self, matrix: str, word: str, tile: str) -> None:
        """A word's vector as the mean of its rows."""
        starts, rows = self.pointer("starts"), self.pointer("rows")
        first, last = self.load("i64", starts, word), self.load("i64", starts, self.add(word, "1"))
        scale = self.load("float", self.pointer("scales"), word)
        for start, lanes in self.pieces:
            type = f"<{lanes} x float>"
            slot = self.slot(type)
            self.store(type, "zeroinitializer", slot)
            with self.loop("r", first, last) as r:
                row = self.at("float", self.row(matrix, self.number_at(rows, r)), str(start))
                sum = self.put(f"fadd {type} {self.load(type, slot)}, {self.load(type, row, align=4)}")
                self.store(type, sum, slot)
            mean = self.put(f"fmul {type} {self.load(type, slot)}, {self.splat(lanes, scale)}")
            self.store(type, mean, self.at("float", tile, str(start)), align=4)

    # --- noise

    def draw(self) -> None:
        """Draw the noise of every centre from an alias table (Walker 1977; Vose 1991)."""
        negatives = str(self.layout.negatives)
        thresholds, aliases = self.pointer("thresholds"), self.pointer("aliases")
        words, key = self.argument("words"), self.argument("key")
        first = self.mul(self.put(f"add i64 {self.argument('base')}, %first"), negatives)
        count = self.mul(self.sub("%last", "%first"), negatives)
        whole = self.put(f"and i64 {self.add(count, '15')}, -16")
        with self.loop("q", "0", whole, hint=VECTORISED) as q:
            where, which = philox(self, key, self.put(f"add i64 {first}, {q}"))
            entry = self.put(f"lshr i64 {self.put(f'mul i64 {where}, {words}')}, 32")
            threshold = self.put(f"zext i32 {self.load('i32', thresholds, entry)} to i64")
            own = self.put(f"icmp ule i64 {which}, {threshold}")
            alias = self.load("i32", aliases, entry)
            chosen = self.put(f"select i1 {own}, i32 {self.put(f'trunc i64 {entry} to i32')}, i32 {alias}")
            self.store("i32", chosen, self.own["noise"], q)

    # --- one centre

    def centre(self, i: str, left: str, right: str) -> None:
        """All pairs of one centre with the words of its window."""
        targets = self.layout.targets
        n = self.add(left, right)
        from_first = self.sub(i, "%first")
        noise = self.mul(from_first, str(self.layout.negatives))
        numbers = self.at("i32", self.numbers, self.mul(from_first, str(targets)))
        word = self.load("i32", self.ids, i)
        alone = self.put(f"icmp eq i64 {n}, 0")
        chosen = [word]
        chosen += [self.load("i32", self.own["noise"], self.add(noise, str(k))) for k in range(targets - 1)]
        for k, number in enumerate(chosen):
            self.store("i32", self.put(f"select i1 {alone}, i32 -1, i32 {number}"), numbers, str(k))
        self.fetch_next(i, noise)
        with self.when(self.put(f"icmp ne i64 {n}, 0")):
            self.neighbours(i, left, right)
            inputs, changes = self.own["inputs"], self.changes
            if self.layout.cbow:
                scale = self.put(f"fdiv float {float_text(1.0)}, {self.put(f'sitofp i64 {n} to float')}")
                self.mean(n, scale)
                inputs, changes = self.own["mean"], self.own["change"]
            places, rows = (self.own["places"], n)
            if self.layout.cbow:
                places, rows = "@lg.nowhere", "1"
            moved = self.at("float", self.moved, self.mul(from_first, str(targets * self.layout.width)))
            for start, count in self.layout.blocks:
                self.group(start, chosen[start : start + count], word, inputs, changes, places, rows, moved)
            if self.layout.cbow:
                self.spread(n, scale)

    def fetch_next(self, i: str, noise: str) -> None:
        """Ask for the target vectors of the next centre."""
        last = self.sub("%last", "1")
        following = self.number_at(self.ids, self.least(self.add(i, "1"), last))
        self.prefetch(self.row(self.context, following))
        most = self.mul(self.sub(last, "%first"), str(self.layout.negatives))
        ahead = self.least(self.add(noise, str(self.layout.negatives)), most)
        for k in range(self.layout.negatives):
            self.prefetch(self.row(self.context, self.number_at(self.own["noise"], self.add(ahead, str(k)))))

    def neighbours(self, i: str, left: str, right: str) -> None:
        """Where the rows of the window lie in the tile."""
        width, places = str(self.layout.width), self.own["places"]
        start = self.sub(self.sub(i, left), self.low)
        with self.loop("w", "0", left) as j:
            self.store("i64", self.mul(self.add(start, j), width), places, j)
        after = self.add(self.sub(i, self.low), "1")
        with self.loop("w", "0", right) as j:
            self.store("i64", self.mul(self.add(after, j), width), places, self.add(left, j))

    def group(
        self,
        start: int,
        chosen: list[str],
        word: str,
        inputs: str,
        changes: str,
        places: str,
        rows: str,
        moved: str,
    ) -> None:
        """Some of the targets: copy their vectors, and call the function that does the arithmetic."""
        void = "0"
        for k, number in enumerate(chosen):
            row = self.row(self.context, self.put(f"sext i32 {number} to i64"))
            self.copy(row, self.at("float", self.own["targets"], str(k * self.layout.width)))
            if start + k:
                same = self.put(f"zext i1 {self.put(f'icmp eq i32 {number}, {word}')} to i64")
                void = self.put(f"or i64 {void}, {self.put(f'shl i64 {same}, {k}')}")
        target = self.at("float", moved, str(start * self.layout.width))
        own = ", ".join(f"ptr {self.own[name]}" for name in ("scores", "factors", "losses", "total"))
        self.do(
            f"call void @{self.groups[start]}(ptr {inputs}, ptr {changes}, ptr {places}, i64 {rows},"
            f" ptr {self.own['targets']}, ptr {target}, i64 {void}, float %rate, {own})"
        )

    # --- CBOW: the mean of the neighbours is the one input

    def mean(self, n: str, scale: str) -> None:
        """The mean of the input vectors of the window, and its change, which begins at 0."""
        factor = self.splat(LANES, scale)
        with self.loop("c", "0", str(self.layout.width), str(LANES)) as c:
            slot = self.slot(VECTOR)
            self.store(VECTOR, "zeroinitializer", slot)
            with self.loop("j", "0", n) as j:
                place = self.add(self.load("i64", self.own["places"], j), c)
                x = self.load(VECTOR, self.at("float", self.own["inputs"], place), align=64)
                self.store(VECTOR, self.put(f"fadd {VECTOR} {self.load(VECTOR, slot)}, {x}"), slot)
            mean = self.put(f"fmul {VECTOR} {self.load(VECTOR, slot)}, {factor}")
            self.store(VECTOR, mean, self.at("float", self.own["mean"], c), align=64)
        self.clear(self.own["change"])

    def spread(self, n: str, scale: str) -> None:
        """The gradient of a mean goes to each of its terms, divided by how many there are."""
        factor = self.splat(LANES, scale)
        with self.loop("c", "0", str(self.layout.width), str(LANES)) as c:
            change = self.load(VECTOR, self.at("float", self.own["change"], c), align=64)
            each = self.put(f"fmul {VECTOR} {change}, {factor}")
            with self.loop("j", "0", n) as j:
                place = self.at("float", self.changes, self.add(self.load("i64", self.own["places"], j), c))
                before = self.load(VECTOR, place, align=64)
                self.store(VECTOR, self.put(f"fadd {VECTOR} {before}, {each}"), place, align=64)
