"""A host whose repositories are made up."""

from pathlib import Path


class FakeSeeds:
    """seeds.Seeds that remember where they were wanted."""

    def __init__(self, fault: str = "") -> None:
        self.fault = fault
        self.planted: list[tuple[Path, Path]] = []
        self.standing: list[Path] = []

    def plant(self, repository: Path, folder: Path) -> str:
        self.planted.append((repository, folder))
        if not self.fault:
            self.standing.append(folder)
        return self.fault

    def remove(self, folder: Path) -> None:
        self.standing = [other for other in self.standing if other != folder]
