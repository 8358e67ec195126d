"""What is changed: mutmut's mutators over whole files, what stands outside of functions included.

mutmut's own way of running needs every variant in one file, chosen when a function is called, and so leaves out tables,
expressions and classes, of which this code is made.
"""

import fnmatch
import random
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import libcst
from attrs import field, frozen
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider
from mutmut.mutation.file_mutation import Mutation, create_mutations

_PROSE: Final = re.compile(r"""[fF]?["'].*[A-Za-z,:`] [A-Za-z`].*["']\Z""")


@frozen
class Mutant:
    """A file with one change, which begins in `line`. `before` and `after` are the lines that differ."""

    path: Path
    name: str
    """The module's, as it is imported."""
    line: int
    before: str
    after: str
    code: str = field(repr=False)


@frozen
class Alike:
    """Changes that no test can see, and why: of the modules that a shell's pattern names, those whose lines hold these
    expressions before and after. `of_case`: of these, changes between capitals and small letters alone."""

    module: str
    why: str
    before: str = ""
    after: str = ""
    of_case: bool = False

    def covers(self, mutant: Mutant) -> bool:
        """Whether the change is one of them."""
        is_there = fnmatch.fnmatchcase(mutant.name, self.module)
        is_so = re.search(self.before, mutant.before) and re.search(self.after, mutant.after)
        is_meant = not self.of_case or mutant.before.lower() == mutant.after.lower()
        return is_there and is_meant and bool(is_so)


def mutants_of(path: Path, name: str) -> Iterator[Mutant]:
    """All changes of a file, but those of words that only people read."""
    code = path.read_text()
    module, mutations, _, _ = create_mutations(str(path), code)
    positions: Mapping[libcst.CSTNode, CodeRange] = MetadataWrapper(module, unsafe_skip_copy=True).resolve(
        PositionProvider
    )
    for mutation in mutations:
        changed = module.deep_replace(mutation.original_node, mutation.mutated_node)
        if isinstance(changed, libcst.Module) and not _is_prose(module, mutation):
            line = positions[mutation.original_node].start.line
            before, after = _difference(code, changed.code)
            yield Mutant(path, name, line, before, after, changed.code)


def sampled(mutants: Iterable[Mutant], most: int | None, seed: str) -> list[Mutant]:
    """At most so many of them, the same each time; all where `most` is None."""
    everything = list(mutants)
    if most is None or len(everything) <= most:
        return everything
    chosen = random.Random(seed).sample(range(len(everything)), most)
    return [everything[number] for number in sorted(chosen)]


def _is_prose(module: libcst.Module, mutation: Mutation) -> bool:
    node = mutation.original_node
    return isinstance(node, libcst.SimpleString) and _PROSE.match(module.code_for_node(node)) is not None


def _difference(before: str, after: str) -> tuple[str, str]:
    """The lines in which two texts differ that differ in one place."""
    old, new = before.splitlines(), after.splitlines()
    first = next((at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), len(old))
    ends = zip(reversed(old[first:]), reversed(new[first:]), strict=False)
    last = next((at for at, (one, other) in enumerate(ends) if one != other), 0)
    return _joined(old[first : len(old) - last]), _joined(new[first : len(new) - last])


def _joined(lines: list[str]) -> str:
    return " ".join(line.strip() for line in lines)
