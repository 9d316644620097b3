"""One group of the update: some input vectors against some targets, all of them pairs.

For inputs x_j and targets o_k, of which k = 0 may be the word that stands there (label 1) and the others noise (0):

    s_jk = x_j · o_k          p_jk = σ(±s_jk), the sign that of the label
    L    = Σ_jk -log p_jk
    f_jk = η ∂(-L)/∂s_jk = ±η (1 - p_jk)
    Δx_j = Σ_k f_jk o_k       Δo_k = Σ_j f_jk x_j

The three gradients of skip-gram with negative sampling (Mikolov et al., "Distributed representations of words and
phrases and their compositionality", NIPS 2013), as three small matrix products; that noise is shared by the neighbours
of a centre is what makes them products (Ji et al., "Parallelizing word2vec in shared and distributed memory", 2016).
"""

from __future__ import annotations

from lexgrad.compile.functions import float_text
from lexgrad.compile.machine import Processor
from lexgrad.compile.vector_code import LANES, PLAIN, VECTORISED
from lexgrad.compile.word2vec.layout import Code, Layout

VECTOR = f"<{LANES} x float>"
DOUBLES = f"<{LANES} x double>"

GROUP = (
    "ptr noalias %inputs, ptr noalias %changes, ptr noalias %places, i64 %n, ptr noalias %targets, ptr noalias %moved,"
    " i64 %void, float %rate, ptr noalias %scores, ptr noalias %factors, ptr noalias %losses, ptr noalias %total"
)
"""Parameters of a group: tiles of inputs and of their changes, the offsets of the rows in both and how many, the rows
of the targets and what they move by, a bit for each target that does not count, the rate, and memory to work in."""


class Group(Code):
    """Writes the function of a group for a number of targets; ``first`` says whether target 0 has the label 1."""

    def __init__(self, layout: Layout, processor: Processor, targets: int, first: bool) -> None:
        super().__init__(layout, processor)
        self.targets = targets
        self.name = f"group{targets}{'p' if first else 'n'}"
        self.first = first

    def text(self) -> str:
        """The constant of signs, and the function."""
        self.dots()
        self.without_void()
        self.coefficients()
        self.products()
        count = self.layout.scores
        signs = (1.0 if self.first and e % self.targets == 0 else -1.0 for e in range(count))
        entries = ", ".join(f"float {float_text(sign)}" for sign in signs)
        constant = f"@{self.name}.signs = internal constant [{count} x float] [{entries}], align 64"
        return constant + "\n" + self.function(f"define internal void @{self.name}({GROUP}) noinline")

    # --- s_jk = x_j · o_k

    def dots(self) -> None:
        """Scores, input by input, into ``scores``."""
        most = 4 if self.processor.vector_bits == 512 else 1
        whole = self.put(f"and i64 %n, {-most}")
        with self.loop("j", "0", whole, str(most)) as j:
            self.some_dots(j, most)
        done, size = whole, most // 2
        while size:
            bit = self.put(f"and i64 %n, {size}")
            with self.when(self.put(f"icmp ne i64 {bit}, 0")):
                self.some_dots(done, size)
            done = self.add(done, bit)
            size //= 2

    def some_dots(self, j: str, count: int) -> None:
        """Scores of ``count`` inputs from the ``j``-th on."""
        rows = [self.load("i64", "%places", self.add(j, str(i))) for i in range(count)]
        inputs = [self.at("float", "%inputs", row) for row in rows]
        sums = [self.slot(VECTOR) for _ in range(count * self.targets)]
        for total in sums:
            self.store(VECTOR, "zeroinitializer", total)
        with self.loop("c", "0", str(self.layout.width), str(LANES)) as c:
            columns = [self.load(VECTOR, self.at("float", row, c), align=64) for row in inputs]
            for k in range(self.targets):
                target = self.load(
                    VECTOR, self.at("float", "%targets", self.add(c, str(k * self.layout.width))), align=64
                )
                for i, column in enumerate(columns):
                    total = sums[i * self.targets + k]
                    self.store(VECTOR, self.multiply_add(LANES, column, target, self.load(VECTOR, total)), total)
        start = self.mul(j, str(self.targets))
        vectors = self.summed([self.load(VECTOR, total) for total in sums])
        for number, vector in enumerate(vectors):
            place = self.at("float", "%scores", self.add(start, str(number * LANES)))
            self.store(VECTOR, vector, place, align=4)

    def summed(self, vectors: list[str]) -> list[str]:
        """The sum of each vector: halves are added until each has one lane; 16 sums make a vector."""
        lanes = LANES
        while lanes > 1:
            half = lanes // 2
            starts = range(0, 2 * LANES, lanes)
            low = ", ".join(f"i32 {start + i}" for start in starts for i in range(half))
            high = ", ".join(f"i32 {start + half + i}" for start in starts for i in range(half))
            paired = []
            for i in range(0, len(vectors), 2):
                pair = (
                    f"{VECTOR} {vectors[i]}, {VECTOR} {vectors[i + 1] if i + 1 < len(vectors) else 'zeroinitializer'}"
                )
                x = self.put(f"shufflevector {pair}, <{LANES} x i32> <{low}>")
                y = self.put(f"shufflevector {pair}, <{LANES} x i32> <{high}>")
                paired.append(self.put(f"fadd {VECTOR} {x}, {y}"))
            vectors, lanes = paired, half
        return vectors

    # --- f_jk and the loss

    def without_void(self) -> None:
        """Noise that is the centre itself does not count: its scores are set so low that nothing comes of them."""
        with self.when(self.put("icmp ne i64 %void, 0")):
            for k in range(self.targets):
                bit = self.put(f"and i64 %void, {1 << k}")
                with self.when(self.put(f"icmp ne i64 {bit}, 0")), self.loop("v", "0", "%n") as j:
                    place = self.add(self.mul(j, str(self.targets)), str(k))
                    self.store("float", float_text(-1e4), "%scores", place)

    def coefficients(self) -> None:
        """Factors into ``factors``, and the sum of the losses to ``total``."""
        count = self.mul("%n", str(self.targets))
        whole = self.put(f"and i64 {self.add(count, str(LANES - 1))}, {-LANES}")
        with self.loop("e", "0", whole, hint=VECTORISED) as e:
            sign = self.load("float", f"@{self.name}.signs", e)
            against = self.put(f"fmul float {self.put(f'fneg float {sign}')}, {self.load('float', '%scores', e)}")
            over = self.put(f"fcmp ogt float {against}, {float_text(88.0)}")
            bounded = self.put(f"select i1 {over}, float {float_text(88.0)}, float {against}")
            power = self.put(f"call float @lg.exp(float {bounded})")
            sum = self.put(f"fadd float {power}, {float_text(1.0)}")
            missing = self.put(f"fdiv float {power}, {sum}")
            signed = self.put(f"fmul float {sign}, %rate")
            self.store("float", self.put(f"fmul float {signed}, {missing}"), "%factors", e)
            loss = self.put(f"call float @lg.log(float {sum})")
            real = self.put(f"icmp slt i64 {e}, {count}")
            self.store("float", self.put(f"select i1 {real}, float {loss}, float {float_text(0.0)}"), "%losses", e)
        with self.loop("v", "0", whole, str(LANES)) as v:
            loss = self.load(VECTOR, self.at("float", "%losses", v), align=64)
            wide = self.put(f"fpext {VECTOR} {loss} to {DOUBLES}")
            before = self.load(DOUBLES, "%total", align=64)
            self.store(DOUBLES, self.put(f"fadd {DOUBLES} {before}, {wide}"), "%total", align=64)

    # --- Δx_j and Δo_k

    def products(self) -> None:
        """Add to the changes of the inputs, and write those of the targets."""
        widest = {512: 2 * LANES, 256: 8}.get(self.processor.vector_bits, 8 if self.processor.registers == 32 else 4)
        width = self.layout.width
        whole = width - width % widest
        self.columns(0, whole, widest)
        if whole < width:
            self.columns(whole, width, LANES)

    def columns(self, start: int, stop: int, lanes: int) -> None:
        """The products for some columns, ``lanes`` at a time."""
        type, align, targets = f"<{lanes} x float>", min(lanes * 4, 64), range(self.targets)
        with self.loop("c", str(start), str(stop), str(lanes)) as c:
            places = [self.add(c, str(k * self.layout.width)) for k in targets]
            rows = [self.load(type, self.at("float", "%targets", place), align=align) for place in places]
            moved = [self.slot(type) for _ in targets]
            for slot in moved:
                self.store(type, "zeroinitializer", slot)
            with self.loop("j", "0", "%n", hint=PLAIN) as j:
                place = self.add(self.load("i64", "%places", j), c)
                x = self.load(type, self.at("float", "%inputs", place), align=align)
                change = self.at("float", "%changes", place)
                total = self.load(type, change, align=align)
                first = self.mul(j, str(self.targets))
                for k in targets:
                    factor = self.splat(lanes, self.load("float", "%factors", self.add(first, str(k))))
                    total = self.multiply_add(lanes, factor, rows[k], total)
                    self.store(type, self.multiply_add(lanes, factor, x, self.load(type, moved[k])), moved[k])
                self.store(type, total, change, align=align)
            for place, slot in zip(places, moved, strict=True):
                self.store(type, self.load(type, slot), self.at("float", "%moved", place), align=align)
