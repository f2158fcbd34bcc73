"""What schemathesis sends as photographs: real ones, so that it gets past them to the options."""

import schemathesis
from hypothesis import strategies

from tests.serving import PHOTO, picture

photographs = strategies.sampled_from([PHOTO, picture("PNG"), picture("TIFF")])
schemathesis.openapi.media_type("application/octet-stream", photographs)
schemathesis.openapi.format("binary", photographs)
hints = strategies.sampled_from(["5,5,#ff0000", "0,0,#00ff00,3\n10,12.5,#0000ff"])
schemathesis.openapi.format("hints", hints)
