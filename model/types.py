"""Types that more than one part of the package speaks of."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

# The rules by which a text is cut into the tokens of a vocabulary.
Split = Literal["whitespace", "word", "character", "basic-english", "keras"]
