"""`callcontrol schema`: prints the JSON Schema of the reference file."""

from __future__ import annotations

import json

from callcontrol.reference_file.model import ReferenceFile


def schema() -> None:
    """Print the JSON Schema of the reference file, the contract of `load` and `export`.

    An editor that knows JSON Schema completes and checks reference files with it.
    """
    contract = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    print(json.dumps(contract | ReferenceFile.model_json_schema(), indent=2))
