"""The command line with the engine's own runtime, where gVisor would be taken.

gVisor of 2022, which Debian 12 has, loses the end of a child process now and then, and some agent programs wait for it
without end. What is shown so is the agent's work, not a wall; walls are shown with gVisor elsewhere.
"""

import sys
from pathlib import Path

from bottle.adapters.docker.backend import DockerBackend
from bottle.cli import main as program

ROOT = Path(__file__).parents[2]
CODE = f"import sys; sys.path[:0] = {[str(ROOT / 'src'), str(ROOT)]}; from {__name__} import main; main()"
PROGRAM = (sys.executable, "-c", CODE)


def main() -> None:
    """As the program's own."""
    assert DockerBackend.__init__.__kwdefaults__ is not None
    DockerBackend.__init__.__kwdefaults__["use_gvisor"] = False
    program.main()
