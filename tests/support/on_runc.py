"""`python on_runc.py ARGUMENTS`: the command line with the engine's own runtime, where gVisor would be taken.

gVisor of 2022, which Debian 12 has, loses the end of a child process now and then, and some agent programs wait for it
without end. What is shown so is the agent's work, not a wall; walls are shown with gVisor elsewhere.
"""

from bottle.adapters.docker.backend import DockerBackend
from bottle.cli.main import main

if __name__ == "__main__":
    assert DockerBackend.__init__.__kwdefaults__ is not None
    DockerBackend.__init__.__kwdefaults__["use_gvisor"] = False
    main()
