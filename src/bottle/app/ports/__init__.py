"""What the application needs of the world, as Protocols; each docstring is the promise that adapter and fake both keep.

The contract suites (tests/contract) run the same cases on both. Every failure that a person can mend is a BottleError.
"""

from bottle.app.ports.backends import Backend, Bottle, Cargo, ExecResult, Heard, Running, Survey
from bottle.app.ports.people import Interruptions, Operator, Progress, Stopping
from bottle.app.ports.secrets import BottleCertificates, CertificateAuthority, Credentials, DeployKeys, GitKeys, Login
from bottle.app.ports.sources import Manifests, Providers, Seeds, Workspaces
from bottle.app.ports.state import Snapshots, StateStore, TrailEnd
from bottle.app.ports.supervise import Editor, HomeManifests, ManifestEdit, Notifier, Rooms, SuperviseStore
from bottle.app.ports.world import Clock, Entropy, World

__all__ = [
    "Backend",
    "Bottle",
    "BottleCertificates",
    "Cargo",
    "CertificateAuthority",
    "Clock",
    "Credentials",
    "DeployKeys",
    "Editor",
    "Entropy",
    "ExecResult",
    "GitKeys",
    "Heard",
    "HomeManifests",
    "Interruptions",
    "Login",
    "ManifestEdit",
    "Manifests",
    "Notifier",
    "Operator",
    "Progress",
    "Providers",
    "Rooms",
    "Running",
    "Seeds",
    "Snapshots",
    "StateStore",
    "Stopping",
    "SuperviseStore",
    "Survey",
    "TrailEnd",
    "Workspaces",
    "World",
]
