"""What the core says of the command line, as it is said in Python."""

from __future__ import annotations

import re

# The options of a connection, as the command line has them.
OPTIONS = {
    "host": "grpc-host",
    "port": "grpc-port",
    "userid": "userid",
    "access_token": "access-token",
    "access_token_file": "access-token-file",
    "jwt": "jwt-access-token",
    "tls_cert": "tls-cert",
    "profile": "profile",
    "profile_file": "profile-file",
}
_NAMES = {f"--{option}": name for name, option in OPTIONS.items()}

# Commands that have a call in their place.
_CALLS = {
    "config update": "client.update_settings(…)",
    "job export": "job.to_yaml()",
    "job get": "client.jobs()",
    "job modify": "job.modify(…)",
    "node get": "client.nodes()",
    "run download": "run.download()",
    "run get": "client.runs(…)",
    "run logs": "run.logs()",
    "run why": "run.events()",
}


def in_python(text: str) -> str:
    """The text with calls and parameters in the place of commands and options, where there are such."""
    text = re.sub(r"'leoscope (\w+ \w+)[^']*'", lambda found: _CALLS.get(found[1], found[0]), text)
    return re.sub(r"--[a-z-]+", lambda found: _NAMES.get(found[0], found[0]), text)
