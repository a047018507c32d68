"""The reference file: what is configured, as one YAML document, and the Reference made of it.

yaml_text     YAML to strings with their lines, and back
scalars       the types of single values, each read by one strict rule
model         the shape of the file: the contract
parts, number_parts   entries to the values of dialplan and tariffs
quick         numbers that are plainly good, in a tenth of the time
fit           whether the parts fit together
wording       faults of shape in plain words
build         entries to a Reference, with every fault
document      the file as text, faults told with their lines
"""

from callcontrol.reference_file.build import Built, Draft, ReferenceBuilder
from callcontrol.reference_file.document import (
    canonical,
    parse_reference,
    read_reference_file,
    text_of,
)
from callcontrol.reference_file.model import ReferenceFile

__all__ = [
    "Built",
    "Draft",
    "ReferenceBuilder",
    "ReferenceFile",
    "canonical",
    "parse_reference",
    "read_reference_file",
    "text_of",
]
